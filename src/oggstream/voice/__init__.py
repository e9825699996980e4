"""What speaks on this machine: text in, sound out. Knows no HTTP and no endpoint; the endpoint is built on it."""
