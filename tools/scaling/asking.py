"""Clients: a thousand at once, which cost next to nothing themselves; and a steady load of streams in real time."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlsplit

import aiohttp

from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader

RATE = 48000
PATIENCE_SECONDS = 60.0
_numbers = itertools.count()


@dataclass
class Asked:
    """A request: when it was sent, when its first sound came, and how it ended (``error``: empty where it is whole)."""

    text: str
    began: float = 0.0
    first: float = 0.0
    ended: float = 0.0
    node: str = ""
    outcome: str = ""
    error: str = ""
    body: bytearray = field(default_factory=bytearray)

    @property
    def seconds(self) -> float:
        """How much speech came."""
        reader = OpusReader()
        items = [*reader.feed(bytes(self.body)), *reader.finish()]
        packets = [item for item in items if isinstance(item, AudioPacket)]
        return sum(packet.samples - packet.trim_start - packet.trim_end for packet in packets) / RATE


def new_text(what: str = "") -> str:
    """A text that nobody has asked for yet."""
    return f"{what or 'says'} 0 number {next(_numbers)}, and a few words more."


class _Asker(asyncio.Protocol):
    """Sends a request, and notes when its answer has begun to sound and when it has ended."""

    def __init__(self, request: bytes, asked: Asked, over: Callable[[], None]) -> None:
        self._request = request
        self._asked = asked
        self._over = over

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._asked.began = time.perf_counter()
        assert isinstance(transport, asyncio.Transport)
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._asked.body += data
        if not self._asked.first and (b"OggS" in data or b"OggS" in self._asked.body):
            self._asked.first = time.perf_counter()

    def connection_lost(self, exc: Exception | None) -> None:
        self._asked.ended = time.perf_counter()
        body = bytes(self._asked.body)
        if not (body.startswith(b"HTTP/1.1 200") and body.endswith(b"\r\n0\r\n\r\n")):
            self._asked.error = str(exc or body[:20] or "no answer")
        self._over()


async def ask_at_once(url: str, text: str, count: int) -> list[Asked]:
    """So many connections, each asking for ``text``. The bodies are as they came, with their heads and chunks."""
    place = urlsplit(url)
    body = json.dumps(_fields(text)).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: close\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    loop = asyncio.get_running_loop()
    all_asked: list[Asked] = []
    over: list[asyncio.Future[None]] = []
    for _ in range(count):
        asked, end = Asked(text), loop.create_future()
        all_asked.append(asked)
        over.append(end)
        await loop.create_connection(
            lambda asked=asked, end=end: _Asker(head.encode() + body, asked, lambda: end.set_result(None)),  # type: ignore[misc]
            place.hostname or "",
            place.port or 80,
        )
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*over)
    return all_asked


class Load:
    """Streams in real time through ``url``, one after the other begun, so many a second."""

    def __init__(self, url: str, a_second: float) -> None:
        self._url = url
        self._pause = 1 / a_second
        self._tasks: set[asyncio.Task[Asked]] = set()
        self._going: asyncio.Task[None] | None = None
        self.asked: list[Asked] = []

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        self._going = asyncio.create_task(self._go_on())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Begin none any more, and wait for those under way."""
        assert self._going is not None
        self._going.cancel()
        with suppress(asyncio.CancelledError):
            await self._going
        await asyncio.gather(*self._tasks)
        await self._session.close()

    def ask(self, text: str) -> Asked:
        """Begin one."""
        asked = Asked(text, began=time.perf_counter())
        self.asked.append(asked)
        task = asyncio.create_task(self._ask(asked))
        self._tasks.add(task)
        return asked

    async def _go_on(self) -> None:
        while True:
            self.ask(new_text())
            await asyncio.sleep(self._pause)

    async def _ask(self, asked: Asked) -> Asked:
        try:
            async with (
                asyncio.timeout(PATIENCE_SECONDS),
                self._session.post(f"{self._url}/v1/audio/speech", json=_fields(asked.text)) as answer,
            ):
                asked.node, asked.outcome = answer.headers.get("X-Node", ""), answer.headers.get("X-Cache", "")
                answer.raise_for_status()
                async for part in answer.content.iter_any():
                    asked.first = asked.first or time.perf_counter()
                    asked.body += part
        except (aiohttp.ClientError, TimeoutError) as error:
            asked.error = f"{type(error).__name__}: {error}"
        asked.ended = time.perf_counter()
        return asked


def _fields(text: str) -> dict[str, str]:
    return {"model": "tts-1", "voice": "alloy", "input": text, "response_format": "opus"}
