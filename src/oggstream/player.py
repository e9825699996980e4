"""The functions that people call: text in, sound, frames or packets out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

from .engine.intake import Intake
from .engine.session import Session
from .events import Event, Recorder, using
from .options import PlaybackOptions, SpeechOptions
from .sinks.select import coerce_sink
from .sources.select import coerce as coerce_source

if TYPE_CHECKING:
    from .audio.frame import PcmFrame
    from .opus.decoder import FrameDecoder
    from .opus.items import AudioPacket
    from .opus.reader import Item, OpusReader
    from .report import PlaybackReport
    from .sources.base import Source

Text = str | Iterable[str] | AsyncIterable[str]


async def play_stream(
    text: Text,
    *,
    source: Any = None,
    sink: Any = None,
    options: PlaybackOptions | None = None,
    on_event: Callable[[Event], object] | None = None,
    **speech_options: Any,
) -> PlaybackReport:
    """Speak ``text`` and return a report when the last sample has been heard.

    ``source``: a `Source`, an ``openai.AsyncOpenAI`` client, a path or URL of Ogg Opus, a sequence of these (the first
    that works), or None: the endpoint of ``OPENAI_API_KEY`` or ``OPENAI_BASE_URL``, else the offline voice. ``sink``: a
    `Sink`, or None for the default device. What is passed in stays open; what is made here is closed.
    ``speech_options`` are the fields of `SpeechOptions`. ``on_event`` is called on the event loop for each `Event`.

    Raises an `OggStreamError` with ``report`` and ``unspoken`` set; what was received before a failure is heard first.
    Cancelling fades the sound out in 5 ms, closes the response and leaves no task behind.
    """
    loop = asyncio.get_running_loop()
    recorder = Recorder(loop.time, loop.time(), on_event)
    speech = SpeechOptions(**speech_options)
    with using(recorder):
        whole = await gather_text(text)
        async with AsyncExitStack() as stack:
            stack.callback(recorder.end)
            # Closed last to first, also when cancelled: the sink, which may sound, before the connection.
            voice = _borrow(stack, coerce_source(source))
            output = _borrow(stack, coerce_sink(sink))
            session = Session(
                whole,
                source=voice,
                sink=output,
                speech=speech,
                options=options or PlaybackOptions(),
                recorder=recorder,
            )
            return await session.run()


async def stream_frames(
    text: Text, *, source: Any = None, options: PlaybackOptions | None = None, **speech_options: Any
) -> AsyncGenerator[PcmFrame, None]:
    """Yield the speech as `PcmFrame`, each as soon as its packet is there; needs no device.

    The service's packets decide the length of a frame (20 ms for OpenAI). Raises what `play_stream` raises; closing
    the iterator closes the response. A consumer that is slow slows the service down, and no time-out counts meanwhile.
    """
    from .opus.decoder import FrameDecoder

    intake = Intake(options or PlaybackOptions())
    decoder = FrameDecoder(stats=intake.stats)
    async with aclosing(_items(text, source, intake, speech_options)) as items:
        async for frame in _decoded(items, decoder):
            yield frame


async def stream_packets(
    text: Text, *, source: Any = None, options: PlaybackOptions | None = None, **speech_options: Any
) -> AsyncGenerator[AudioPacket, None]:
    """Yield the speech as the Opus packets that the service sent, not transcoded; needs no device and no libopus.

    Raises what `play_stream` raises; closing the iterator closes the response.
    """
    from .opus.items import AudioPacket

    intake = Intake(options or PlaybackOptions())
    async with aclosing(_items(text, source, intake, speech_options)) as items:
        async for item in items:
            if isinstance(item, AudioPacket):
                yield item


async def decode_stream(chunks: AsyncIterable[bytes]) -> AsyncGenerator[PcmFrame, None]:
    """Decode any Ogg Opus body, cut into chunks of any size, and yield its `PcmFrame`.

    Raises a `FormatError` for what is not Ogg Opus, and `LibraryError` without libopus.
    """
    from .opus.decoder import FrameDecoder
    from .opus.reader import OpusReader

    reader = OpusReader()
    async for frame in _decoded(_read(reader, chunks), FrameDecoder(stats=reader.stats)):
        yield frame


async def gather_text(text: Text) -> str:
    """The whole of ``text``, read to its end."""
    if isinstance(text, str):
        return text
    if isinstance(text, AsyncIterable):
        return "".join([piece async for piece in text])
    return "".join(text)


async def _items(text: Text, source: Any, intake: Intake, speech_options: dict[str, Any]) -> AsyncGenerator[Item, None]:
    speech = SpeechOptions(**speech_options)
    whole = await gather_text(text)
    async with AsyncExitStack() as stack:
        voice: Source = _borrow(stack, coerce_source(source))
        batches = await stack.enter_async_context(aclosing(intake.batches(voice, whole, speech)))
        async for items in batches:
            for item in items:
                yield item


async def _read(reader: OpusReader, chunks: AsyncIterable[bytes]) -> AsyncGenerator[Item, None]:
    async for chunk in chunks:
        for item in reader.feed(chunk):
            yield item
    for item in reader.finish():
        yield item


async def _decoded(items: AsyncIterable[Item], decoder: FrameDecoder) -> AsyncGenerator[PcmFrame, None]:
    async for item in items:
        for frame in decoder.decode(item):
            yield frame
    for frame in decoder.finish():
        yield frame


def _borrow(stack: AsyncExitStack, part_and_owned: tuple[Any, bool]) -> Any:
    """The part, to be closed with ``stack`` if it is ours."""
    part, owned = part_and_owned
    if owned:
        stack.push_async_callback(_close, part)
    return part


async def _close(part: Any) -> None:
    close = getattr(part, "aclose", None)
    if close is not None:
        await close()
