"""The transcript: text written to standard output while it is heard."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from .console import printable, show
from .width import cells

if TYPE_CHECKING:
    from .keyboard import Keyboard

_PARTS = re.compile(r"\n|[^\S\n]+|\S+")


class Transcript:
    """A text on standard output, as far as it is shown. On a terminal (``wraps``) its rows end between two words.

    Where lines are typed there, ``keyboard`` shows the last row, until that is complete.
    """

    def __init__(self, *, wraps: bool, keyboard: Keyboard | None = None) -> None:
        self.wraps = wraps
        self._keyboard = keyboard
        self._held = ""  # the row that is not ended, while the keyboard shows it
        self._shown = 0  # characters of the text
        self._row = 0  # cells of the row that is not ended
        self._gap = ""  # between the last word and the next one
        self._indents = True  # white space may begin the row: it is the text's own

    def show(self, text: str) -> None:
        """Write the part of ``text`` that was not shown yet. Raises `OutputError`."""
        new = text[self._shown :]
        if new:
            self._shown = len(text)
            if self.wraps:
                new = "".join(map(self._placed, _PARTS.findall(new)))
            self._write(new)

    def _write(self, new: str) -> None:
        """Write whole rows above the line that is typed, and leave the last one to it; or write as it comes."""
        out, self._held = self._held + new, ""
        if self._keyboard is not None and self.wraps and self._keyboard.active:
            rows, feed, self._held = out.rpartition("\n")
            if feed:
                self._keyboard.erase()
                show(rows)
            self._keyboard.show(self._held)
            self._keyboard.draw()
        else:
            show(out, end="")

    def break_row(self) -> None:
        """Leave the row of a terminal, if it holds anything."""
        if self.wraps and self._row:
            self._write("\n")
            self._row, self._gap, self._indents = 0, "", False

    def finish(self, text: str) -> None:
        """Show all of ``text``, end its last row, and be ready for another text."""
        self.show(text)
        self.break_row()
        if not self.wraps and self._shown and not text[: self._shown].endswith("\n"):
            show("")
        self._shown = self._row = 0
        self._gap, self._indents = "", True

    def _placed(self, part: str) -> str:
        """A line feed, white space or a word, as it goes to the terminal."""
        if part == "\n":
            self._row, self._gap, self._indents = 0, "", True
            return part
        if part.isspace():
            self._gap = " " if self._row else (self._gap + part.expandtabs(4)) * self._indents
            return ""
        word, gap = printable(part), self._gap
        if self._row and self._row + len(gap) + cells(word) >= _columns():
            gap, self._row = "\n", 0
        self._row += cells(word) + (len(gap) if gap != "\n" else 0)
        self._gap = ""
        return gap + word


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80
