"""The Realtime connections of one event loop: which one serves a piece of text, and when one is closed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...errors import SourceBrokenError
from .connection import Connection

if TYPE_CHECKING:
    from .handshake import Advise, Handshake
    from .messages import Setup
    from .pending import Piece

KEPT = 4
"""Connections that stay open: a voice is fixed for each, and a dialogue alternates between a few."""


class Pool:
    """Connections by what they are set up for; those not used for longest are closed first.

    Closed once, it opens no more.
    """

    def __init__(self, handshake: Handshake, advise: Advise) -> None:
        self._handshake = handshake
        self._advise = advise
        self._kept: list[Connection] = []  # the one used last at the end
        self._closing: set[Connection] = set()  # no new pieces for them
        self._lock = asyncio.Lock()  # who comes meanwhile gets the connection that is being made
        self._closed = False

    async def get(self, setup: Setup, piece: Piece) -> Connection:
        """An open connection for ``setup``. Raises an `OggStreamError`, with ``piece.again`` set if it may pass.

        ``piece.stale`` tells whether it was there already. Cancelled, it leaves the connections that there were.
        """
        async with self._lock:
            self._sort_out()
            connection = await self._find(setup)
            piece.stale = connection is not None
            if connection is None:
                connection = await self._connect(setup, piece)
            else:
                self._kept.remove(connection)
            self._kept.append(connection)
            while len(self._kept) > KEPT:
                self._retire(self._kept[0])
            return connection

    async def aclose(self) -> None:
        """Close all; what is under way breaks off."""
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

    async def _connect(self, setup: Setup, piece: Piece) -> Connection:
        socket = await self._handshake.open(setup.model, piece, self._advise)
        connection = Connection(socket, setup, self._handshake.shown, self._handshake.secrets)
        piece.again = {}  # what fails from here on is the connection
        try:
            await self._begin(connection)
        except BaseException:
            await connection.aclose()
            raise
        piece.again = None
        return connection

    async def _begin(self, connection: Connection) -> None:
        await connection.set_up()
        if self._closed:
            raise SourceBrokenError(f"the connection to {self._handshake.shown} was closed")

    def _sort_out(self) -> None:
        for connection in [connection for connection in self._kept if not connection.open]:
            self._retire(connection)

    def _retire(self, connection: Connection) -> None:
        self._kept.remove(connection)
        self._closing.add(connection)
        connection.reader.add_done_callback(lambda _: self._closing.discard(connection))
        connection.retire()
