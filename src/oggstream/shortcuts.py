"""The commonest wishes, in one call each: a file, a body for a browser, the bytes of another package."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

from .errors import UsageError
from .options import PlaybackOptions, SpeechOptions, checked, speech_options
from .preloading import prepared
from .sinks.sink import PacketSink
from .streams import stream_pages

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from .report import PlaybackReport
    from .sinks.file_sink import FileSink
    from .sources.source import Source
    from .types import AudioBytes, OnEvent, SinkLike, SourceLike, SpeechKeywords, TextLike

SAVED_AHEAD = 3600.0
"""Seconds of speech that may be requested at once for a file: a text is cut only where the service takes no more."""
_OGG = (".opus", ".ogg", ".oga")
ENDINGS = (*_OGG, ".wav", ".mp3", ".flac")
"""What `save` writes."""


async def save(
    text: TextLike,
    path: str | os.PathLike[str],
    *,
    source: SourceLike = None,
    options: PlaybackOptions | None = None,
    on_event: OnEvent | None = None,
    **keywords: Unpack[SpeechKeywords],
) -> PlaybackReport:
    """Write the speech to a file, as fast as the service sends it; the ending of ``path`` says the format.

    ``.opus``, ``.ogg`` and ``.oga`` hold the service's own packets, in one link; ``.wav`` 16 bits at 48 kHz; ``.mp3``
    and ``.flac`` need PyAV (the extra ``codec``). The other arguments are those of `play_stream`; in the report a
    sample counts as heard when it is written. The text is cut only where it is longer than one request may be.

    Raises `UsageError` for another ending, `OutputError` for a file that cannot be written and `LibraryError` without
    PyAV, all before anything is asked of the service, and what `play_stream` raises. After an error in mid-speech, and
    after cancelling, the file holds what was received; it is not touched before there is sound.
    """
    speech = speech_options("save", keywords, ("path", "source", "options", "on_event"))
    options = checked(options)
    options = replace(options, ahead=max(options.ahead, SAVED_AHEAD))
    sink = _file_sink(path, options)
    if isinstance(sink, PacketSink):  # the volume stands in the head of the file
        options = replace(options, volume=1.0)
    await prepared(source)
    from .speaking import speak

    async with sink:
        await sink.prepare()
        return await speak(text, source, sink, options, on_event, speech)


async def play(
    audio: AudioBytes | str | os.PathLike[str],
    *,
    rate: int | None = None,
    channels: int = 1,
    dtype: Literal["int16", "float32"] = "int16",
    sink: SinkLike = None,
    options: PlaybackOptions | None = None,
    on_event: OnEvent | None = None,
) -> PlaybackReport:
    """Play audio that is there or is arriving: what the client of any service gives, a path, or a URL.

    ``audio``: bytes, an iterable of bytes, asynchronous or not, an open file, an answer of openai's or httpx's; any
    container that `play_stream` takes, recognised by its bytes. Bare samples (PCM, little endian, interleaved) need
    their ``rate`` in Hz, and ``channels`` and ``dtype`` if they are not mono and int16. The rest is as for
    `play_stream`. Raises `UsageError` for anything else.
    """
    if dtype not in ("int16", "float32"):
        raise UsageError(f"unknown dtype {dtype!r}: use int16 or float32")
    known = "auto" if rate is None else f"pcm:{'f32:' if dtype == 'float32' else ''}{rate}:{channels}"
    await prepared(audio)
    from .speaking import speak

    source = _audio_source(audio)
    return await speak("", source, sink, checked(options), on_event, SpeechOptions(format=known))


def stream_ogg(
    text: TextLike,
    *,
    source: SourceLike = None,
    options: PlaybackOptions | None = None,
    **keywords: Unpack[SpeechKeywords],
) -> OggBody:
    """The speech as one Ogg Opus body, to be sent while it comes: to a browser's ``<audio>``, to a file, to a player.

    The service's own packets are in it; those that came together share a page, and none waits for the next.

    Await it before you answer: ``body = await stream_ogg(text)`` raises what `play_stream` raises before there is
    sound; then iterate over ``body``, whose media type is ``body.content_type``. `stream_packets` says the rest.
    """
    speech = speech_options("stream_ogg", keywords, ("source", "options"))
    return OggBody(stream_pages(text, source, checked(options), speech))


class OggBody:
    """The bytes of `stream_ogg`: an asynchronous iterator of pages.

    Awaiting it returns it once there is sound, and raises the error if there will be none; so does ``async with``,
    which closes it in the end. An iterator that is dropped closes itself; `aclose` may be called twice.
    """

    content_type = "audio/ogg"

    def __init__(self, pages: AsyncGenerator[bytes, None]) -> None:
        self._pages = pages
        self._first = b""  # came while it was awaited

    def __await__(self) -> Generator[Any, None, Self]:
        return self._begun().__await__()

    async def __aenter__(self) -> Self:
        return await self._begun()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        first, self._first = self._first, b""
        return first or await anext(self._pages)

    async def aclose(self) -> None:
        """Close the responses."""
        self._first = b""
        await self._pages.aclose()

    async def _begun(self) -> Self:
        if not self._first:
            with suppress(StopAsyncIteration):
                self._first = await anext(self._pages)
        return self


def _file_sink(path: str | os.PathLike[str], options: PlaybackOptions) -> FileSink:
    """The sink that writes ``path``."""
    if not isinstance(path, str | os.PathLike):
        raise UsageError(f"path must be the name of a file, not {type(path).__name__}")
    ending = os.path.splitext(os.fsdecode(path))[1].lower()
    if ending in _OGG:
        from .sinks.opus_sink import OpusSink

        return OpusSink(path, options.volume)
    if ending == ".wav":
        from .sinks.wav_sink import WavSink

        return WavSink(path)
    if ending not in ENDINGS:
        raise UsageError(f"{os.fsdecode(path)!r} has no ending that says its format: use {', '.join(ENDINGS)}")
    from .sinks.encoded_sink import EncodedSink

    return EncodedSink(path, ending[1:])


def _audio_source(audio: AudioBytes | str | os.PathLike[str]) -> Source:
    from .sources.resolve_source import coerce, from_place

    return from_place(audio) if isinstance(audio, str) else coerce(audio)[0]
