"""Ogg Opus without a codec (RFC 6716 section 3, RFC 7845): headers, packets, positions. Knows only bytes."""
