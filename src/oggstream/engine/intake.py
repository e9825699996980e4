"""The receiving side: a source's bytes become stream items, with a limit on every wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from ..errors import OggStreamError, SourceTimeoutError
from ..events import FirstByte, FirstPacket, emit
from ..opus.items import StreamStats

if TYPE_CHECKING:
    from ..options import PlaybackOptions, SpeechOptions
    from ..opus.reader import Item, OpusReader
    from ..sources.base import ByteStream, Source


class Intake:
    """Receives one body. ``stats`` counts what came of it so far, ``request_id`` is the service's name for it."""

    def __init__(self, options: PlaybackOptions) -> None:
        self.stats = StreamStats()
        self.request_id: str | None = None
        self.audio_began = False
        self.refusal = ""  # why the service, or the way to it, made the source try again
        self._options = options
        self._bytes_began = False

    @cached_property
    def reader(self) -> OpusReader:
        """What takes the body apart; loaded with the first byte, for it takes 10 ms, and the request goes first."""
        from ..opus.reader import OpusReader

        return OpusReader(self.stats)

    async def batches(self, source: Source, text: str, speech: SpeechOptions) -> AsyncGenerator[list[Item], None]:
        """Ask ``source`` for ``text`` and yield, per chunk received, the items that it completes.

        Raises `SourceTimeoutError` when no byte comes for ``first_byte_timeout`` before audio or ``stall_timeout``
        after it began, and what the source and the reader raise, with the request's identifier. Closing the generator
        closes the response.
        """
        try:
            async with self._opened(source, text, speech) as stream:
                self.request_id = stream.request_id
                while (chunk := await self._next(stream)) is not None:
                    yield self._read(chunk)
            yield self.reader.finish()
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

    async def _next(self, stream: ByteStream) -> bytes | None:
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

    def _read(self, chunk: bytes) -> list[Item]:
        if not self._bytes_began:
            self._bytes_began = True
            emit(FirstByte)
        items = self.reader.feed(chunk)
        if not self.audio_began and self.stats.packets:
            self.audio_began = True
            emit(FirstPacket)
        return items
