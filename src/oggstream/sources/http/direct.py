"""One request on a `Line`, without aiohttp: it is out, and its answer is read, before that is imported.

The answer looks like aiohttp's as far as this package uses it. A line is used once: what is kept open, redirected or
repeated goes over aiohttp.

A request may be sent before there is an event loop (`send_ahead`). Whoever asks for the same, byte for byte, is then
given its answer; where another request is asked for, the line is closed and not used.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import TYPE_CHECKING

from .answer_reader import AnswerReader, Headers

if TYPE_CHECKING:
    import socket

    from .dialling import Line

MOST_AHEAD = 128 << 10
"""Bytes of a body that may wait to be read; then the connection is left to wait."""
_READ = 64 << 10


def send_ahead(line: Line, request: bytes) -> None:
    """Have ``request`` sent as soon as there is a connection, and its answer kept for `ask`."""
    line.use(Exchange(request))


async def ask(line: Line, request: bytes, on_sent: Callable[[float], object], patience: float) -> DirectAnswer | None:
    """The answer to ``request``, its head there; None if no connection came about, or another request is out on it.

    ``on_sent`` is called when the request is out, with the seconds since it was. Raises `TimeoutError` if connecting
    takes more than ``patience`` seconds from now on, and `OSError` for an answer that does not come. Cancelled, it
    closes the line.
    """
    if line.exchange is None:
        line.use(Exchange(request))
    exchange = line.exchange
    if exchange is None or exchange.request != request:
        line.close()
        return None
    answer = DirectAnswer(line, exchange, on_sent)
    try:
        if not await answer.begun(patience):
            answer.close()
            return None
    except BaseException:
        answer.close()
        raise
    return answer


class Exchange:
    """The side of the line's thread: writes a request, and keeps what comes until somebody takes it.

    What a method sets is there before `follow`'s function is called, and is read without a lock.
    """

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.connected = False
        self.sent_at: float | None = None  # on the monotonic clock
        self.ended = False
        self.error: OSError | None = None
        self.reader = AnswerReader()
        self.has_head = False
        self._wake: Callable[[], object] = _nobody
        self._room = Condition()  # guards what follows
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._closed = False

    def run(self, connection: socket.socket | OSError) -> None:
        """Exchange; of a failed connection keep only a time-out, for the rest is tried again."""
        if isinstance(connection, OSError):
            self._end(connection if isinstance(connection, TimeoutError) else None)
            return
        try:
            self.connected = True
            self._wake()
            connection.sendall(self.request)
            self.sent_at = time.monotonic()
            self._wake()
            self._read(connection)
        except OSError as error:
            self._end(error)
        else:
            self._end(None)

    def follow(self, wake: Callable[[], object]) -> None:
        """Call ``wake``, now and after each change, in the thread."""
        self._wake = wake
        wake()

    def take(self) -> bytes:
        """What has arrived of the body and was not taken."""
        with self._room:
            data = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
            self._room.notify()
        return data

    def close(self) -> None:
        """Nobody takes any more."""
        with self._room:
            self._closed = True
            self._room.notify()

    def _read(self, connection: socket.socket) -> None:
        reader = self.reader
        while not (reader.ended or self._closed):  # what is left in the socket then tells the service that nobody reads
            data = connection.recv(_READ)
            try:
                body = reader.feed(data) if data else b""
            finally:  # also where what follows the head is malformed
                if reader.has_head and not self.has_head:
                    self.has_head = True
                    self._wake()
            if body:
                self._put(body)
            if not data:
                reader.finish()

    def _put(self, data: bytes) -> None:
        with self._room:
            self._room.wait_for(lambda: self._size < MOST_AHEAD or self._closed)
            self._parts.append(data)
            self._size += len(data)
        self._wake()

    def _end(self, error: OSError | None) -> None:
        self.error = error
        self.ended = True
        self._wake()


class DirectAnswer:
    """The answer, and the stream of its body (``content``)."""

    def __init__(self, line: Line, exchange: Exchange, on_sent: Callable[[float], object]) -> None:
        import asyncio
        from contextvars import copy_context

        self.content = self
        self.connection = line  # never given back: it serves once
        self._exchange = exchange
        self._on_sent: Callable[[float], object] | None = on_sent
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()  # in which events find their session
        self._changed = asyncio.Event()
        exchange.follow(self._wake)

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self._exchange.reader.status

    @property
    def headers(self) -> Headers:
        """The header fields of the answer."""
        return self._exchange.reader.headers

    async def begun(self, patience: float) -> bool:
        """Wait for the connection, for at most ``patience`` seconds, and for the head; False without a connection."""
        import asyncio

        exchange = self._exchange
        async with asyncio.timeout(patience):
            while not (exchange.connected or exchange.ended):
                await self._wait()
        while not (exchange.has_head or exchange.ended):
            await self._wait()
        self._tell()
        if exchange.error is not None and not exchange.has_head:
            raise exchange.error
        return exchange.has_head

    async def readany(self) -> bytes:
        """What has arrived of the body, at least a byte; nothing at its end. Raises `OSError` where it is cut."""
        while True:
            ended = self._exchange.ended  # before looking: what comes last is not overlooked
            if data := self._exchange.take():
                return data
            if ended:
                break
            await self._wait()
        if self._exchange.error is not None:
            raise self._exchange.error
        return b""

    def close(self) -> None:
        """Close the connection. Nothing more is received."""
        self.connection.close()

    async def _wait(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._look, context=self._context)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._exchange.close()

    def _look(self) -> None:
        self._tell()
        self._changed.set()

    def _tell(self) -> None:
        """Say once that the request is out."""
        if self._exchange.sent_at is not None and self._on_sent is not None:
            on_sent, self._on_sent = self._on_sent, None
            on_sent(time.monotonic() - self._exchange.sent_at)


def _nobody() -> None:
    """Do nothing: nobody follows yet."""
