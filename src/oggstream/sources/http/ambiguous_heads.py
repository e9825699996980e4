"""Heads of answers that give their length more than once, as some servers send them; aiohttp refuses these.

Chunks override a length (RFC 9112 section 6.3), and a length that is repeated is one (section 6.3, item 5).
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, Any, cast

from aiohttp.client_proto import ResponseHandler

if TYPE_CHECKING:
    import asyncio

    from aiohttp import BaseConnector

LONGEST_HEAD = 128 << 10
"""Bytes of a head that are looked at; a longer one is left to aiohttp."""

_END = re.compile(rb"\r?\n\r?\n")
_VERSION = b"HTTP/"  # with which a head begins
_INTERIM = re.compile(rb"HTTP/1\.\d 1(?!01)\d\d")  # another head follows (RFC 9110 section 15.2), not behind a 101
_CHUNKED = re.compile(rb"\ntransfer-encoding:[^\n]*chunked", re.IGNORECASE)
_LENGTH = re.compile(rb"\r?\ncontent-length[ \t]*:[ \t]*([^\r\n]*)", re.IGNORECASE)


class HeadRepairer(ResponseHandler):
    """Passes received bytes on, and removes a contradictory length from the head of each answer."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._head: bytearray | None = None

    def set_response_params(self, **settings: Any) -> None:
        """Expect the head of an answer."""
        self._head = bytearray()
        super().set_response_params(**settings)

    def data_received(self, data: bytes) -> None:
        """Take what arrives; a head waits until it is whole."""
        if self._head is None:
            super().data_received(data)
            return
        self._head += data
        end = _END.search(self._head)
        other = not self._head.startswith(_VERSION[: len(self._head)])
        if end is not None or other or len(self._head) > LONGEST_HEAD:
            self._hand_on(end.end() if end is not None else len(self._head))

    def eof_received(self) -> None:
        """Hand on what there is of a head."""
        self._hand_on_rest()
        super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Hand on what there is of a head."""
        self._hand_on_rest()
        super().connection_lost(exc)

    def _hand_on(self, size: int) -> None:
        assert self._head is not None
        head, rest = bytes(self._head[:size]), bytes(self._head[size:])
        self._head = bytearray() if _INTERIM.match(head) else None
        super().data_received(unambiguous(head))
        if rest:
            self.data_received(rest)

    def _hand_on_rest(self) -> None:
        if self._head:
            rest, self._head = bytes(self._head), None
            super().data_received(rest)


def unambiguous(head: bytes) -> bytes:
    """``head`` with one statement of the length of its body."""
    lengths = _LENGTH.findall(head)
    if lengths and _CHUNKED.search(head):
        return _LENGTH.sub(b"", head)
    if len(lengths) > 1 and len(set(lengths)) == 1:
        return _LENGTH.sub(b"", head, count=len(lengths) - 1)
    return head


def read_heads(connector: BaseConnector, loop: asyncio.AbstractEventLoop) -> None:
    """Let ``connector`` make connections that read such heads, for which aiohttp itself has no setting."""
    if hasattr(connector, "_factory"):
        connector._factory = cast("Any", functools.partial(HeadRepairer, loop=loop))  # noqa: SLF001
