"""The words of a text, and how long each takes to say next to the others: an estimate from its characters."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import NamedTuple
from unicodedata import category

from .told_text import words_of

WORD = 0.6
"""What a word weighs besides its characters; a letter weighs 1."""
ENDING = 3.0
"""What the last word of a clause weighs more: voices slow down there."""
DIGIT = 5.5
SYMBOL = 8.0
"""A sign that is read as a word, such as % or &."""
SPELT = 4.0
"""A letter that is read by its name, as in "IBM"."""
SENTENCE, CLAUSE = 2, 1
"""The borders behind a word; 0: none."""

_CLAUSE_ENDS = frozenset(",;:\u2013\u2014)\u3001\uff0c\uff1b\uff1a\u060c\u061b")
_SENTENCE_ENDS = frozenset(".!?\u2026\n\u3002\uff01\uff1f\uff61\u061f\u06d4\u0964\u0965\u104b\u1362\u17d4")
_SPELT = re.compile(r"[B-DF-HJ-NP-TV-XZ]{2,6}\Z|[A-Z](?:\.[A-Z])+\Z")
_HEAVY = (  # first and last character, and the weight of those between
    ("\u0e00", "\u0eff", 1.3),  # Thai, Lao
    ("\u1000", "\u109f", 1.3),
    ("\u1780", "\u17ff", 1.3),
    ("\u3040", "\u30ff", 2.3),  # kana: a mora
    ("\u31f0", "\u31ff", 2.3),
    ("\u3400", "\u9fff", 3.8),  # Han
    ("\uac00", "\ud7af", 3.3),  # Hangul
    ("\uf900", "\ufaff", 3.8),
    ("\uff66", "\uff9f", 2.3),
    ("\U0001b000", "\U0001b16f", 2.3),
    ("\U00020000", "\U0003ffff", 3.8),
)


class WeighedWord(NamedTuple):
    """The characters of a word without the punctuation around it, its weight, and which border follows it."""

    start: int
    end: int
    weight: float
    border: int


def weighed(text: str) -> list[WeighedWord]:
    """The words of ``text``, in order. What has nothing to pronounce is none."""
    found = [(word.start, word.end) for word in words_of(text)]
    behind = [start for start, _ in found[1:]]
    words: list[WeighedWord] = []
    for (start, end), following in zip_longest(found, behind):
        border = SENTENCE if following is None else _border(text[end:following])
        words.append(WeighedWord(start, end, _weight(text[start:end]) + ENDING * (border > 0), border))
    return words


def _border(behind: str) -> int:
    """What the punctuation between two words says."""
    if not _SENTENCE_ENDS.isdisjoint(behind):
        return SENTENCE
    return CLAUSE if not _CLAUSE_ENDS.isdisjoint(behind) or behind.strip() == "-" else 0


def _weight(word: str) -> float:
    if _SPELT.match(word):
        return WORD + SPELT * sum(map(str.isalpha, word))
    return WORD + sum(map(_weight_of, word))


def _weight_of(sign: str) -> float:
    if sign.isascii():
        if sign.isalpha():
            return 0.3 if sign in "hH" else 1.0
        return DIGIT if sign.isdigit() else 0.0 if sign in ".,:;'\"-()[]{}!?" else SYMBOL
    if sign.isdecimal():
        return DIGIT
    kind = category(sign)[0]
    if kind == "L":
        return next((weight for first, last, weight in _HEAVY if first <= sign <= last), 1.0)
    return {"M": 0.4, "S": SYMBOL, "N": DIGIT}.get(kind, 0.0)
