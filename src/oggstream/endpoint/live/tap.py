"""From a reader of the broadcast to a connection: what comes is written at once, by no task."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from ..connections import stalling

if TYPE_CHECKING:
    from aiohttp import web

    from ...sinks.live.shared_log import LogReader

ROOM_BYTES = 32 << 10
"""Unsent bytes up to which a connection gets more: seconds of speech."""
KERNEL_BYTES = 32 << 10
"""What the system may hold unsent of a connection."""
UNREAD_SECONDS = 20.0
"""After which a client is given up that reads nothing."""
LOOK_SECONDS = 0.1  # until a connection that was full is looked at again

T = TypeVar("T")
log = logging.getLogger(__name__)


class Tap(Generic[T]):
    """A block in which what ``reader`` gets is written to the client of ``request``, as ``written`` makes it bytes.

    A client that does not read in time gets nothing until it does, and passes over what is too old by then; for
    `UNREAD_SECONDS` of this its connection is closed.
    """

    def __init__(self, reader: LogReader[T], request: web.Request, written: Callable[[list[T]], bytes]) -> None:
        self._reader = reader
        self._request = request
        self._written = written
        self._loop = asyncio.get_running_loop()
        self._stalling = ExitStack()
        self._full_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._reader.on_ready = self._pass_on
        transport = self._request.transport
        sock: Any = transport.get_extra_info("socket") if transport is not None else None
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BYTES)
        self._pass_on()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._reader.on_ready = None
        self._stalling.close()
        if self._timer is not None:
            self._timer.cancel()

    def _pass_on(self) -> None:
        transport = self._request.transport
        if transport is None or transport.is_closing():
            return
        if transport.get_write_buffer_size() > ROOM_BYTES:
            self._wait(transport)
            return
        if self._full_since is not None:
            self._full_since = None
            self._stalling.close()
        if data := self._written(self._reader.take_all()):
            transport.write(data)

    def _wait(self, transport: asyncio.Transport) -> None:
        now = self._loop.time()
        if self._full_since is None:
            self._full_since = now
            self._stalling.enter_context(stalling(self._request))
        if now - self._full_since < UNREAD_SECONDS:
            self._timer = self._loop.call_later(LOOK_SECONDS, self._pass_on)
            return
        log.warning("a listener reads no further: its connection is closed")
        transport.abort()
