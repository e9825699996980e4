"""The connections of one event loop to a service: chooses one for each speech, and closes those not needed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import TYPE_CHECKING

from ...errors import SourceBrokenError

if TYPE_CHECKING:
    from .contexts import Speech
    from .service_connection import ServiceConnection

KEPT = 4
"""Connections that stay open: voices are fixed on most, and a dialogue alternates between a few."""


class ServicePool:
    """Keeps a few connections open and closes the least recently used first. Once closed, it opens none."""

    def __init__(self, place: str) -> None:
        self._place = place
        self._kept: list[ServiceConnection] = []  # the most recently used one last
        self._closing: set[ServiceConnection] = set()  # closed when their last piece has ended
        self._locks: dict[Hashable, asyncio.Lock] = {}  # held while connecting: others wait for that connection
        self._closed = False

    async def get(
        self,
        key: Hashable,
        speech: Speech | None,
        connect: Callable[[], Awaitable[ServiceConnection]],
        *,
        fresh: bool = False,
    ) -> ServiceConnection:
        """A connection for ``key`` with room for ``speech``, which is kept for it; ``fresh``: a new one.

        Raises as ``connect``.
        """
        async with self._locks.setdefault(key, asyncio.Lock()):
            for connection in [connection for connection in self._kept if not connection.open]:
                self._retire(connection)
            usable = (one for one in reversed(self._kept) if one.key == key and one.free and not fresh)
            connection = next(usable, None) or await self._connected(connect)
            if connection in self._kept:
                self._kept.remove(connection)
            self._kept.append(connection)
            if speech is not None:
                connection.enter(speech)
            while len(self._kept) > KEPT:
                self._retire(self._kept[0])
            return connection

    async def aclose(self) -> None:
        """Close all connections; speech under way breaks off."""
        self._closed = True
        connections = [*self._kept, *self._closing]
        self._kept.clear()
        await asyncio.gather(*(connection.aclose() for connection in connections))

    async def _connected(self, connect: Callable[[], Awaitable[ServiceConnection]]) -> ServiceConnection:
        connection = await connect()
        if self._closed:
            await connection.aclose()
            raise SourceBrokenError(f"the connection to {self._place} was closed")
        return connection

    def _retire(self, connection: ServiceConnection) -> None:
        self._kept.remove(connection)
        self._closing.add(connection)
        connection.reader.add_done_callback(lambda _: self._closing.discard(connection))
        connection.retire()
