"""What tools/fuzz runs: a coverage-guided search for bytes that break the reader, the decoder or ``inspect``."""
