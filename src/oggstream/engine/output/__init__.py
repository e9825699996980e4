"""The playback side of a speech: decodes items into the ring, and tracks what was heard."""
