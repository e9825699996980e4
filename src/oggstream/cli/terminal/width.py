"""Width of text on a terminal, in cells."""

from __future__ import annotations

from unicodedata import category, east_asian_width

ELLIPSIS = "..."
_JOINER, _EMOJI = "\u200d", "\ufe0f"


def cells(text: str) -> int:
    """Cells that ``text`` takes at most: two for wide East Asian signs and emoji, none for marks on another sign."""
    return len(text) if text.isascii() else sum(map(_cells_of, text))


def _cells_of(sign: str) -> int:
    if sign.isascii():
        return 1
    if sign == _EMOJI:  # some terminals widen the sign before it
        return 1
    if sign == _JOINER or category(sign) in ("Mn", "Me"):
        return 0
    return 2 if east_asian_width(sign) in "WF" else 1


def fitted(text: str, width: int) -> str:
    """``text``, or its beginning and an ellipsis, in at most ``width`` cells."""
    if cells(text) <= width:
        return text
    mark = ELLIPSIS if width > 2 * len(ELLIPSIS) else ""
    left = width - len(mark)
    end = 0
    for sign in text:
        left -= _cells_of(sign)
        if left < 0:
            break
        end += 1
    return text[:end].rstrip() + mark


def one_line(text: str) -> str:
    """``text`` with every run of white space as one space, and without anything that acts on a terminal."""
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable() or sign == _JOINER)
