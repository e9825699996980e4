"""Opus in Ogg (RFC 6716, RFC 7845): headers, packets, positions, and the codec library."""
