"""The words of a text in the form in which they are compared with those that a service tells. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple
from unicodedata import category, normalize

from .word_borders import ends_word

_SPOKEN = frozenset("&%@#§°")  # marks that are read aloud; so are those of mathematics and money


class TextWord(NamedTuple):
    """A word: its characters ``start`` to ``end`` without punctuation around it, and its `letters_of`."""

    start: int
    end: int
    letters: str


def letters_of(text: str) -> str:
    """What is left of ``text`` without case, accents, spaces and punctuation. Marks that are read aloud stay."""
    folded = text.casefold()
    if not folded.isascii():
        folded = normalize("NFKD", folded)
    return "".join(filter(is_spoken, folded))


def is_spoken(char: str) -> bool:
    """Whether a character, which is not decomposed, is a letter, a digit or a mark that is read aloud."""
    return char.isalnum() or char in _SPOKEN or category(char) in ("Sm", "Sc")


def words_of(text: str) -> Iterator[TextWord]:
    """The words of ``text`` that have something to say; single characters in scripts without spaces."""
    start = 0
    for end in range(1, len(text) + 1):
        if not ends_word(text, end):
            continue
        first, last = start, end
        start = end
        while first < last and not is_spoken(text[first]):
            first += 1
        while first < last and not (is_spoken(text[last - 1]) or category(text[last - 1]).startswith("M")):
            last -= 1
        if letters := letters_of(text[first:last]):
            yield TextWord(first, last, letters)
