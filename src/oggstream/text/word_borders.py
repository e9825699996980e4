"""Where words begin and end, also in scripts that put no spaces between them.

Chinese, Japanese, Thai and their like are cut between characters, without a dictionary: a place within a word is a
character or two off, where the next space may be a whole text away. Kept together are what reads as one character, runs
of katakana (UAX 29, WB13), small kana and marks of length with what they follow, vowels of Thai and Lao with their
consonant, and punctuation with its word.
"""

from __future__ import annotations

import re
from unicodedata import category

from .borders import joined

UNSPACED = (
    "[\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf"  # Thai, Lao, Tibetan, ...
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U0001b000-\U0001b16f\U00020000-\U0003ffff]"  # Han
)
"""The characters of scripts that put no spaces between words, as a class of a pattern."""
_UNSPACED = re.compile(UNSPACED)
_KATAKANA = re.compile("[\u30a1-\u30fa\u30fc-\u30fe\u31f0-\u31ff\uff66-\uff9f]")
_NOT_FIRST = re.compile(
    "[\u3005\u3041\u3043\u3045\u3047\u3049\u3063\u3083\u3085\u3087\u308e\u309d\u309e\u30fc-\u30fe"
    "\u0e30\u0e32\u0e33\u0e45\u0e46\u0eb0\u0eb2\u0eb3\u0ec6]"
)
_NOT_LAST = re.compile("[\u0e40-\u0e44\u0ec0-\u0ec4]")


def ends_word(text: str, at: int) -> bool:
    """Whether a word, with its punctuation, ends right before position ``at``."""
    if not 0 < at < len(text):
        return at > 0
    before, after = text[at - 1], text[at]
    if after.isspace() or before.isspace():
        return not before.isspace()
    if not (_UNSPACED.match(before) or _UNSPACED.match(after)):
        return False
    return not (
        (_KATAKANA.match(before) and _KATAKANA.match(after))
        or _NOT_FIRST.match(after)
        or _NOT_LAST.match(before)
        or category(before) in ("Ps", "Pi")
        or (category(after).startswith("P") and category(after) not in ("Ps", "Pi"))
        or joined(text, at)
    )


def word_end_before(text: str, at: int, start: int = 0) -> int:
    """The last end of a word from ``start`` on and before ``at``; ``start`` if there is none."""
    return next((place for place in range(at - 1, start, -1) if ends_word(text, place)), start)


def word_end_from(text: str, at: int, end: int) -> int:
    """The first end of a word at ``at`` or after it; ``end`` if there is none before."""
    return next((place for place in range(max(at, 1), end) if ends_word(text, place)), end)


def word_start(text: str, at: int) -> int:
    """Where the last word before ``at`` begins; 0 without one."""
    start = word_end_before(text, len(text[:at].rstrip()))
    while start < at and text[start].isspace():
        start += 1
    return start
