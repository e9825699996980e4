"""A piece of text that is asked for in one request; of its own, for a short text needs nothing else of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .charmap import Mark


class Piece(NamedTuple):
    """What is asked for in one request: ``text``, for the characters ``start`` to ``end`` of the original text."""

    text: str
    start: int
    end: int
    marks: tuple[Mark, ...] = ()

    def locate(self, characters: int) -> int:
        """Position in the original text up to which ``characters`` of ``text`` reach; from ``start`` to ``end``."""
        if characters <= 0:
            return self.start
        if characters >= len(self.text):
            return self.end
        from .charmap import end_of

        changed, original = zip(*self.marks, strict=True) if self.marks else ((0,), (self.start,))
        return min(max(end_of(characters, list(changed), list(original)), self.start), self.end)

    def start_of(self, character: int) -> int:
        """Position in the original text of the character at index ``character`` of ``text``."""
        marks = [mark for mark in self.marks if mark[0] <= character]
        changed, original = marks[-1] if marks else (0, self.start)
        return min(max(original + character - changed, self.start), self.end)

    def at(self, fraction: float) -> int:
        """Position in the original text when ``fraction`` (0 to 1) of ``text`` is spoken."""
        return self.locate(round(fraction * len(self.text)))
