"""A piece of text that is asked for in one request; of its own, for a short text needs nothing else of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .charmap import Mark


class Replaced(NamedTuple):
    """What is said from ``at`` of a piece on for ``written``, ``start`` to ``end`` of the original."""

    at: int
    length: int
    start: int
    end: int
    written: str


class Piece(NamedTuple):
    """What is asked for in one request: ``text``, for the characters ``start`` to ``end`` of the original text.

    ``written``: the text before words of it were ``replaced``, None if none were. ``spelled``: a word in it that has
    phonemes, which are not sent.
    """

    text: str
    start: int
    end: int
    marks: tuple[Mark, ...] = ()
    written: str | None = None
    spelled: str | None = None
    replaced: tuple[Replaced, ...] = ()

    def locate(self, characters: int) -> int:
        """Position in the original text up to which ``characters`` of ``text`` reach; from ``start`` to ``end``."""
        if characters <= 0:
            return self.start
        if characters >= len(self.text):
            return self.end
        from .charmap import end_of

        return min(max(end_of(characters, *self._places()), self.start), self.end)

    def start_of(self, character: int) -> int:
        """Position in the original text of the character at index ``character`` of ``text``."""
        from .charmap import start_of

        return min(max(start_of(character, *self._places()), self.start), self.end)

    def replaced_at(self, character: int) -> Replaced | None:
        """The replaced word to which the character at index ``character`` of ``text`` belongs."""
        return next((each for each in self.replaced if each.at <= character < each.at + each.length), None)

    def _places(self) -> tuple[list[int], list[int]]:
        return [mark[0] for mark in self.marks] or [0], [mark[1] for mark in self.marks] or [self.start]
