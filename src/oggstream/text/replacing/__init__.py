"""Replaces words and patterns in a text that is still being written: whole words, patterns, and the stage for both."""
