"""Recorded answers: the two files of a capture, the source that writes them, and the source that replays them."""
