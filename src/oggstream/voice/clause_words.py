"""espeak-ng's words as those of the text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .engine import SpokenWord

if TYPE_CHECKING:
    from .espeak import ClauseWord


class ClauseWords:
    """Turns the words of the clauses of ``text`` into those of the text, in order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._said = 0  # characters of the words so far

    def words(self, told: Iterable[ClauseWord], position: int, begins: int, ends: int) -> Iterator[SpokenWord]:
        """The words of a clause at ``position`` in the text, spoken as samples ``begins`` to ``ends``.

        A word ends where the next one begins. Parts of a word that espeak-ng speaks one by one ("25") are one word.
        """
        told = list(told)
        word: SpokenWord | None = None
        next_ones = [*(part.sample for part in told), ends - begins][1:]
        for part, next_begins in zip(told, next_ones, strict=True):
            start = position + part.start
            end = min(begins + max(0, next_begins), ends)
            letters = self._text[max(0, start) : start + part.length].rstrip()
            if not letters or start < self._said:
                word = word and word._replace(ends=max(word.ends, end))
                continue
            if word is not None:
                yield word
            self._said = start + len(letters)
            sample = min(max(begins, begins + part.sample), ends)
            word = SpokenWord(start, self._said, sample, max(sample, end))
        if word is not None:
            yield word
