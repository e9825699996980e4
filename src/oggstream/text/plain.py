"""Text as it comes, without what no voice can say: control characters, halves of characters, runs of blanks."""

from __future__ import annotations

import re

from .charmap import CharMap

BLANK = " \t\n\r\f\v\x1c\x1d\x1e\x1f\x85\u2028\u2029"
"""What separates words. A no-break space is a character like any other."""

SHORT_LINE = 50
"""A line shorter than this, in columns, was ended on purpose; a longer one where the next word did not fit."""

# Controls, the soft hyphen, and what is invisible and does not join: never spoken, and some voices stop at them.
_SILENT = "\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff"
_HALF = "\ud800-\udfff"
_WORDS = re.compile(f"[^{BLANK}{_SILENT}{_HALF}]+(?: [^{BLANK}{_SILENT}{_HALF}]+)*")
_WIDE = re.compile("[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\uff01-\uff60\U0001f300-\U0003ffff]")


def columns(text: str) -> int:
    """Width of ``text`` on a screen; also how long it takes to say, in characters of an alphabet."""
    return len(text) if text.isascii() else len(text) + len(_WIDE.findall(text))


class PlainText:
    """Takes text in any portions and gives what of it can be spoken, the same however it was cut.

    Blanks become one space; a line that was ended on purpose keeps its line feed and a paragraph its two. The original
    positions of what is in `text` are in `map`. Who consumes `text` shortens it and moves `begin` on.
    """

    def __init__(self) -> None:
        self.text = ""
        self.begin = 0
        self.map = CharMap()
        self._raw = ""
        self._at = 0  # position of _raw in the original
        self._line = 0  # columns of the present line
        self._breaks = 0  # line ends since the last visible character
        self._out: list[str] = []
        self._length = 0  # of begin + text + out
        self._last = "\n"

    def feed(self, text: str, *, final: bool = False) -> None:
        """Take ``text``; ``final``: nothing will follow it."""
        self._raw += text
        done = self._read(final=final)
        self._raw = self._raw[done:]
        self._at += done
        self.text += "".join(self._out)
        self._out.clear()

    def _read(self, *, final: bool) -> int:
        """Read as much of the raw text as can be decided; return how much that is."""
        raw, at = self._raw, 0
        while at < len(raw):
            if words := _WORDS.match(raw, at):
                self._say(words[0], at, words.end())
                at = words.end()
            elif (step := self._odd(at, final=final)) > 0:
                at += step
            else:
                break
        return at

    def _odd(self, at: int, *, final: bool) -> int:
        """Deal with a blank, a silent or a broken character; return how many characters that took, 0 to wait."""
        character = self._raw[at]
        if character in "\n\x85\u2028\u2029":
            self._end_line(at)
        elif character in BLANK:
            self._space(at)
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

    def _space(self, at: int) -> None:
        if self._last not in " \n":
            self._put(" ", at, at + 1)

    def _end_line(self, at: int) -> None:
        """Keep the end of a line that was ended on purpose; the second one in a row makes a paragraph."""
        self._breaks += 1
        if self._breaks == 1 and self._line >= SHORT_LINE:
            self._space(at)
        elif self._breaks <= 2 and self._length:
            missing = self._breaks if self._last != "\n" else self._breaks - 1
            self._put("\n" * min(missing, self._breaks), at, at + 1)
        self._line = 0

    def _say(self, text: str, start: int, end: int) -> None:
        """Give ``text``, visible characters that stand for ``start`` to ``end`` of the raw text."""
        self._breaks = 0
        self._line += columns(text)
        self._put(text, start, end)

    def _put(self, text: str, start: int, end: int) -> None:
        if text:
            self.map.add(self._length, len(text), self._at + start, self._at + end)
            self._out.append(text)
            self._length += len(text)
            self._last = text[-1]
