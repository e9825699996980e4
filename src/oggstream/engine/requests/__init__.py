"""The request side of a speech: text in pieces, a request per piece, bytes as items. Knows no ring and no sink."""
