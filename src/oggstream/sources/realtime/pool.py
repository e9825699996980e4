"""The Realtime connections of one event loop: chooses one for each piece of text, and closes those not needed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...errors import SourceBrokenError
from .connection import Connection

if TYPE_CHECKING:
    from ..sockets.handshake import Advise
    from .dialect import Dialect
    from .handshake import RealtimeHandshake
    from .messages import Setup
    from .pending_response import PendingResponse

KEPT = 4
"""Connections that stay open: each has a fixed voice, and a dialogue alternates between a few voices."""


class ConnectionPool:
    """Keeps a few connections open and closes the least recently used first. Once closed, it opens none."""

    def __init__(self, handshake: RealtimeHandshake, advise: Advise) -> None:
        self._handshake = handshake
        self._advise = advise
        self._kept: list[Connection] = []  # the most recently used one last
        self._closing: set[Connection] = set()  # closed when their last piece has ended
        self._dialect = handshake.dialect
        self._lock = asyncio.Lock()  # held while connecting: other pieces wait for that connection
        self._closed = False

    async def get(self, setup: Setup, pending: PendingResponse) -> Connection:
        """An open connection for ``setup``. Raises an `OggStreamError`, with ``retry_headers`` set if a retry may help.

        Sets ``pending.on_kept_connection``. When cancelled, it leaves the existing connections as they were.
        """
        async with self._lock:
            self._sort_out()
            connection = await self._find(setup)
            pending.on_kept_connection = connection is not None
            if connection is None:
                connection = await self._connect(setup, pending)
            else:
                self._kept.remove(connection)
            self._kept.append(connection)
            while len(self._kept) > KEPT:
                self._retire(self._kept[0])
            return connection

    async def aclose(self) -> None:
        """Close all connections; speech under way breaks off."""
        self._closed = True
        connections = [*self._kept, *self._closing]
        self._kept.clear()
        await asyncio.gather(*(connection.aclose() for connection in connections))

    async def _find(self, setup: Setup) -> Connection | None:
        for connection in reversed(self._kept):
            if connection.fits(setup):
                return connection
        for connection in reversed(self._kept):
            if await connection.adapt(setup):
                return connection
        return None

    async def _connect(self, setup: Setup, pending: PendingResponse) -> Connection:
        socket = await self._handshake.open_for(setup.model, pending, self._advise)
        handshake = self._handshake
        connection = Connection(socket, setup, handshake.shown, handshake.secrets, self._known_dialect())
        pending.retry_headers = {}  # a failure from here on may be retried
        try:
            await self._begin(connection)
        except BaseException:
            await connection.aclose()
            raise
        pending.retry_headers = None
        return connection

    def _known_dialect(self) -> Dialect | None:
        """The dialect that present or former connections found; None if none did."""
        found = [dialect for connection in self._kept if (dialect := connection.dialect) is not None]
        return found[-1] if found else self._dialect

    async def _begin(self, connection: Connection) -> None:
        await connection.set_up()
        if self._closed:
            raise SourceBrokenError(f"the connection to {self._handshake.shown} was closed")

    def _sort_out(self) -> None:
        for connection in [connection for connection in self._kept if not connection.open]:
            self._retire(connection)

    def _retire(self, connection: Connection) -> None:
        self._dialect = connection.dialect or self._dialect
        self._kept.remove(connection)
        self._closing.add(connection)
        connection.reader.add_done_callback(lambda _: self._closing.discard(connection))
        connection.retire()
