"""Words and phrases that are replaced, found in a text that grows."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable
from unicodedata import normalize

from ..borders import joined
from ..word_borders import UNSPACED

_TOKEN = re.compile(rf"{UNSPACED}|(?:(?!{UNSPACED})\w)+|[^\w\s]")
_UNSPACED = re.compile(UNSPACED)


class WholeWords:
    """Finds ``keys``, words and phrases, in a text of which more may come: the longest one that fits, in whole words.

    Upper and lower case count. A blank in a key is any blank. Where a key begins or ends with a letter or digit, none
    may stand beside it, except in scripts without spaces; where it ends with a letter, no mark may follow that changes
    it.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._names: dict[str, str] = {}  # a key as it may be written -> the key
        self._lengths: dict[str, set[int]] = {}  # of the keys that begin with a token
        for key in keys:
            plain = " ".join(key.split())
            for form in (plain,) if plain.isascii() else (normalize("NFD", plain), normalize("NFC", plain), plain):
                self._names[form] = key
                self._lengths.setdefault(_head(form), set()).add(len(form))
        self._sorted = sorted(self._names)
        self._longest = max(map(len, self._sorted), default=0)

    def find(self, text: str, at: int, *, final: bool, blank: bool) -> tuple[int, int, str] | None:
        """The first key from ``at`` on: where it begins, ends, and the key; an end of -1 where more text will decide.

        ``final``: the text ends here; ``blank``: a blank follows it.
        """
        for token in _TOKEN.finditer(text, at):
            start = token.start()
            if not final and len(text) - start <= self._longest and self._may_go_on(text[start:], blank=blank):
                if _begins(text, start):
                    return start, -1, ""
            elif token[0] in self._lengths and _begins(text, start) and (found := self._at(text, start, token[0])):
                return start, *found
        return None

    def _may_go_on(self, tail: str, *, blank: bool) -> bool:
        """Whether a key may be more than what is there of it."""
        tail = tail.replace("\n", " ") + (" " if blank else "")
        place = bisect_left(self._sorted, tail)
        return place < len(self._sorted) and self._sorted[place].startswith(tail)

    def _at(self, text: str, start: int, head: str) -> tuple[int, str] | None:
        for length in sorted(self._lengths[head], reverse=True):
            end = start + length
            key = self._names.get(text[start:end].replace("\n", " "))
            if key is not None and _ends(text, end):
                return end, key
        return None


def _head(key: str) -> str:
    token = _TOKEN.match(key)
    return token[0] if token else ""


def _begins(text: str, start: int) -> bool:
    """Whether what begins at ``start`` is no part of a word before it."""
    return not start or not (_together(text, start) or joined(text, start))


def _ends(text: str, end: int) -> bool:
    return end >= len(text) or not (_together(text, end) or joined(text, end))


def _together(text: str, at: int) -> bool:
    """Whether the letters or digits on both sides of ``at`` are of one word."""
    before, after = text[at - 1], text[at]
    letters = (before.isalnum() or before == "_") and (after.isalnum() or after == "_")
    return letters and not _UNSPACED.match(before) and not _UNSPACED.match(after)
