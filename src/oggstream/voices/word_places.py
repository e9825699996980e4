"""Where espeak-ng's words sound in the finished stream. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..annotations import Word

if TYPE_CHECKING:
    from .espeak import SpokenWord


class _Waiting(NamedTuple):
    """A word whose place is not known yet: its characters in the text, and its samples as espeak-ng spoke them."""

    start: int
    end: int
    begins: int
    ends: int


class WordPlaces:
    """Turns the words of clauses into annotations, in order. ``place`` is `Shaper.place`."""

    def __init__(self, text: str, place: Callable[[int], int | None]) -> None:
        self._text = text
        self._place = place
        self._waiting: deque[_Waiting] = deque()
        self._begins: int | None = None  # of the word that waits longest: a place is asked for once only
        self._said = 0  # characters of the words so far

    def add(self, words: list[SpokenWord], position: int, begins: int, ends: int) -> None:
        """Take the words of a clause at ``position`` in the text, spoken as samples ``begins`` to ``ends``.

        A word ends where the next one begins. Parts of a word that espeak-ng speaks one by one ("25") are one word.
        """
        next_begins = [*(word.sample for word in words), ends - begins][1:]
        for word, end in zip(words, next_begins, strict=True):
            start = position + word.start
            letters = self._text[max(0, start) : start + word.length].rstrip()
            if not letters or start < self._said:
                self._lengthen(begins + end)
                continue
            self._said = start + len(letters)
            sample = min(max(begins, begins + word.sample), ends)
            self._waiting.append(_Waiting(start, self._said, sample, min(max(sample, begins + end), ends)))

    def ready(self, total: int | None = None) -> Iterator[Word]:
        """The words whose place is known by now; all of them once the sound has ended at ``total``."""
        while self._waiting:
            word = self._waiting[0]
            if self._begins is None:
                self._begins = _known(self._place(word.begins), total)
            ends = _known(self._place(word.ends), total)
            if self._begins is None or ends is None:
                return
            self._waiting.popleft()
            text = self._text[word.start : word.end]
            ends &= ~1  # of the sound, which is made at 24 kHz
            yield Word(
                text=text,
                start=word.start,
                end=word.end,
                start_sample=self._begins,
                end_sample=max(self._begins, ends),
                told_by="voice",
            )
            self._begins = None

    def _lengthen(self, ends: int) -> None:
        if self._waiting and ends > self._waiting[-1].ends:
            self._waiting[-1] = self._waiting[-1]._replace(ends=ends)


def _known(place: int | None, total: int | None) -> int | None:
    return total if place is None else place
