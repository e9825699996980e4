"""Reads JSON messages of services within bounds. Pure."""

from __future__ import annotations

import json

LONGEST_MESSAGE = 8 << 20
"""Bytes of a message of the service: two minutes of speech in one frame."""
LONGEST_TEXT_MESSAGE = 1 << 20
"""Characters of a message that is not ASCII: it takes up to four bytes for each. Audio is base64, which is ASCII."""
MOST_VALUES = 50_000
"""Values in one message: each takes a hundred bytes or more, however short its text is."""


def parse_message(text: str) -> object:
    """What a message holds. Raises `ValueError` for what is no JSON, and for what would take too much memory."""
    if len(text) > LONGEST_TEXT_MESSAGE and not text.isascii():
        raise ValueError("a message of more than 1 MB that is not base64")
    if sum(map(text.count, ",[{")) > MOST_VALUES:
        raise ValueError(f"a message of more than {MOST_VALUES} values")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("what is no JSON") from None
