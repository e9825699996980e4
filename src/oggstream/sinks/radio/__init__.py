"""Radio: mounts of Icecast, whose listeners and relays take it from there."""
