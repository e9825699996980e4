"""A connection on which a source sends to a mount of Icecast."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Self

from .mount import METHODS, MOST_HEAD, Mount, Refusal, check_answer

CONNECT_SECONDS = 10.0
"""Longest wait for a connection, and for an answer on it."""
WRITE_SECONDS = 10.0
"""Longest wait until the server takes more: it drops a source that is silent for so long."""


class SourceClient:
    """Made by `connected`; an asynchronous context manager, which closes the connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._gone = asyncio.create_task(_end_of(reader))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.cancel()
        await asyncio.wait({self._gone})
        await _closed(self._writer)

    @classmethod
    async def connected(cls, mount: Mount, headers: Mapping[str, str]) -> Self:
        """A connection on which the server waits for sound.

        Raises `Refusal`, `OSError` and `TimeoutError`.
        """
        for method in METHODS:
            try:
                return await cls._offered(mount, mount.request(method, headers))
            except Refusal as refusal:
                if not refusal.unknown or method == METHODS[-1]:
                    raise
        raise AssertionError("there is a last method")

    @classmethod
    async def _offered(cls, mount: Mount, request: bytes) -> Self:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(mount.host, mount.port, ssl=mount.tls or None)
            try:
                writer.write(request)
                await writer.drain()
                head = await _answer(reader)
                check_answer(head)
            except BaseException:
                writer.transport.abort()
                raise
        return cls(reader, writer)

    async def send(self, data: bytes) -> None:
        """Send it. Raises `ConnectionError` when the server has gone, and `TimeoutError` when it takes nothing."""
        if self._gone.done():
            raise ConnectionResetError("it was closed")
        self._writer.write(data)
        async with asyncio.timeout(WRITE_SECONDS):
            await self._writer.drain()


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """The head of the answer; of a refusal also what follows it, for the reason stands there."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < MOST_HEAD and (chunk := await reader.read(MOST_HEAD)):
        head += chunk
    if b" 100 " not in head[:16] and b" 200 " not in head[:16]:
        with suppress(TimeoutError):
            async with asyncio.timeout(1):
                while len(head) < MOST_HEAD and (chunk := await reader.read(MOST_HEAD)):
                    head += chunk
    return head


async def _end_of(reader: asyncio.StreamReader) -> None:
    """Return when the server has closed the connection; what it says until then means nothing."""
    with suppress(OSError):
        while await reader.read(MOST_HEAD):
            pass


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(1):
            await writer.wait_closed()
