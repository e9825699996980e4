"""Where the command line writes: what is for a person to standard error, results to standard output.

Nothing that is written here holds a credential or a control character, wherever the text came from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from ...errors import OutputError

NAME = "oggstream"


class ToldError(Exception):
    """It failed, and why was said already."""


class Console:
    """Writes lines for a person, each warning once. With ``quiet`` only errors, without ``warnings`` no warnings.

    ``before`` is called ahead of each line: it clears a live line; ``after`` behind it, to draw what must be back.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.warnings = True
        self.before: Callable[[], object] | None = None
        self.after: Callable[[], object] | None = None
        self._warned: set[str] = set()

    def note(self, text: str) -> None:
        """Say something that is good to know."""
        if not self.quiet:
            self._line(text)

    def warn(self, text: str) -> None:
        """Say what is odd but no failure."""
        if self.warnings and text not in self._warned:
            self._warned.add(text)
            self.note(f"warning: {text}")

    def log(self, level: str, text: str) -> None:
        """Write a line of a log."""
        self._line(f"{level}: {text}")

    def error(self, text: str) -> None:
        """Say why it failed, in one line."""
        self._line(f"error: {text or 'unknown'}")

    def block(self, text: str) -> None:
        """Write a text of several lines, such as a traceback."""
        self._write("".join(f"{printable(line)}\n" for line in struck(text).splitlines()))

    def _line(self, text: str) -> None:
        self._write(f"{NAME}: {printable(' '.join(struck(text).split()))}\n")

    def interrupted(self) -> None:
        """End the line in which the terminal has shown Ctrl-C, so that the prompt does not follow right behind."""
        if self.before is None and is_terminal(sys.stderr):
            write_quietly(sys.stderr, "\n")

    def clear(self) -> None:
        """Take a live line off the terminal."""
        if self.before is not None:
            self.before()

    def _write(self, text: str) -> None:
        self.clear()
        write_quietly(sys.stderr, text)
        if self.after is not None:
            self.after()


def write_quietly(file: TextIO | None, text: str) -> None:
    """Write, and do without if nobody can read it."""
    with suppress(OSError, ValueError):
        if file is not None:
            file.write(text)
            file.flush()


def is_terminal(file: TextIO | None) -> bool:
    """Whether somebody may look at ``file``."""
    try:
        return file is not None and file.isatty()
    except ValueError:  # closed
        return False


def show(text: str, end: str = "\n") -> None:
    """Write a result and ``end`` to standard output. Raises `OutputError`; a closed pipe is its cause then."""
    try:
        if sys.stdout is None:
            raise OutputError("cannot write to standard output: it is closed")
        sys.stdout.write(f"{text}{end}")
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror or error}") from error


def tolerate_closed_output() -> None:
    """Let Python's own last flush of standard output go nowhere, once its reader is gone or its disk is full."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def tolerate_any_text() -> None:
    """Show what the terminal's encoding has no sign for as an escape sequence, instead of failing over it."""
    for file in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError, OSError):
            file.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def printable(text: str) -> str:
    """``text`` with control characters as escape sequences, so that none of them acts on a terminal."""
    if text.isprintable():
        return text
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def struck(text: str) -> str:
    """``text`` without anything that is or looks like a credential."""
    from ...sources.http.redaction import Secrets

    return Secrets.of_environment().strike(text)
