"""Server-sent events (the WHATWG HTML standard, section 9.2.6): from bytes to events, cut anywhere."""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_EVENT = 12 << 20
"""Bytes of one event at most: three minutes of 16-bit speech at 24 kHz are less. It takes up to four times as
much memory."""

_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n?|\n")


class ServerEvent(NamedTuple):
    """``name`` is the event's type ("" where it has none), ``data`` its lines, ``offset`` where they begin."""

    name: str
    data: bytes
    offset: int


class EventReader:
    """Takes a stream of events apart. Lines end with CRLF, LF or CR; comments and other fields are passed over."""

    def __init__(self) -> None:
        self._buffer = bytearray()  # of the line that is not complete
        self._searched = 0  # of these, without an end of line
        self._after_cr = False  # a line feed now belongs to the end of line before it
        self._begun = False  # the byte order mark is behind
        self._offset = 0  # of the buffer in the body
        self._name = ""
        self._data: bytes | bytearray | None = None  # of the event's lines so far
        self._start = 0

    def feed(self, data: bytes) -> list[ServerEvent]:
        """The events that ``data`` completes."""
        self._buffer += data
        self._leave_mark()
        events = []
        at = self._skip_line_feed(0)
        while (end := _LINE_END.search(self._buffer, max(at, self._searched))) is not None:
            event = self._line(self._slice(at, end.start()), self._offset + at)
            if event is not None:
                events.append(event)
            at = end.end()
            self._after_cr = end[0] == b"\r" and at == len(self._buffer)
        self._drop(at)
        self._searched = len(self._buffer)
        return events

    @property
    def waiting(self) -> int:
        """Bytes of the event that is not complete: bounded by whoever feeds it, to `MAX_EVENT`."""
        return len(self._data or b"") + len(self._buffer)

    def finish(self) -> ServerEvent | None:
        """The event that no empty line ended. The standard drops it; services end their last one carelessly."""
        if self._buffer:
            self._line(bytes(self._buffer), self._offset)
            self._buffer.clear()
        return self._end_event()

    def _leave_mark(self) -> None:
        if not self._begun and len(self._buffer) >= len(_BOM):
            self._begun = True
            if self._buffer.startswith(_BOM):
                self._drop(len(_BOM))

    def _skip_line_feed(self, at: int) -> int:
        if self._after_cr and self._buffer:
            self._after_cr = False
            return at + self._buffer.startswith(b"\n")
        return at

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._offset += count

    def _slice(self, start: int, end: int) -> bytes:
        with memoryview(self._buffer) as view:
            return bytes(view[start:end])

    def _line(self, line: bytes, offset: int) -> ServerEvent | None:
        if not line:
            return self._end_event()
        colon = line.find(b":")
        field = line if colon < 0 else line[:colon]
        begin = len(line) if colon < 0 else colon + 1 + line.startswith(b" ", colon + 1)
        if field == b"data":
            self._add(line[begin:], offset)
        elif field == b"event":
            self._name = line[begin : begin + 100].decode("utf-8", "replace")
        return None

    def _add(self, value: bytes, offset: int) -> None:
        if self._data is None:
            self._data, self._start = value, offset
            return
        if isinstance(self._data, bytes):
            self._data = bytearray(self._data)
        self._data += b"\n"
        self._data += value

    def _end_event(self) -> ServerEvent | None:
        name, data = self._name, self._data
        self._name, self._data = "", None
        return ServerEvent(name, bytes(data), self._start) if data is not None else None
