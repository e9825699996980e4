"""Reads JSON messages of services within bounds, and finds what stands at a place in them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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


def at_place(value: object, place: str) -> Any:
    """What stands at ``place``: names with dots between them lead into tables, numbers into lists, and ``*`` into each
    entry of a list, which gives a list. None where there is nothing.
    """
    name, _, rest = place.partition(".")
    if name == "*" and isinstance(value, list):
        return [at_place(each, rest) if rest else each for each in value]
    if isinstance(value, Mapping):
        found = value.get(name)
    elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        found = value[int(name)]
    else:
        return None
    return at_place(found, rest) if rest else found


def first_at(value: object, places: Iterable[str]) -> Any:
    """The first of ``places`` where something stands."""
    return next((found for place in places if (found := at_place(value, place)) is not None), None)


def shows(message: object, signs: Sequence[Mapping[str, Any]], there: str) -> bool:
    """Whether ``message`` shows one of ``signs``: at each of its places stands what it says, or anything for
    ``there``.
    """
    return any(
        all(_stands(at_place(message, place), wanted, there) for place, wanted in sign.items()) for sign in signs
    )


def _stands(found: Any, wanted: Any, there: str) -> bool:
    if wanted == there:
        return found is not None and found not in (0, "")
    return type(found) is type(wanted) and found == wanted
