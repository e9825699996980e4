"""One request on a `Line`, without aiohttp: it is out, and its answer is read, before that is imported.

The answer looks like aiohttp's as far as this package uses it. A line is used once: what is kept open, redirected or
repeated goes over aiohttp.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Mapping
from contextvars import copy_context
from threading import Condition
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from .answer_reader import AnswerReader, Headers

if TYPE_CHECKING:
    import socket

    from .dialling import Line

MOST_AHEAD = 128 << 10
"""Bytes of a body that may wait to be read; then the connection is left to wait."""
_READ = 64 << 10
_PORTS = {"http": 80, "https": 443}


async def ask(line: Line, request: bytes, on_sent: Callable[[], object], patience: float) -> DirectAnswer | None:
    """The answer to ``request``, its head there; None if no connection came about.

    Raises `TimeoutError` if connecting takes more than ``patience`` seconds from now on, and `OSError` for an answer
    that does not come. Cancelled, it closes the line.
    """
    answer = DirectAnswer(line, on_sent)
    try:
        if not line.use(_Exchange(request, answer).run) or not await answer.begun(patience):
            answer.close()
            return None
    except BaseException:
        answer.close()
        raise
    return answer


def request_bytes(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """A request as it is sent (RFC 9112 section 3), with the headers that aiohttp adds."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _PORTS[parts.scheme]) else f":{parts.port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    usual = {
        "Host": f"{host}{port}",
        "Accept": "*/*",
        "User-Agent": f"Python/{sys.version_info[0]}.{sys.version_info[1]}",
    }
    given = {name.lower() for name in headers}
    fields = [(name, value) for name, value in usual.items() if name.lower() not in given]
    fields += headers.items()
    if body is not None:
        fields.append(("Content-Length", str(len(body))))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + (body or b"")


class DirectAnswer:
    """The answer, and the stream of its body (``content``)."""

    def __init__(self, line: Line, on_sent: Callable[[], object]) -> None:
        self.status = 0
        self.headers = Headers([])
        self.content = self
        self.connection = line  # never given back: it serves once
        self._on_sent = on_sent
        self._loop = asyncio.get_running_loop()
        self._context = copy_context()  # in which events find their session
        self._changed = asyncio.Event()
        self._room = Condition()  # guards what follows
        self._parts: deque[bytes] = deque()
        self._size = 0
        self._connected = self._has_head = self._ended = self._closed = False
        self._error: OSError | None = None

    async def begun(self, patience: float) -> bool:
        """Wait for the connection, for at most ``patience`` seconds, and for the head; False without a connection."""
        async with asyncio.timeout(patience):
            while not (self._connected or self._ended):
                await self._wait()
        while not (self._has_head or self._ended):
            await self._wait()
        if self._error is not None and not self._has_head:
            raise self._error
        return self._has_head

    async def readany(self) -> bytes:
        """What has arrived of the body, at least a byte; nothing at its end. Raises `OSError` where it is cut."""
        while True:
            with self._room:
                if self._parts:
                    data = b"".join(self._parts)
                    self._parts.clear()
                    self._size = 0
                    self._room.notify()
                    return data
                if self._ended:
                    break
            await self._wait()
        if self._error is not None:
            raise self._error
        return b""

    def close(self) -> None:
        """Close the connection. Nothing more is received."""
        with self._room:
            self._closed = True
            self._room.notify()
        self.connection.close()

    async def _wait(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    # The thread's side.

    def connected(self) -> None:
        """There is a connection."""
        self._connected = True
        self._call(self._changed.set)

    def sent(self) -> None:
        """The request is with the system."""
        self._call(self._on_sent)

    def head(self, status: int, headers: Headers) -> None:
        """The head has come."""
        self.status, self.headers, self._has_head = status, headers, True
        self._call(self._changed.set)

    def put(self, data: bytes) -> None:
        """More of the body; waits while there is no room."""
        with self._room:
            self._room.wait_for(lambda: self._size < MOST_AHEAD or self._closed)
            self._parts.append(data)
            self._size += len(data)
        self._call(self._changed.set)

    def end(self, error: OSError | None = None) -> None:
        """There is no more."""
        self._error = error
        self._ended = True
        self._call(self._changed.set)

    def _call(self, function: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(function, context=self._context)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._closed = True


class _Exchange:
    """The thread's side of an answer: writes the request, and reads."""

    def __init__(self, request: bytes, answer: DirectAnswer) -> None:
        self._request = request
        self._answer = answer
        self._reader = AnswerReader()

    def run(self, connection: socket.socket | OSError) -> None:
        """Exchange, and tell the answer; of a failed connection only a time-out, for the rest is tried again."""
        if isinstance(connection, OSError):
            self._answer.end(connection if isinstance(connection, TimeoutError) else None)
            return
        try:
            self._answer.connected()
            connection.sendall(self._request)
            self._answer.sent()
            self._read(connection)
        except OSError as error:
            self._answer.end(error)
        else:
            self._answer.end()

    def _read(self, connection: socket.socket) -> None:
        reader = self._reader
        while not reader.ended:
            data = connection.recv(_READ)
            had_head = reader.has_head
            try:
                body = reader.feed(data) if data else b""
            finally:  # also where what follows the head is malformed
                if reader.has_head and not had_head:
                    self._answer.head(reader.status, reader.headers)
            if body:
                self._answer.put(body)
            if not data:
                reader.finish()
