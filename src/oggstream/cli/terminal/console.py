"""Output of the command line: messages for a person to standard error, results to standard output.

All that it shows goes through `write_quietly` or `show`, and these two let no character through that acts on a terminal
or reorders what it shows, wherever the text came from. Lines for a person hold no credential either.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from ...errors import OutputError

NAME = "oggstream"
BOLD, DIM, PLAIN = STYLES = "\x1b[1m", "\x1b[2m", "\x1b[0m"
"""The escape sequences that are ever sent to a terminal (ECMA-48 section 8.3.117)."""
_DRAWING = frozenset({*STYLES, "\r", "\n"})
_PARTS = re.compile(r"(\r|\n|\x1b\[[012]m)")
_JOINERS = "\u200c\u200d"
_CONTROLS = "\n\v\f\r\x1c\x1d\x1e\x1f\x85\u2028\u2029"
"""What is white space to Python, and not harmless."""


class ReportedError(Exception):
    """The command failed, and the user has been told why."""


class Console:
    """Writes lines for a person, each warning once. With ``quiet`` only errors, without ``warnings`` no warnings.

    With ``as_json`` each line is a JSON object, for programs that collect logs: ``time`` (UTC), ``level``, ``message``,
    and the fields of a record.

    ``before`` is called ahead of each line: it clears a live line; ``after`` behind it, to draw what must be back.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self.warnings = True
        self.as_json = False
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
            if not self.quiet:
                self._line(f"warning: {text}", "warning", text)

    def pass_over(self, text: str) -> None:
        """Do not give the warning ``text``."""
        self._warned.add(text)

    def log(self, level: str, text: str, fields: Mapping[str, Any] | None = None) -> None:
        """Write a line of a log."""
        self._line(f"{level}: {text}", level, text, fields)

    def error(self, text: str) -> None:
        """Say why it failed, in one line."""
        self._line(f"error: {text or 'unknown'}", "error", text or "unknown")

    def block(self, text: str) -> None:
        """Write a text of several lines, such as a traceback."""
        if self.as_json:
            self._line("", "debug", text)
            return
        self._write("".join(f"{printable(line)}\n" for line in struck(text).splitlines()))

    def _line(self, text: str, level: str = "info", message: str = "", fields: Mapping[str, Any] | None = None) -> None:
        if self.as_json:
            self._write(_json_line(level, struck(message or text), fields or {}))
            return
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


def _json_line(level: str, message: str, fields: Mapping[str, Any]) -> str:
    import json
    from datetime import UTC, datetime

    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": now, "level": level, "message": message, **fields}) + "\n"


def write_quietly(file: TextIO | None, text: str) -> None:
    """Write what is for a person, and do without if nobody can read it.

    A carriage return and the two codes of `STYLES` pass: a line that is drawn anew begins with them.
    """
    with suppress(OSError, ValueError):
        if file is not None:
            file.write("".join(part if part in _DRAWING else printable(part) for part in _PARTS.split(text)))
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
        lines = text.replace("\r\n", "\n").split("\n")
        sys.stdout.write("\n".join(map(printable, lines)) + end)
        sys.stdout.flush()
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror or error}") from error


def show_lines(lines: Iterable[str]) -> None:
    """Write results, each in a line of its own whatever is in it. Raises `OutputError` as `show` does."""
    show("\n".join(map(printable, lines)))


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


@contextmanager
def own_standard_error() -> Iterator[None]:
    """Have ``sys.stderr`` write to where it leads by a descriptor of its own.

    The package that loads PortAudio points descriptor 2 elsewhere meanwhile, in a thread: what the program writes in
    that moment, such as the prompt of a line that is typed, would be lost.
    """
    before = sys.stderr
    if (own := _duplicate(before)) is None:
        yield
        return
    sys.stderr = own
    try:
        yield
    finally:
        sys.stderr = before
        with suppress(OSError):
            own.close()


def _duplicate(file: TextIO | None) -> TextIO | None:
    """Another file for what descriptor 2 leads to; None if ``file`` does not lead there, or there is none."""
    with suppress(OSError, ValueError, AttributeError):
        if file is not None and file.fileno() == 2:
            return open(os.dup(2), "w", encoding=file.encoding, errors="backslashreplace", buffering=1)
    return None


def printable(text: str) -> str:
    """``text`` with every character that acts on a terminal, or reorders a line, shown as an escape sequence.

    These are the control characters (C0, C1), the marks and overrides of text direction, line and paragraph separators
    and lone surrogates. Joiners stay: emoji and many scripts are written with them. So do spaces and tabs.
    """
    if text.isprintable():
        return text
    return "".join(sign if _is_harmless(sign) else sign.encode("unicode_escape").decode() for sign in text)


def _is_harmless(sign: str) -> bool:
    return sign.isprintable() or sign in _JOINERS or (sign.isspace() and sign not in _CONTROLS)


def struck(text: str) -> str:
    """``text`` without anything that is or looks like a credential."""
    from ...sources.http.redaction import Secrets

    return Secrets.of_environment().strike(text)
