"""Heads of answers that say twice how long the body is, which aiohttp's parser refuses and browsers read.

Where an answer is chunked, Content-Length does not count (RFC 9112 section 6.3); where it is not, the same length said
twice is one length. An answer is not relayed here, so that nobody else could read it in another way.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiohttp import BaseConnector

LONGEST_HEAD = 256 << 10
"""Bytes of a head that are looked at; a longer one goes to the parser as it is."""
_END = re.compile(rb"\r?\n\r?\n")
_VERSION = b"HTTP/"  # with which a head begins
_LENGTH = re.compile(rb"\r?\ncontent-length[ \t]*:[ \t]*([^\r\n]*)(?=\r?\n)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\ntransfer-encoding[ \t]*:[^\r\n]*chunked[ \t]*\r?\n", re.IGNORECASE)
_INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)\d\d")


def unambiguous(head: bytes) -> bytes:
    """``head`` (up to and with its empty line) with at most one word on how long the body is."""
    lengths = _LENGTH.findall(head)
    if not lengths:
        return head
    if _CHUNKED.search(head):
        return _LENGTH.sub(b"", head)
    if len(lengths) > 1 and len(set(lengths)) == 1:
        return _LENGTH.sub(b"", head, count=len(lengths) - 1)
    return head


class HeadReader:
    """Bytes of one answer in, the same with an unambiguous head out. Bytes of its body pass at once."""

    def __init__(self) -> None:
        self._head: bytearray | None = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What can go on to the parser; empty while the head is not complete."""
        if self._head is None:
            return data
        searched = max(0, len(self._head) - 3)
        self._head += data
        end = _END.search(self._head, searched)
        if end is None:
            is_head = self._head.startswith(_VERSION[: len(self._head)]) and len(self._head) <= LONGEST_HEAD
            return b"" if is_head else self.finish()
        held, self._head = bytes(self._head), None
        head, rest = held[: end.end()], held[end.end() :]
        if not _INTERIM.match(head):
            return unambiguous(head) + rest
        self._head = bytearray()  # 1xx but 101: the answer is still to come (RFC 9110 section 15.2)
        return head + self.feed(rest)

    def finish(self) -> bytes:
        """What is held back, when the connection ends."""
        held, self._head = bytes(self._head or b""), None
        return held


def read_ambiguous_heads(connector: BaseConnector) -> None:
    """Have ``connector`` read such heads. Without effect for an aiohttp that keeps its protocols elsewhere."""
    from aiohttp.client_proto import ResponseHandler

    class Handler(ResponseHandler):
        _reader: HeadReader | None = None

        def set_response_params(self, *args: Any, **settings: Any) -> None:
            self._reader = HeadReader()
            super().set_response_params(*args, **settings)

        def data_received(self, data: bytes) -> None:
            passed = self._reader.feed(data) if self._reader is not None else data
            if passed or not data:  # aiohttp itself calls this with nothing, to go on
                super().data_received(passed)

        def connection_lost(self, exc: BaseException | None) -> None:
            if self._reader is not None and (held := self._reader.finish()):
                super().data_received(held)
            super().connection_lost(exc)

    factory: Any = getattr(connector, "_factory", None)
    if isinstance(factory, partial) and factory.func is ResponseHandler:
        made: Any = partial(Handler, *factory.args, **factory.keywords)
        connector._factory = made  # noqa: SLF001  # there is no other way
