"""The stage between the plain text and its pieces in which words are replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..charmap import CharMap
from ..piece import Piece, Replaced
from ..plain import BLANK, PlainText
from .growing_pattern import LONGEST_MATCH

if TYPE_CHECKING:
    from .replacements import Found, Replacements


class _Spot(NamedTuple):
    """What was replaced: ``length`` characters at position ``at`` stand for what was ``written``."""

    at: int
    length: int
    written: str
    sent: str | None
    spelled: bool


class ReplacedText:
    """Gives the text of ``plain`` with words replaced, the same however it was cut; used as `PlainText` is.

    What might become a word or match with more text is held back until that is decided: at most `LONGEST_MATCH`
    characters, or the longest phrase. What was said for something is not looked at again.
    """

    def __init__(self, plain: PlainText, replacements: Replacements) -> None:
        self.text = ""
        self.begin = 0
        self.map = CharMap()
        self._plain = plain
        self._replacements = replacements
        self._read = ""  # what is held back, behind what may be looked back at
        self._at = 0  # where in it the first begins
        self._before = 0  # position of _read in the plain text
        self._out: list[str] = []
        self._length = 0  # of all that was ever given
        self._last = "\n"  # character of it
        self._spots: list[_Spot] = []

    @property
    def word_ended(self) -> bool:
        """Whether a blank followed the last word of `text`."""
        return self._at == len(self._read) and self._plain.word_ended

    def prepare(self, text: str) -> None:
        """Look at all of the text, where it is known before any of it was fed."""
        self._plain.prepare(text)

    def feed(self, text: str, *, final: bool = False) -> None:
        """Take ``text``; ``final``: nothing will follow it."""
        plain = self._plain
        plain.feed(text, final=final)
        self._read += plain.text
        plain.begin += len(plain.text)
        plain.text = ""
        blank = not final and plain.word_ended
        while found := self._replacements.find(self._read, self._at, final=final, blank=blank):
            self._pass(found.start - (found.end < 0 and self._read[found.start - 1 : found.start] == " "))
            if found.end < 0:
                break
            self._replace(found)
        else:
            self._pass(len(self._read))
        self._forget()
        self.text += "".join(self._out)
        self._out.clear()

    def _forget(self) -> None:
        needless = max(0, self._at - LONGEST_MATCH)
        self._read = self._read[needless:]
        self._at -= needless
        self._before += needless
        self._plain.map.forget(self._before + self._at)

    def _pass(self, end: int) -> None:
        """Give the plain text up to ``end`` as it is."""
        if self._at < end and self._read[self._at] == " " and self._last in BLANK:
            self._at += 1  # that before it was left out
            if self._spots:
                spot = self._spots.pop()
                self._spots.append(spot._replace(written=spot.written + " "))
        if self._at < end:
            start = self._before + self._at
            self.map.copy(self._plain.map, start, self._before + end, self._length)
            self._put(self._read[self._at : end])
            self._at = end

    def _replace(self, found: Found) -> None:
        start, end = self._before + found.start, self._before + found.end
        written = self._read[found.start : found.end]
        self._spots.append(_Spot(self._length, len(found.said), written, found.sent, found.spelled))
        if found.said:
            self.map.add(self._length, len(found.said), self._plain.map.start(start), self._plain.map.end(end))
            self._put(found.said)
        self._at = found.end

    def _put(self, text: str) -> None:
        self._out.append(text)
        self._length += len(text)
        self._last = text[-1]

    def piece(self, piece: Piece, start: int, end: int) -> Piece:
        """``piece``, which stands from position ``start`` to ``end``, as it is to be asked for."""
        lead = self.text[: start - self.begin]  # blanks, with which what is said for a word may begin
        cut = len(lead) - len(lead.rstrip())
        spots = [
            spot._replace(at=max(start, spot.at), length=spot.length - max(0, start - spot.at))
            for spot in self._spots
            if start <= spot.at < end
            or spot.at == end == self._length
            or start - cut <= spot.at < start < spot.at + spot.length
        ]
        self._spots = [spot for spot in self._spots if spot.at >= end and spot not in spots]
        if not spots:
            return piece
        text = self.text[start - self.begin : end - self.begin]
        written, at = "", 0
        for spot in spots:
            written += text[at : spot.at - start] + spot.written
            at = spot.at + spot.length - start
        spelled = next((spot.written for spot in spots if spot.spelled), None)
        spelled = next((spot.written for spot in spots if spot.spelled), None)
        piece = piece._replace(written=(written + text[at:]).strip(), spelled=spelled)
        return self._with_places(piece, spots, start, end)

    def _with_places(self, piece: Piece, spots: list[_Spot], start: int, end: int) -> Piece:
        """``piece`` with its replaced words, sent as the service takes them."""
        places, longer = [], 0
        for spot in spots:
            at, length = spot.at - start + longer, spot.length
            if spot.sent is not None and spot.at + spot.length <= end:
                piece = _with_markup(piece, at, length, spot.sent)
                longer += len(spot.sent) - length
                length = len(spot.sent)
            first, last = self.map.start(spot.at), self.map.end(spot.at + spot.length)
            if length:
                places.append(Replaced(at, length, first, last, spot.written))
        return piece._replace(replaced=tuple(places))


def replaced(text: str, replacements: Replacements) -> Piece:
    """All of ``text`` as a piece, with what is said for it."""
    reader = ReplacedText(PlainText(), replacements)
    reader.feed(text, final=True)
    end = len(reader.text)
    return reader.piece(Piece(reader.text, 0, len(text), reader.map.cut(0, end)), 0, end)


def _with_markup(piece: Piece, at: int, length: int, sent: str) -> Piece:
    """``piece`` with ``sent`` for the ``length`` characters at ``at``."""
    end, longer = at + length, len(sent) - length
    bounds = [(at, piece.start_of(at)), (end, piece.locate(end))]
    marks = sorted({*piece.marks, *bounds} if piece.marks else {(0, piece.start), *bounds})
    moved = tuple((mark + longer if mark >= end else mark, original) for mark, original in marks)
    return piece._replace(text=piece.text[:at] + sent + piece.text[end:], marks=moved)
