"""The worker's side of `turns`: asks the daemon before each sound, and says when it is over, and what had spoken."""

from __future__ import annotations

import _thread
import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from threading import Event, Thread

from ..sinks import turn
from ..voice.pools import engine_in_use
from .frames import FrameReader, frame
from .request import SILENCE, SOUND

ASK, LEAVE, YOURS = b"ask", b"leave", b"yours"
CHUNK = 4096


class TakingTurns:
    """Holds this process's turn while any of its speeches sounds. ``line`` leads to the daemon.

    ``place`` tells the origin of the service that spoke, for the next process ahead; an empty one is that of none.
    Where the daemon has ended nobody is waited for. What it says is heard in a thread: it may want silence at any time.
    """

    def __init__(self, line: socket.socket, tell_client: Callable[[bytes], object], place: Callable[[], str]) -> None:
        self._line = line
        self._tell = tell_client
        self._place = place
        self._sounding = 0
        self._granted: asyncio.Task[None] | None = None
        self._asked: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._alone = False
        self._told = False

    def install(self) -> None:
        """From now on every `Session` of this process asks."""
        turn.take = self.take
        Thread(target=self._listen, name="oggstream-daemon", daemon=True).start()

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
                    self._line.sendall(frame(LEAVE, engine_in_use().encode(), self._place().encode()))

    async def _ask(self) -> None:
        came = asyncio.Event()
        self._asked = asyncio.get_running_loop(), came
        with suppress(OSError):
            self._line.sendall(frame(ASK, turn.way.encode()))
            if not self._alone:
                await came.wait()

    def _listen(self) -> None:
        for fields in _frames(self._line):
            if fields[0] == SILENCE:
                interrupt()
            else:
                self._grant()
        self._alone = True
        self._grant()

    def _grant(self) -> None:
        if self._asked is not None:
            loop, came = self._asked
            with suppress(RuntimeError):  # its loop has ended
                loop.call_soon_threadsafe(came.set)

    def _tell_client(self) -> None:
        """From here on it must not say the same again."""
        if not self._told:
            self._told = True
            self._tell(SOUND)


def _frames(line: socket.socket) -> Iterator[list[bytes]]:
    """What comes, until the other end is gone."""
    reader = FrameReader()
    with suppress(OSError):
        while data := line.recv(CHUNK):
            reader.feed(data)
            while (fields := reader.next()) is not None:
                yield fields


answering = Event()
"""Set once a command has its handlers."""


def interrupt(number: int = signal.SIGTERM) -> None:
    """Have this process's command answer a signal."""
    if sys.platform == "win32":  # there `os.kill` would end it
        answering.wait()
        _thread.interrupt_main(number)
    else:
        os.kill(os.getpid(), number)
