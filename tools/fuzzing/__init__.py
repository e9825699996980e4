"""The code of tools/fuzz: a coverage-guided search for bytes that break the reader, the decoder or ``inspect``."""
