"""JSON as it arrives: one value after the other, and values with long strings, whose audio is never parsed as text."""

from __future__ import annotations

import json
import re
from typing import Any

from .sse import ServerEvent

MAX_SKELETON = 1 << 20
"""Bytes of a value without its long strings at most: what it is parsed to takes up to 25 times as many."""

_LONG = 4096  # bytes of a string that is not parsed
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # possessive: what does not end is not tried again
_IN_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_PLAIN = re.compile(rb'(?:[^"{}\[\]]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+', re.DOTALL)  # what holds no bracket
_BETWEEN = re.compile(rb"[ \t\r\n,\[\]\x1e]*+")  # between values: lines, the members of an array, RFC 7464
_LINE = b'\n{"'
_KEY = "\0long"


class Value:
    """A JSON object, parsed but for its long strings. Raises `ValueError` or `RecursionError` for what is none."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._long: list[tuple[int, int]] = []
        found = json.loads(self._skeleton())
        self.fields: dict[str, Any] = found if isinstance(found, dict) else {}

    @staticmethod
    def is_long(value: str) -> bool:
        """Whether a string of ``fields`` stands for a longer one."""
        return value.startswith(_KEY)

    def text(self, value: str) -> bytes:
        """The content of a string of ``fields``, as UTF-8."""
        if not value.startswith(_KEY):
            return value.encode("utf-8", "replace")
        number = value.removeprefix(_KEY)
        start, end = self._long[int(number)] if number.isdecimal() and int(number) < len(self._long) else (0, 0)
        return self._data[start:end].replace(b"\\/", b"/").replace(b"\\n", b"").replace(b"\\r", b"")

    def _skeleton(self) -> bytes:
        """The value with a number in place of each long string. Raises `ValueError` if the rest is too long."""
        parts: list[bytes] = []
        size = at = 0  # of parts; behind the last long string
        for string in _STRING.finditer(self._data):
            start, end = string.span()
            if size + start - at > MAX_SKELETON:
                break
            if end - start > _LONG:
                parts += [self._data[at:start], b'"\\u0000long%d"' % len(self._long)]
                size += start - at + _LONG // 100
                self._long.append((start + 1, end - 1))
                at = end
        if size + len(self._data) - at > MAX_SKELETON:
            raise ValueError("a value that is too long")
        return b"".join([*parts, self._data[at:]])


class ValueReader:
    """Takes a body of JSON values apart: lines, an array, or objects in a row. Each is an event without a name.

    ``lines``: an object at the start of a line is the next value, so that one which breaks off ends with its line.
    """

    def __init__(self, *, lines: bool = False) -> None:
        self._lines = lines
        self._read_lines = 0  # bytes of the buffer that hold no start of another value
        self._buffer = bytearray()
        self._offset = 0  # of the buffer in the body
        self._depth = 0
        self._searched = 0  # bytes of the buffer that have been looked at
        self._quoted = False  # that is within a string

    @property
    def waiting(self) -> int:
        """Bytes of the value that is not complete."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The values that ``data`` completes."""
        self._buffer += data
        values = []
        while (end := self._end_of_value()) is not None:
            values.append(ServerEvent("", bytes(self._buffer[:end]), self._offset))
            self._drop(end)
        return values

    def finish(self) -> ServerEvent | None:
        """What was left over, which is no whole value."""
        self._drop(_end_of(_BETWEEN, self._buffer, 0))
        return ServerEvent("", bytes(self._buffer), self._offset) if self._buffer else None

    def _end_of_value(self) -> int | None:
        """Where the first value in the buffer ends, None if it does not."""
        if not self._searched:
            self._drop(_end_of(_BETWEEN, self._buffer, 0))
        next_line = self._next_line() if self._lines else None
        end = self._close_of_value(len(self._buffer) if next_line is None else next_line)
        return end or next_line

    def _next_line(self) -> int | None:
        """Where an object begins a line, so that a value before it ends there at the latest."""
        found = self._buffer.find(_LINE, max(0, self._read_lines - len(_LINE)))
        self._read_lines = len(self._buffer) if found < 0 else found
        return None if found < 0 else found + 1

    def _close_of_value(self, limit: int) -> int:
        """The place behind the bracket that closes the value before ``limit``; 0 if none does."""
        at = self._searched
        while at < limit:
            if self._quoted:
                at = self._end_of_string(at, limit)
                if self._quoted:
                    break
            at = _end_of(_PLAIN, self._buffer, at, limit)
            if at < limit:
                at += 1
                if self._closes(self._buffer[at - 1 : at]):
                    return at
        self._searched = at
        return 0

    def _closes(self, mark: bytes | bytearray) -> bool:
        """Count the brackets; whether this one closes the value."""
        self._quoted = mark == b'"'
        self._depth += (mark in (b"{", b"[")) - (mark in (b"}", b"]"))
        return self._depth <= 0 and not self._quoted

    def _end_of_string(self, at: int, limit: int) -> int:
        """The place behind the string in which ``at`` lies, or where to go on when more of it is there."""
        end = _end_of(_IN_STRING, self._buffer, at, limit)
        self._quoted = end >= limit or self._buffer[end : end + 1] != b'"'
        return end if self._quoted else end + 1

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count
        self._searched = self._depth = 0
        self._quoted = False
        self._read_lines = max(0, self._read_lines - count)


def _end_of(pattern: re.Pattern[bytes], data: bytearray, at: int, limit: int | None = None) -> int:
    """Where what ``pattern`` matches from ``at`` on, be it nothing, ends."""
    found = pattern.match(data, at, len(data) if limit is None else limit)
    return at if found is None else found.end()
