"""Benchmarks: measures the promises of oggstream. Started by tools/bench; one module per group of rows of its table."""
