"""Markdown, code and addresses made speakable while they are still being written."""

from __future__ import annotations

import re

from .inline import InlineText
from .markup import BLOCK, RULE, UNDECIDED

_STOPS = ".!?\u2026:;,\u3002\uff01\uff1f\u3001\uff0c\uff1a\uff1b\u0964\u061f\n"
_LINE = 200  # characters of a line that are looked at to see what it is
_TEXT, _HEADING, _ITEM, _ROW = range(4)  # kinds of lines
_KINDS = {"heading": _HEADING, "point": _ITEM, "number": _ITEM, "row": _ROW}


class SpeakableText(InlineText):
    """Leaves out what is not meant to be spoken: marks of Markdown, code, addresses behind links, thoughts, pictures.

    Of a bare address the host is spoken. Headings, points of a list and rows of a table end like sentences; cells are
    set apart by commas. What a mark means is decided with as much of what follows as it takes, never with what happens
    to be there: nothing is held back longer than that, and the result does not depend on how the text was cut.
    """

    def __init__(self) -> None:
        super().__init__()
        self._line_start = True
        self._kind = _TEXT
        self._cell = False  # a cell of a table ended
        self._fence = ""  # what opened the block of code that is being left out
        self._in_line = False  # in the middle of a line of it

    def _inline(self, at: int, *, final: bool) -> int:
        if self._fence:
            return self._fenced(at, final=final)
        if self._line_start:
            return self._start_line(at, final=final)
        return super()._inline(at, final=final)

    def _mark(self, at: int, *, final: bool) -> int:
        if self._raw[at] == "|" and self._kind == _ROW:
            self._cell = self._last != "\n"
            self._gap = None
            return 1
        return super()._mark(at, final=final)

    def _forget(self) -> None:
        super()._forget()
        self._kind, self._cell, self._line_start, self._code = _TEXT, False, True, 0

    def _fenced(self, at: int, *, final: bool) -> int:
        """Pass over a line of a block of code, or what there is of it; it may be the line that ends the block."""
        raw = self._raw
        if not self._in_line:
            end = raw.find("\n", at, at + _LINE)
            if end < 0 and len(raw) - at < _LINE and not final:
                return 0
            line = raw[at:end].strip(" \t\r>") if end >= 0 else ""
            if len(line) >= len(self._fence) and not line.strip(self._fence[0]):
                self._fence, self._line_start = "", True
                return end + 1 - at
        end = raw.find("\n", at)
        self._in_line = end < 0
        return (end + 1 if end >= 0 else len(raw)) - at

    def _start_line(self, at: int, *, final: bool) -> int:
        """Find out what kind of line begins, and pass over the marks that say so."""
        raw = self._raw
        end = raw.find("\n", at, at + _LINE)
        if end < 0 and len(raw) - at < _LINE:
            if not final and UNDECIDED.fullmatch(raw, at):
                return 0
            end = len(raw) if final else end
        if end >= 0 and (rule := RULE.fullmatch(raw, at, end)):
            self._break(1 if rule["table"] else 2, at)
            self._fence = rule["fence"] or rule["tildes"] or ""
            return min(end + 1, len(raw)) - at
        if block := BLOCK.match(raw, at):
            return self._start_block(block, at)
        self._line_start = False
        return super()._inline(at, final=final)

    def _start_block(self, block: re.Match[str], at: int) -> int:
        kind = block.lastgroup or ""
        if kind != "quote":  # what is quoted may be any kind of line
            self._line_start = False
            self._break(2 if kind == "heading" else 1, at)
            self._kind = _KINDS[kind]
        if kind == "number":
            self._say(block[kind], block.start(kind), block.end(kind))
            self._blank(block.end(kind))
        return block.end() - at

    def _end_line(self, at: int) -> None:
        self._line_start = True
        if self._kind in (_HEADING, _ROW):
            self._break(2 if self._kind == _HEADING else 1, at)
        super()._end_line(at)

    def _break(self, count: int, at: int) -> None:
        """Let a heading, a point or a row end with a full stop, too."""
        if self._kind != _TEXT and self._length and self._last not in _STOPS:
            self._put(".", self._at + at, self._at + at)
        self._kind, self._cell = _TEXT, False
        if count > 1:
            self._code = 0
        super()._break(count, at)

    def _say(self, text: str, start: int, end: int) -> None:
        if self._cell:
            self._cell = False
            if self._last not in _STOPS:
                self._put(",", self._at + start, self._at + start)
            if self._gap is None:
                self._gap = self._at + start
        super()._say(text, start, end)
