"""One answer of HTTP/1.1, from its bytes: the head, and the body without its framing (RFC 9112). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

LONGEST_HEAD = 256 << 10
"""Bytes of a head, and of all that stands before the body."""
LONGEST_LINE = 64 << 10
"""Bytes of a line of the head, or of the size of a chunk."""
MOST_HEADERS = 1024
_BEGIN = b"HTTP/1."
_END, _NEW_LINE = re.compile(rb"\r?\n\r?\n"), re.compile(rb"\r?\n")  # a line may end without CR: section 2.2
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*", re.DOTALL)
_SIZE = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\r\n]*)?")
_WITHOUT_BODY = (204, 304)


class MalformedAnswerError(ConnectionError):
    """An answer that breaks the protocol; ``message`` says how."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class CutAnswerError(ConnectionError):
    """The connection ended before the answer did."""


class Headers(Mapping[str, str]):
    """Header fields in their order, found without regard to case; of several with one name the first counts."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields: dict[str, tuple[str, str]] = {}
        for name, value in fields:
            self._fields.setdefault(name.lower(), (name, value))

    def __getitem__(self, name: str) -> str:
        return self._fields[name.lower()][1]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._fields.values())

    def __len__(self) -> int:
        return len(self._fields)


class AnswerReader:
    """Fed with what a connection brings. ``status`` and ``headers`` are there once ``has_head``; then comes the body,
    to its end (``ended``). What follows the end is dropped. Raises `MalformedAnswerError` and `CutAnswerError`.
    """

    def __init__(self) -> None:
        self.has_head = False
        self.ended = False
        self.status = 0
        self.headers = Headers([])
        self._held = bytearray()  # of a head or a line that is not complete
        self._searched = 0  # bytes of it in which there is no end
        self._left: int | None = None  # bytes of the body, or of its chunk; None: up to the end of the connection
        self._chunked = False
        self._trailing = False  # the last chunk was read

    def feed(self, data: bytes) -> bytes:
        """Take what arrived; return what of it belongs to the body."""
        self._held += data
        while not self.has_head:
            head = self._line(_END, LONGEST_HEAD)
            if head is None:
                if not _BEGIN.startswith(self._held[: len(_BEGIN)]):
                    raise MalformedAnswerError("bad status line")
                return b""
            self._read_head(head)
        return self._read_chunks() if self._chunked else self._read_plain()

    def finish(self) -> None:
        """The connection has ended. Raises `CutAnswerError` where more was to come."""
        if not self.ended and (not self.has_head or self._chunked or self._left is not None):
            raise CutAnswerError("the connection ended before the answer")
        self.ended = True

    def _read_head(self, head: bytes) -> None:
        first, *lines = [line.removesuffix(b"\r") for line in head.split(b"\n")]
        status = _STATUS.fullmatch(first)
        if status is None:
            raise MalformedAnswerError("bad status line")
        if len(lines) > MOST_HEADERS:
            raise MalformedAnswerError(f"more than {MOST_HEADERS} headers")
        code = int(status[1])
        if 100 <= code < 200 and code != 101:
            return  # the answer is still to come (RFC 9110 section 15.2)
        fields = [_field(line) for line in lines]
        self.status, self.headers, self.has_head = code, Headers(fields), True
        self._read_framing(fields)

    def _read_framing(self, fields: list[tuple[str, str]]) -> None:
        """How the body ends: RFC 9112 section 6.3."""
        codings = [value for name, value in fields if name.lower() == "transfer-encoding"]
        lengths = {value for name, value in fields if name.lower() == "content-length"}
        if self.status in _WITHOUT_BODY:
            self.ended = True
        elif codings:  # then a length does not count
            self._chunked = codings[-1].rpartition(",")[2].strip().lower() == "chunked"
            self._left = 0 if self._chunked else None
        elif lengths:
            length = lengths.pop()
            if lengths or not (length.isascii() and length.isdecimal() and len(length) < 20):
                raise MalformedAnswerError("bad Content-Length")
            self._left = int(length)
            self.ended = not self._left

    def _read_plain(self) -> bytes:
        return b"" if self.ended else self._body(len(self._held) if self._left is None else self._left)

    def _read_chunks(self) -> bytes:
        """Section 7.1: each chunk is a line with its size, so many bytes, and an empty line."""
        body = []
        while not self.ended:
            if self._left:
                body.append(self._body(self._left))
                if self._left:
                    break
                self._left = None  # an empty line follows
            line = self._line(_NEW_LINE, LONGEST_LINE)
            if line is None:
                break
            self._read_line(line)
        return b"".join(body)

    def _body(self, most: int) -> bytes:
        body = bytes(self._held[:most])
        del self._held[:most]
        if self._left is not None:
            self._left -= len(body)
            self.ended = not (self._left or self._chunked)
        return body

    def _line(self, end: re.Pattern[bytes], longest: int) -> bytes | None:
        """What stands before the next ``end``; None while that is not there."""
        found = end.search(self._held, self._searched)
        if found is None:
            _limit(len(self._held), longest)
            self._searched = max(0, len(self._held) - 3)
            return None
        line = bytes(self._held[: found.start()])
        _limit(len(line), longest)
        del self._held[: found.end()]
        self._searched = 0
        return line

    def _read_line(self, line: bytes) -> None:
        if self._trailing:
            self.ended = not line
        elif self._left is None:
            if line:
                raise MalformedAnswerError("a chunk is longer than it says")
            self._left = 0
        else:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise MalformedAnswerError("bad size of a chunk")
            self._left = int(size[1], 16)
            self._trailing = not self._left


def _field(line: bytes) -> tuple[str, str]:
    found = _FIELD.fullmatch(line)
    if found is None or len(line) > LONGEST_LINE or b"\0" in line or b"\r" in line:
        raise MalformedAnswerError("bad header")
    return found[1].decode("ascii"), found[2].decode("utf-8", "surrogateescape")


def _limit(size: int, longest: int) -> None:
    if size > longest:
        raise MalformedAnswerError(f"a head or line of more than {longest} bytes")
