"""Many nodes of the endpoint on one machine, behind a load balancer, while things go wrong."""
