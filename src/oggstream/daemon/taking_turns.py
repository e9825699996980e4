"""The worker's side of `turns`: asks the daemon before each sound, and says when it is over."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ..sinks import turn
from ..voice.pools import engine_in_use
from .frames import FrameReader, frame
from .request import SOUND

ASK, LEAVE, YOURS = b"ask", b"leave", b"yours"
CHUNK = 4096


class TakingTurns:
    """Holds this process's turn while any of its speeches sounds. ``line`` leads to the daemon, ``client`` to it.

    Where the daemon has ended nobody is waited for.
    """

    def __init__(self, line: socket.socket, client: socket.socket) -> None:
        self._line = line
        self._client = client
        self._sounding = 0
        self._granted: asyncio.Task[None] | None = None
        self._told = False

    def install(self) -> None:
        """From now on every `Session` of this process asks."""
        self._line.setblocking(False)
        turn.take = self.take

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """A turn: entered when it has come, ended with the block."""
        self._sounding += 1
        try:
            if self._granted is None:
                self._granted = asyncio.create_task(self._ask())
            await asyncio.shield(self._granted)
            self._tell_client()
            yield
        finally:
            self._sounding -= 1
            if not self._sounding and self._granted is not None:
                self._granted.cancel()
                self._granted = None
                with suppress(OSError):
                    self._line.send(frame(LEAVE, engine_in_use().encode()))

    async def _ask(self) -> None:
        loop, frames = asyncio.get_running_loop(), FrameReader()
        with suppress(OSError):
            await loop.sock_sendall(self._line, frame(ASK, turn.way.encode()))
            while frames.next() is None:
                data = await loop.sock_recv(self._line, CHUNK)
                if not data:
                    return
                frames.feed(data)

    def _tell_client(self) -> None:
        """From here on it must not say the same again."""
        if not self._told:
            self._told = True
            with suppress(OSError):
                self._client.send(frame(SOUND))
