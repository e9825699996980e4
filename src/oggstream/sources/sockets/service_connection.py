"""A connection to a service with a table: its speeches, and what the passing of time asks for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .connection import SocketConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from aiohttp import ClientWebSocketResponse

    from ..services.socket_table import Socket
    from .contexts import Speech
    from .protocol import SocketProtocol
    from .spoken_piece import SpokenPiece


class ServiceConnection(SocketConnection):
    """An open WebSocket of the service that ``table`` describes. ``key``: what it was opened for."""

    def __init__(
        self, socket: ClientWebSocketResponse, protocol: SocketProtocol, place: str, table: Socket, key: object
    ) -> None:
        self.key = key
        self._protocol = protocol
        self._table = table
        self._timer: asyncio.TimerHandle | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._used_at = _now()
        protocol.now = self._used_at
        super().__init__(socket, protocol, place, longest_use=table.longest_use)
        self.reader.add_done_callback(lambda _: self._stop())

    @property
    def open(self) -> bool:
        """Whether another speech may go to it: it was not idle for longer than the service likes."""
        idle = self._table.idle_seconds
        rested = idle is not None and self._protocol.idle and _now() - self._used_at > idle
        return super().open and not rested

    @property
    def free(self) -> bool:
        """Whether it has room for another speech."""
        return self._protocol.free

    @property
    def usable(self) -> bool:
        """Whether the speeches on it may ask for more."""
        return self._protocol.usable and not self.reader.done()

    def enter(self, speech: Speech) -> None:
        """Keep room for ``speech``, until it is left or complete."""
        self._protocol.enter(speech)

    async def begin(self, opening: Iterable[Mapping[str, Any]]) -> None:
        """Send the ``opening`` messages, and wait until the service is ready. Raises what it fails with."""
        await self._until(lambda: self._protocol.is_greeted)
        for message in opening:
            await self.send(message)
        await self._until(lambda: self._protocol.is_ready)

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached() and self._protocol.failure is None:
            await self.next_message()
        if self._protocol.failure is not None:
            raise self._protocol.failure

    async def ask(self, speech: Speech, piece: SpokenPiece) -> None:
        """Have ``piece`` spoken; a ping goes before it where the connection may be dead. Raises `SourceBrokenError`."""
        if self.is_doubtful:
            await self.probe()
        self._protocol.now = self._used_at = _now()
        for message in self._protocol.ask(speech, piece):
            await self.send(message)
        self._arm()

    async def finish(self, speech: Speech) -> None:
        """Say that ``speech`` is complete. Never fails."""
        self._protocol.now = _now()
        await self.send_all(self._protocol.finish(speech))
        self._after()

    async def leave(self, speech: Speech) -> None:
        """Leave ``speech``, and cancel what is under way. Never fails."""
        self._protocol.now = self._used_at = _now()
        await self.send_all(self._protocol.leave(speech))
        self._after()

    def _after(self) -> None:
        if self._protocol.spent:
            self.retire()
        self.close_when_done()
        self._arm()

    async def _receive(self) -> None:
        self._protocol.now = _now()
        await super()._receive()
        self._arm()

    def _arm(self) -> None:
        """Look again when the time has come."""
        if self._timer is not None:
            self._timer.cancel()
        due = self._protocol.next_due
        loop = asyncio.get_running_loop()
        self._timer = None if due is None or self.reader.done() else loop.call_at(due, self._tick)

    def _tick(self) -> None:
        self._ticking = asyncio.create_task(self._look(), name="oggstream-socket-time")

    async def _look(self) -> None:
        self._protocol.now = _now()
        await self.send_all(self._protocol.due())
        if self._protocol.failure is not None:
            self.reader.cancel()
        self._arm()

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._ticking is not None:
            self._ticking.cancel()


def _now() -> float:
    return asyncio.get_running_loop().time()
