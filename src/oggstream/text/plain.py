"""Text as it comes, without what no voice can say: control characters, halves of characters, runs of blanks."""

from __future__ import annotations

import re

from .charmap import CharMap
from .noise import SILENT, Noise
from .piece import Piece

BLANK = " \t\n\r\f\v\x1c\x1d\x1e\x1f\x85\u2028\u2029"
"""What separates words. A no-break space is a character like any other."""
LINE_ENDS = "\n\x85\u2028\u2029"
HALVES = "\ud800-\udfff"

SHORT_LINE = 50
"""A line shorter than this, in columns, was ended on purpose; a longer one where the next word did not fit."""

_WIDE = re.compile("[^\x00-\u2e7f]")  # Chinese, Japanese, Korean, emoji; a finer class takes 3 ms to compile


def columns(text: str) -> int:
    """Width of ``text`` on a screen."""
    return len(text) if text.isascii() else len(text) + len(_WIDE.findall(text))


def spoken_length(text: str) -> int:
    """How long ``text`` takes to say, in characters of an alphabet: a syllable or word of one character takes three."""
    return len(text) if text.isascii() else len(text) + 2 * len(_WIDE.findall(text))


def words_without(characters: str) -> re.Pattern[str]:
    """Pattern of words, one blank between each two, that need no care: without ``characters`` of a character class."""
    word = f"[^{BLANK}{SILENT}{HALVES}{characters}]+"
    return re.compile(f"{word}(?: {word})*")


_WORDS = words_without("")
_CONTROLS = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{HALVES}]")


def without_controls(text: str) -> Piece:
    """``text`` as a piece: as it is, or, with controls or halves of characters in it, as `PlainText` reads it."""
    if not _CONTROLS.search(text):
        return Piece(text, 0, len(text))
    plain = PlainText()
    plain.feed(text)
    plain.feed("", final=True)
    return Piece(plain.text, 0, len(text), plain.map.cut(0, len(plain.text)))


class PlainText:
    """Takes text in any portions and gives what of it can be spoken, the same however it was cut.

    Blanks become one space; a line that was ended on purpose keeps its line feed and a paragraph its two. The original
    positions of what is in `text` are in `map`. Who consumes `text` shortens it and moves `begin` on.
    """

    def __init__(self, *, pictures: bool = True) -> None:
        self.text = ""
        self.begin = 0
        self.map = CharMap()
        self._noise = Noise(pictures=not pictures)
        self._raw = ""
        self._at = 0  # position of _raw in the text without noise
        self._out: list[str] = []
        self._length = 0  # of all that was ever given
        self._last = "\n"  # character of it
        self._breaks = 0  # line feeds at its end, if it ends with any
        self._gap: int | None = None  # where in the original a blank began that is due before the next word
        self._line = 0  # columns of the present line
        self._ends = 0  # line ends since the last word

    @property
    def word_ended(self) -> bool:
        """Whether a blank followed the last word of `text`."""
        return self._gap is not None or self._last == "\n"

    def prepare(self, text: str) -> None:
        """Look at all of the text, where it is known before any of it was fed."""

    def piece(self, piece: Piece, start: int, end: int) -> Piece:  # noqa: ARG002  # the words stay as they are
        """``piece``, which stands from position ``start`` to ``end``, as it is to be asked for."""
        return piece

    def feed(self, text: str, *, final: bool = False) -> None:
        """Take ``text``; ``final``: nothing will follow it."""
        raw = self._raw = self._raw + self._noise.feed(text, final=final)
        at = 0
        while at < len(raw) and (step := self._step(at, final=final)):
            at += step
        self._consumed(raw[:at])
        self._raw = raw[at:]
        self._at += at
        self._noise.forget(self._at if self._gap is None else min(self._gap, self._at))
        if self._out:
            self.text += "".join(self._out)
            self._out.clear()

    def _consumed(self, raw: str) -> None:
        """Called with what was read of the raw text before it is dropped."""

    def _step(self, at: int, *, final: bool) -> int:
        """Read on from ``at``; return the number of raw characters that are done with, 0 to wait for more."""
        if words := _WORDS.match(self._raw, at):
            self._say(words[0], at, words.end())
            return words.end() - at
        return self._odd(at, final=final)

    def _odd(self, at: int, *, final: bool) -> int:
        """Read a blank, a silent or a broken character."""
        character = self._raw[at]
        if character in LINE_ENDS:
            self._end_line(at)
        elif character in BLANK:
            self._blank(at)
        elif "\ud800" <= character <= "\udfff":
            return self._half(at, final=final)
        return 1

    def _half(self, at: int, *, final: bool) -> int:
        """Join the halves of a character that JSON was cut between; one half alone is a replacement character."""
        pair = self._raw[at : at + 2]
        if pair[0] <= "\udbff":
            if len(pair) < 2 and not final:
                return 0
            if len(pair) == 2 and "\udc00" <= pair[1] <= "\udfff":
                self._say(pair.encode("utf-16", "surrogatepass").decode("utf-16"), at, at + 2)
                return 2
        self._say("\ufffd", at, at + 1)
        return 1

    def _blank(self, at: int) -> None:
        if self._gap is None:
            self._gap = self._at + at

    def _end_line(self, at: int) -> None:
        """Keep the end of a line that was ended on purpose; a second one in a row makes a paragraph."""
        self._ends += 1
        if self._ends == 1 and self._line >= SHORT_LINE:
            self._blank(at)
        else:
            self._break(min(self._ends, 2), at)
        self._line = 0

    def _break(self, count: int, at: int) -> None:
        """Let what was given end with at least ``count`` line feeds, unless it is empty."""
        self._gap = None
        given = self._breaks if self._last == "\n" else 0
        if self._length and given < count:
            self._put("\n" * (count - given), self._at + at, self._at + at + 1)
            self._breaks = count

    def _say(self, text: str, start: int, end: int) -> None:
        """Give ``text``, visible characters that stand for ``start`` to ``end`` of the raw text."""
        if self._gap is not None and self._last != "\n":
            self._put(" ", self._gap, self._gap + 1)
            self._line += 1
        self._gap = None
        self._ends = 0
        self._line += columns(text)
        self._put(text, self._at + start, self._at + end)

    def _put(self, text: str, start: int, end: int) -> None:
        """Give ``text``, which stands for ``start`` to ``end`` of the text without noise."""
        if len(text) == end - start:
            at = start
            for stop, origin in self._noise.runs(start, end):
                self.map.add(self._length + at - start, stop - at, origin, origin + stop - at)
                at = stop
        else:
            begin = self._noise.start(start if start < end else start - 1)
            last = self._noise.start(end - 1) + 1
            self.map.add(self._length, len(text), begin if start < end else last, last)
        self._out.append(text)
        self._length += len(text)
        self._last = text[-1]
