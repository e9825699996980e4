"""Decides when to start, and what to do when the next packet is late. Pure: takes the time, returns a decision."""
