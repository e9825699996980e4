"""Ogg (RFC 3533): pages, packets, checksums, and the writer. Pure; knows no Opus."""
