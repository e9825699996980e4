"""The receiving side: a source's bytes become stream items, with a limit on every wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ...annotations import Annotation
from ...audio.frame import PcmFrame
from ...errors import OggStreamError, SourceTimeoutError
from ...events import FirstByte, FirstPacket, emit
from ...opus.items import AudioPacket, StreamStats
from ...sources.traits import stream_traits_of
from .opening_format import LinkMeter

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem, BodyReader
    from ...options import PlaybackOptions, SpeechOptions
    from ...opus.head import OpusHead
    from ...sources.source import ByteStream, Source


_AUDIO = (AudioPacket, PcmFrame)


class Intake:
    """Receives one body. ``stats`` counts what came of it so far, ``request_id`` is the service's name for it.

    ``early`` is asked with every chunk whether packets should be given out before their page is complete.
    """

    def __init__(self, options: PlaybackOptions, early: Callable[[], bool] | None = None) -> None:
        self.stats = StreamStats()
        self.request_id: str | None = None
        self.audio_began = False
        self.refusal = ""  # why the service, or the way to it, made the source try again
        self.reader: BodyReader | None = None  # made with the first byte: it takes 10 ms, and the request goes first
        self.link = LinkMeter()
        self.annotations: list[Annotation] = []  # of this body, in the order of their arrival
        self._options = options
        self._early = early or _never

    def release(self) -> None:
        """Let go of who is asked about early packets."""
        self._early = _never

    @property
    def head(self) -> OpusHead | None:
        """That of the Opus stream that is being received, None before it is known."""
        return self.reader.head if self.reader else None

    @property
    def channels(self) -> int | None:
        """Those of the body, as soon as they are known."""
        if self.reader is None:
            return None
        if self.reader.announced is not None:
            return self.reader.announced[0]
        return self.reader.head.channels if self.reader.head else None

    @property
    def container(self) -> str:
        """What the body is, "ogg", "wav" or "pcm"; empty before that is known."""
        return self.reader.container if self.reader else ""

    async def batches(self, source: Source, text: str, speech: SpeechOptions) -> AsyncGenerator[list[BodyItem], None]:
        """Ask ``source`` for ``text`` and yield, per chunk received, the items that it completes.

        Raises `SourceTimeoutError` when no byte comes for ``first_byte_timeout`` before audio or ``stall_timeout``
        after it began, and what the source and the reader raise, with the request's identifier. Closing the generator
        closes the response.
        """
        try:
            async with self._opened(source, text, speech) as stream:
                self.request_id = stream.request_id
                while (chunk := await self._next(stream)) is not None:
                    if isinstance(chunk, Annotation):
                        self.annotations.append(chunk)
                        continue
                    reader = self.reader or self._begin(stream, speech)
                    yield self._read(reader, chunk)
                    if reader.ended:
                        break
                # Still within the response: its source is told of what is wrong with the body's end, too.
                reader = self.reader or self._begin(stream, speech)
                yield reader.finish()
                if reader.failure is not None:
                    raise reader.failure
        except OggStreamError as error:
            error.request_id = error.request_id or self.request_id
            raise

    @asynccontextmanager
    async def _opened(self, source: Source, text: str, speech: SpeechOptions) -> AsyncIterator[ByteStream]:
        """``source.open``, its wait for the headers limited; the body's errors pass through it untouched."""
        opening = source.open(text, speech)
        async with self._limited():
            stream = await opening.__aenter__()
        try:
            yield stream
        except BaseException as error:
            if not await opening.__aexit__(type(error), error, error.__traceback__):
                raise
        else:
            await opening.__aexit__(None, None, None)

    async def _next(self, stream: ByteStream) -> bytes | Annotation | None:
        async with self._limited():
            return await anext(stream, None)

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        seconds = self._options.stall_timeout if self.audio_began else self._options.first_byte_timeout
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if not limit.expired():
                raise
            when = "in mid-speech" if self.audio_began else "before any audio"
            name = "stall_timeout" if self.audio_began else "first_byte_timeout"
            before = f", and before that: {self.refusal}" if self.refusal else ""
            raise SourceTimeoutError(
                f"the service sent nothing for {seconds:g} s {when}{before}; try again, or allow it more time ({name})"
            ) from error

    def _begin(self, stream: ByteStream, speech: SpeechOptions) -> BodyReader:
        from ...body.body_reader import BodyReader

        emit(FirstByte)
        told = stream_traits_of(stream)
        self.reader = BodyReader(
            self.stats,
            content_type=stream.content_type,
            format=speech.format,
            chosen=told.format,
            headers=told.headers,
            certain=told.certain,
        )
        return self.reader

    def _read(self, reader: BodyReader, chunk: bytes) -> list[BodyItem]:
        self.link.add(asyncio.get_running_loop().time(), len(chunk))
        reader.eager = self._early()
        items = reader.feed(chunk)
        if not self.audio_began and any(type(item) in _AUDIO for item in items):
            self.audio_began = True
            emit(FirstPacket)
        return items


def _never() -> bool:
    return False
