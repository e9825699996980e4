"""Measures what oggstream promises. Started by tools/bench; one module per group of rows of its table."""
