"""Bodies and sources whose bytes and times a test chooses."""

from __future__ import annotations

import asyncio
import functools
import math
import re
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import numpy as np

from oggstream.annotations import Annotation
from oggstream.codec.encoder import OpusEncoder
from oggstream.errors import SourceBrokenError
from oggstream.events import RequestSent, ResponseStarted, emit
from oggstream.opus.head import OpusHead
from oggstream.opus.opus_writer import OggOpusWriter
from oggstream.opus.tags import OpusTags
from oggstream.sources.traits import SourceTraits

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
    times = (np.arange(encoder.frame_samples) + index * encoder.frame_samples) / RATE
    values = np.rint(9000 * np.sin(2764.6 * times) * (0.6 + 0.4 * np.sin(9 * times))) * (times >= silence)
    return values.astype(np.int16).repeat(encoder.channels).tobytes()


@functools.cache
def said(text: str, pace: float = 13.6) -> bytes:
    """A tone for ``text`` at so many characters a second, with 0.2 s of silence behind each mark of punctuation."""
    parts = []
    for clause in re.split(r"(?<=[,.;!?])", text):
        times = np.arange(round(len(clause.strip()) / pace * RATE)) / RATE
        parts += [9000 * np.sin(2764.6 * times), np.zeros(RATE // 5)]
    values = np.concatenate(parts)
    encoder = OpusEncoder(RATE)
    writer = OggOpusWriter(OpusHead.simple(1, encoder.pre_skip, RATE, serial=7), OpusTags(vendor="test"), 10)
    padded = np.zeros(-(-(len(values) + encoder.pre_skip // 2) // 480) * 480)
    padded[: len(values)] = values
    packets = [encoder.encode(frame.astype(np.int16).tobytes()) for frame in padded.reshape(-1, 480)]
    body = [writer.headers(), *(writer.write(packet, 960) for packet in packets), writer.finish(2 * len(values))]
    return b"".join(body)


def pages(body: bytes) -> list[bytes]:
    """The pages of an undamaged body, one by one."""
    starts = [at for at in range(len(body)) if body.startswith(b"OggS\x00", at)]
    return [body[start:end] for start, end in zip(starts, [*starts[1:], len(body)], strict=True)]


Arrival = tuple[float, bytes | Annotation | BaseException]


def every(seconds: float, chunks: Iterable[bytes], *, start: float = 0.0) -> list[Arrival]:
    """Arrivals of ``chunks``, one each ``seconds``."""
    return [(start + index * seconds, chunk) for index, chunk in enumerate(chunks)]


class ScriptedSource:
    """Sends what ``arrivals`` say, each at its time after the request; an exception in place of bytes is raised.

    ``opened`` and ``closed`` count, ``texts`` are what was asked for.
    """

    traits: SourceTraits = SourceTraits(name="scripted")

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

    async def __anext__(self) -> bytes | Annotation:
        try:
            at, chunk = next(self._arrivals)
        except StopIteration:
            raise StopAsyncIteration from None
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, self._start + at - loop.time()))
        if isinstance(chunk, BaseException):
            raise chunk
        return chunk


class SpeechService:
    """Speaks every text at ``pace`` characters a second, and synthesises at ``rate`` times real time.

    The first audio is there ``first`` seconds after the request, in pages of ``packets_per_page``; with ``pauses`` it
    is silent between clauses. ``asked`` are (time, text) of the requests, ``formats`` what they asked for,
    ``most_at_once`` the most that were open; ``fails`` gives, for a text and the number
    of its request, how many chunks go out before the connection is lost (None: all).
    """

    traits = SourceTraits(name="service", longest_text=4096, identity="test|model|voice")

    def __init__(
        self,
        *,
        rate: float = 3.0,
        first: float = 0.5,
        pace: float = 13.6,
        packets_per_page: int = 10,
        pauses: bool = False,
        fails: Callable[[str, int], int | None] = lambda text, number: None,
    ) -> None:
        self.rate, self.first, self.pace, self.packets_per_page = rate, first, pace, packets_per_page
        self.pauses = pauses
        self.fails = fails
        self.asked: list[tuple[float, str]] = []
        self.formats: list[str] = []
        self.opened = self.closed = self.most_at_once = 0

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
        start = asyncio.get_running_loop().time()
        self.asked.append((start, text))
        self.formats.append(options.format)
        self.opened += 1
        self.most_at_once = max(self.most_at_once, self.opened - self.closed)
        try:
            emit(RequestSent, characters=len(text))
            emit(ResponseStarted, content_type="audio/ogg", request_id=f"req-{self.opened}")
            yield ScriptedStream(self._arrivals(text), start)
        finally:
            self.closed += 1

    def _tone(self, text: str) -> bytes:
        return spoken(max(0.1, round(len(text) / self.pace, 2)), packets_per_page=self.packets_per_page)

    def _arrivals(self, text: str) -> list[Arrival]:
        body = said(text, self.pace) if self.pauses else self._tone(text)
        head, tags, *audio = pages(body)
        page = self.packets_per_page * 0.02
        arrivals: list[Arrival] = [(self.first, head + tags + audio[0])]
        arrivals += [(self.first + (n * page) / self.rate, chunk) for n, chunk in enumerate(audio[1:], 1)]
        lost = self.fails(text, self.opened)
        return arrivals if lost is None else [*arrivals[:lost], (arrivals[-1][0], SourceBrokenError("cut"))]
