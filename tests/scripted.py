"""Bodies and sources whose every byte and moment a test chooses."""

from __future__ import annotations

import asyncio
import functools
import math
from array import array
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from oggstream.events import RequestSent, ResponseStarted, emit
from oggstream.opus.encoder import OpusEncoder
from oggstream.opus.head import OpusHead
from oggstream.opus.tags import OpusTags
from oggstream.opus.writer import OggOpusWriter

if TYPE_CHECKING:
    from oggstream.options import SpeechOptions

RATE = 24000


@functools.cache
def spoken(
    seconds: float, *, channels: int = 1, packets_per_page: int = 50, serial: int = 7, silence: float = 0.0
) -> bytes:
    """An Ogg Opus body of exactly ``seconds``: ``silence``, then a tone of 440 Hz that swells."""
    encoder = OpusEncoder(RATE, channels)
    head = OpusHead.simple(channels, encoder.pre_skip, RATE, serial=serial)
    writer = OggOpusWriter(head, OpusTags(vendor="test"), packets_per_page)
    body = [writer.headers()]
    total = round(seconds * 48000)
    count = math.ceil((total + encoder.pre_skip) / encoder.packet_samples)
    for index in range(count):
        packet = encoder.encode(_tone(index, encoder, silence))
        body.append(writer.write(packet, encoder.packet_samples))
    return b"".join([*body, writer.finish(total)])


def _tone(index: int, encoder: OpusEncoder, silence: float) -> bytes:
    start = index * encoder.frame_samples
    times = [position / RATE for position in range(start, start + encoder.frame_samples)]
    values = [round(9000 * math.sin(2764.6 * t) * (0.6 + 0.4 * math.sin(9 * t))) * (t >= silence) for t in times]
    return array("h", [value for value in values for _ in range(encoder.channels)]).tobytes()


def pages(body: bytes) -> list[bytes]:
    """The pages of an undamaged body, one by one."""
    starts = [at for at in range(len(body)) if body.startswith(b"OggS\x00", at)]
    return [body[start:end] for start, end in zip(starts, [*starts[1:], len(body)], strict=True)]


Arrival = tuple[float, bytes | BaseException]


def every(seconds: float, chunks: Iterable[bytes], *, start: float = 0.0) -> list[Arrival]:
    """Arrivals of ``chunks``, one each ``seconds``."""
    return [(start + index * seconds, chunk) for index, chunk in enumerate(chunks)]


class ScriptedSource:
    """Sends what ``arrivals`` say, each at its time after the request; an exception in place of bytes is raised.

    ``opened`` and ``closed`` count, ``texts`` are what was asked for.
    """

    name = "scripted"

    def __init__(self, arrivals: Iterable[Arrival], *, headers_after: float = 0.0) -> None:
        self.arrivals = list(arrivals)
        self.headers_after = headers_after
        self.opened = self.closed = 0
        self.texts: list[str] = []

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
        self.texts.append(text)
        self.opened += 1
        start = asyncio.get_running_loop().time()
        try:
            emit(RequestSent, characters=len(text))
            await asyncio.sleep(self.headers_after)
            emit(ResponseStarted, content_type="audio/ogg", request_id="req-1")
            yield ScriptedStream(self.arrivals, start)
        finally:
            self.closed += 1


class ScriptedStream:
    content_type = "audio/ogg"
    request_id = "req-1"

    def __init__(self, arrivals: list[Arrival], start: float) -> None:
        self._arrivals = iter(arrivals)
        self._start = start

    def __aiter__(self) -> ScriptedStream:
        return self

    async def __anext__(self) -> bytes:
        try:
            at, chunk = next(self._arrivals)
        except StopIteration:
            raise StopAsyncIteration from None
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._start + at - loop.time()))
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk
