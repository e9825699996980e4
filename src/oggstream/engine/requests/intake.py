"""The receiving side: a source's bytes become stream items, with a limit on every wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from ...annotations import Annotation
from ...audio.frame import RATE, PcmFrame
from ...errors import OggStreamError, SourceBrokenError, SourceTimeoutError
from ...events import FirstByte, FirstPacket, emit
from ...opus.items import AudioPacket, StreamStats
from ...sources.traits import stream_traits_of
from ..loading import load_reader
from ..logs import log_answer, log_body, log_failure
from .opening_format import LinkMeter

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem, BodyReader
    from ...options import PlaybackOptions, SpeechOptions
    from ...opus.head import OpusHead
    from ...sources.source import ByteStream, Source


_AUDIO = frozenset((AudioPacket, PcmFrame))
FIRST_STEP = 2048  # bytes that are read at once until there is sound
REST_SECONDS = 0.1  # the least time that a service gets to end its answer after the end of the body


class Intake:
    """Receives one body. ``stats`` counts the items so far, ``request_id`` is the service's identifier.

    ``early`` is called per chunk: whether to pass packets on before their page is complete. ``to_its_end``: the body is
    a file or a station, to be read until it ends, not only until its container ends. ``name``: of the source, for logs.
    """

    def __init__(
        self,
        options: PlaybackOptions,
        early: Callable[[], bool] | None = None,
        *,
        to_its_end: bool = False,
        wanted: str | None = None,
        name: str = "",
    ) -> None:
        self.stats = StreamStats()
        self.request_id: str | None = None
        self.audio_began = False
        self.refusal = ""  # why the source retried: an error of the service or of the network
        self.reader: BodyReader | None = None  # made with the first byte: it takes 10 ms, and the request goes first
        self.link = LinkMeter()
        self.annotations: list[Annotation] = []  # of this body, in the order of their arrival
        self.asked_at: float | None = None  # when the piece was requested, by the clock of the loop
        self._options = options
        self._early = early or _never
        self._to_its_end = to_its_end
        self._wanted = wanted
        self._name = name
        self._sound_until = 0.0  # by the clock of the loop
        self._rest_until = 0.0  # the same, once an event has marked the end
        self._waited = 0.0  # seconds without audio

    def release(self) -> None:
        """Drop the reference to ``early``."""
        self._early = _never

    @property
    def head(self) -> OpusHead | None:
        """The head of the Opus stream, None before it is received."""
        return self.reader.head if self.reader else None

    @property
    def channels(self) -> int | None:
        """The channels of the body, None before they are known."""
        if self.reader is None:
            return None
        if self.reader.announced is not None:
            return self.reader.announced[0]
        return self.reader.head.channels if self.reader.head else None

    @property
    def container(self) -> str:
        """The body's container: "ogg", "wav" or "pcm"; empty before it is known."""
        return self.reader.container if self.reader else ""

    async def batches(self, source: Source, text: str, speech: SpeechOptions) -> AsyncGenerator[list[BodyItem], None]:
        """Request ``text`` from ``source`` and yield, per received chunk, the items that it completes.

        Raises `SourceTimeoutError` when no audio comes for ``first_byte_timeout``, or for ``stall_timeout`` once some
        has come: only time spent waiting for the service counts, and bytes without audio do not reset it. Passes on the
        errors of the source and the reader, with the request's identifier. Closing the generator closes the response.
        """
        self.asked_at = asyncio.get_running_loop().time() if self.asked_at is None else self.asked_at
        try:
            async with self._opened(source, text, speech) as stream:
                self.request_id = stream.request_id
                while (chunk := await self._next(stream)) is not None:
                    if isinstance(chunk, Annotation):
                        self.annotations.append(chunk)
                        continue
                    reader = self.reader or await self._begun(stream, speech)
                    self.link.add(asyncio.get_running_loop().time(), len(chunk))
                    for part in self._parts(chunk):
                        yield self._read(reader, part)
                    while reader.pending:
                        yield self._read(reader, b"")
                # Still within the response, so that the source also sees an error at the end of the body.
                reader = self.reader or await self._begun(stream, speech)
                yield reader.finish()
                if reader.failure is not None:
                    raise reader.failure
                log_body(reader.container, self.stats, self._since_asked)
        except OggStreamError as error:
            log_failure(error, text, self._since_asked)
            error.request_id = error.request_id or self.request_id
            self.stats.complete = self.reader is None  # without a body nothing can be missing
            raise

    @asynccontextmanager
    async def _opened(self, source: Source, text: str, speech: SpeechOptions) -> AsyncIterator[ByteStream]:
        """``source.open`` with a limit on the wait for the headers; errors of the body pass through unchanged."""
        async with AsyncExitStack() as stack:
            async with self._limited():
                stream = await stack.enter_async_context(source.open(text, speech))
            log_answer(self._name, stream, text, speech, self._since_asked)
            yield stream

    @property
    def _since_asked(self) -> float:
        assert self.asked_at is not None
        return asyncio.get_running_loop().time() - self.asked_at

    async def _next(self, stream: ByteStream) -> bytes | Annotation | None:
        if self.reader is not None and self.reader.ended and not self._to_its_end:
            return await self._rest(stream, self.reader)
        async with self._limited():
            return await anext(stream, None)

    async def _rest(self, stream: ByteStream, reader: BodyReader) -> bytes | Annotation | None:
        """The chunk after the end of the body. Mostly that is the end of the answer: it comes at once, and frees the
        connection for reuse. If a service leaves the answer open, the wait ends when the sound is over.
        """
        now = asyncio.get_running_loop().time()
        if not reader.told_end:  # another link or file may follow
            self._rest_until = max(self._sound_until, now + REST_SECONDS)
        elif not self._rest_until:
            self._rest_until = now + REST_SECONDS
        with suppress(TimeoutError, SourceBrokenError):
            async with asyncio.timeout_at(self._rest_until):
                return await anext(stream, None)
        return None

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        seconds = self._options.stall_timeout if self.audio_began else self._options.first_byte_timeout
        clock = asyncio.get_running_loop().time
        begun = clock()
        limit = asyncio.timeout(max(0.0, seconds - self._waited))
        try:
            async with limit:
                yield
            self._waited += clock() - begun
        except TimeoutError as error:
            if not limit.expired():
                raise
            what = "nothing" if clock() - begun > seconds / 2 else "no audio"
            when = "in mid-speech" if self.audio_began else "before any audio"
            name = "stall_timeout" if self.audio_began else "first_byte_timeout"
            before = f", and before that: {self.refusal}" if self.refusal else ""
            raise SourceTimeoutError(
                f"the service sent {what} for {seconds:g} s {when}{before}; try again, or allow it more time ({name})"
            ) from error

    async def _begun(self, stream: ByteStream, speech: SpeechOptions) -> BodyReader:
        emit(FirstByte)
        await load_reader()
        from ...body.body_reader import BodyReader

        traits = stream_traits_of(stream)
        self.reader = BodyReader(
            self.stats,
            content_type=stream.content_type,
            format=self._wanted or speech.format,
            chosen=traits.format or speech.format,
            headers=traits.headers,
            certain=traits.certain,
            service=not self._to_its_end,
        )
        return self.reader

    def _parts(self, chunk: bytes) -> Iterator[bytes]:
        """``chunk`` in steps until there is sound, which then waits for no later one; behind it, the rest."""
        at = 0
        while at < len(chunk) and not self.audio_began:
            yield chunk[at : at + FIRST_STEP]
            at += FIRST_STEP
        if at < len(chunk):
            yield chunk[at:]

    def _read(self, reader: BodyReader, chunk: bytes) -> list[BodyItem]:
        reader.eager = self._early()
        items = reader.feed(chunk)
        samples = sum(map(_samples, items))
        if samples or not _AUDIO.isdisjoint(map(type, items)):
            self._count(samples)
        return items

    def _count(self, samples: int) -> None:
        """Note when the sound will end if it is played from the first packet on."""
        self._waited = 0.0
        if not self.audio_began:
            self.audio_began = True
            self._sound_until = asyncio.get_running_loop().time()
            emit(FirstPacket)
        self._sound_until += samples / RATE


def _samples(item: BodyItem) -> int:
    """The sound of an item in samples at 48 kHz."""
    if type(item) is AudioPacket:
        return item.samples - item.trim_start - item.trim_end
    return len(item.pcm) * RATE // item.rate if type(item) is PcmFrame else 0


def _never() -> bool:
    return False
