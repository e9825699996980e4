"""The latency lab: captures replayed over recorded networks, and what the playout paid above the best there is."""
