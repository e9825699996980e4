"""Lines typed on the terminal while something else is shown there."""

from __future__ import annotations

import os
import re
import signal
import sys
from codecs import getincrementaldecoder
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any, Self

from ...threads import pump
from ..files import read_chunks

# What arrow keys and the like send (ECMA-48 section 5.4), and Alt with a letter.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O.|[^\[O])?")
_LAST_WORD = re.compile(r"\S*\s*\Z")
_ENDS = "\x04\x00"
"""Ctrl-D; NUL is what Linux makes of one that was typed before the terminal's mode changed."""


class LineBuffer:
    """What is typed, key by key: ``text`` is the line so far. ``ended``: Ctrl-D on an empty line."""

    def __init__(self) -> None:
        self.text = ""
        self.ended = False

    def feed(self, keys: str) -> list[str]:
        """The lines that ``keys`` complete."""
        lines = []
        for key in _SEQUENCE.sub("", keys):
            if key in _ENDS and not self.text:
                self.ended = True
            if self.ended:
                break
            if key in "\r\n" or key in _ENDS:
                lines.append(self.text)
                self.text = ""
            else:
                self._edit(key)
        return lines

    def _edit(self, key: str) -> None:
        match key:
            case "\x7f" | "\b":
                self.text = self.text[:-1]
            case "\x15":  # Ctrl-U
                self.text = ""
            case "\x17":  # Ctrl-W
                self.text = _LAST_WORD.sub("", self.text)
            case "\t":
                self.text += " "
            case _ if key.isprintable() or key == "\u200d":
                self.text += key


class Keyboard:
    """The terminal at standard input, in its ``with`` block read key by key if ``shown`` is given.

    ``shown`` is called with the line so far whenever that changes, and has to show it: the terminal does not. Where
    there is no such mode, as on Windows, or without ``shown``, the terminal edits and shows the line itself.
    """

    def __init__(self, shown: Callable[[str], object] | None) -> None:
        self._shown = shown
        self._buffer = LineBuffer()
        self._before: list[Any] | None = None

    @property
    def typed(self) -> str:
        """The line so far, where it is known."""
        return self._buffer.text if self.silent else ""

    @property
    def silent(self) -> bool:
        """The terminal shows nothing of what is typed by itself."""
        return self._before is not None

    def __enter__(self) -> Self:
        if self._shown is not None:
            with suppress(ImportError, OSError, ValueError):
                self._take_over()
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()

    def restore(self) -> None:
        """Give the terminal back as it was. May be called twice."""
        before, self._before = self._before, None
        if before is not None:
            import termios

            with suppress(OSError, ValueError, termios.error):
                signal.signal(signal.SIGCONT, signal.SIG_DFL)
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, before)

    async def lines(self) -> AsyncGenerator[str, None]:
        """The lines, each when it is complete, to Ctrl-D. Raises `SourceError`."""
        decode = getincrementaldecoder("utf-8")("replace").decode
        async with aclosing(pump(read_chunks("-"))) as chunks:
            async for chunk in chunks:
                for line in self._buffer.feed(decode(chunk)):
                    yield line
                if self._buffer.ended:
                    return
                if self._shown is not None and self.silent:
                    self._shown(self._buffer.text)
        if self._buffer.text:  # the terminal is gone, in the middle of a line
            yield self._buffer.text

    def _take_over(self) -> None:
        import termios
        import tty

        descriptor = sys.stdin.fileno()
        try:
            before = termios.tcgetattr(descriptor)
            tty.setcbreak(descriptor, termios.TCSANOW)  # not TCSAFLUSH, which drops what was typed ahead
        except termios.error as error:
            raise OSError(*error.args) from error
        self._before = before
        # The shell has set its own mode while this process was stopped.
        signal.signal(signal.SIGCONT, lambda *_: self._again(descriptor))

    def _again(self, descriptor: int) -> None:
        import termios
        import tty

        if self.silent and os.tcgetpgrp(descriptor) == os.getpgrp():
            with suppress(OSError, termios.error):
                tty.setcbreak(descriptor, termios.TCSANOW)
