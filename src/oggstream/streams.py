"""The public functions: text in; sound, frames or packets out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, TypeVar, Unpack

from .engine.account import Account
from .engine.item_stream import ItemStream, SpeechFrames, SpeechPackets
from .engine.memory import Memory
from .engine.output.pacing import CHARACTERS_PER_SECOND
from .engine.requests.delivery import Delivery
from .engine.requests.requester import Requester
from .engine.requests.script import Script
from .engine.session import Session, first_failure
from .events import Recorder, using
from .options import PlaybackOptions, SpeechOptions, checked, speech_options
from .parts import borrow, history_of, listener_of
from .sinks.resolve_sink import coerce_sink
from .sources.context import SpeechContext
from .sources.resolve_source import coerce as coerce_source
from .sources.traits import traits_of
from .sources.unhurried import Unhurried

if TYPE_CHECKING:
    from .audio.frame import PcmFrame
    from .body.body_reader import BodyItem
    from .engine.item_stream import ItemConverter
    from .options import SpeechKeywords
    from .opus.items import AudioPacket
    from .report import PlaybackReport
    from .types import OnEvent, SinkLike, SourceLike, TextLike

T = TypeVar("T")
_OWN = ("source", "options")


async def play_stream(
    text: TextLike,
    *,
    source: SourceLike = None,
    sink: SinkLike = None,
    options: PlaybackOptions | None = None,
    on_event: OnEvent | None = None,
    **keywords: Unpack[SpeechKeywords],
) -> PlaybackReport:
    """Speak ``text`` and return a report when the last sample has been heard.

    ``text``: a str, or an iterable, asynchronous or not, of pieces of text, spoken while it grows; a stream of the
    openai package (chat completions, Responses) is one. ``source``: a `Source`, an ``openai.AsyncOpenAI`` client,
    the name of a service, a path, a URL or the bytes of audio, a sequence of these (the first that works), or None: the
    endpoint of ``OPENAI_API_KEY`` or ``OPENAI_BASE_URL``, else the offline voice. ``sink``: a `Sink`, or None for the
    default device. A source or sink that you pass stays open; one made here is closed. The other keywords are the
    fields of `SpeechOptions`. ``on_event`` is called on the event loop for each `Event`; it may be asynchronous, and is
    then awaited for one event after the other. What it raises ends the speech and is raised here.

    Raises an `OggStreamError`, or the exception of an iterator of text, with ``report`` and ``unspoken`` set, once the
    audio received before the failure has been heard; `TypeError` for an unknown keyword. Cancelling fades the sound out
    in 5 ms, closes the responses and leaves no task behind.
    """
    speech = speech_options("play_stream", keywords, (*_OWN, "sink", "on_event"))
    return await speak(text, source, sink, checked(options), on_event, speech)


async def speak(  # noqa: PLR0917  # the arguments of its callers, one for one
    text: TextLike,
    source: SourceLike,
    sink: SinkLike,
    options: PlaybackOptions,
    on_event: OnEvent | None,
    speech: SpeechOptions,
    take: Callable[[int, BodyItem], object] | None = None,
) -> PlaybackReport:
    """`play_stream`; ``take`` also gets all items, with the number of their body, before they are decoded."""
    loop = asyncio.get_running_loop()
    listener = listener_of(on_event)
    recorder = Recorder(loop.time, loop.time(), listener)
    account = Account(recorder)
    with using(recorder):
        async with AsyncExitStack() as stack:
            stack.callback(recorder.end)
            # Closed in reverse order, also on cancellation: the sink, which may be playing, before the connection.
            voice = borrow(stack, coerce_source(source))
            if take is not None:
                voice = Unhurried(voice)
            output = borrow(stack, coerce_sink(sink, options))
            session = Session(
                text,
                source=voice,
                sink=output,
                speech=speech,
                options=options,
                recorder=recorder,
                account=account,
                history=history_of(options),
                listener=listener,
            )
            session.outlet.on_item = take
            return await session.run()


def stream_frames(
    text: TextLike,
    *,
    source: SourceLike = None,
    options: PlaybackOptions | None = None,
    **keywords: Unpack[SpeechKeywords],
) -> AsyncGenerator[PcmFrame, None]:
    """Yield the speech as `PcmFrame`, each as soon as its packet is there; needs no device.

    A frame is as long as the service's packet (20 ms for OpenAI). ``text`` may grow; its pieces follow each other
    without a gap. Raises the same errors as `play_stream`. A slow consumer slows the service down.

    Closing the iterator, or leaving a loop over it, closes the responses; so does cancelling a wait for a frame, even
    by a time-out. ``aclose`` may be called from any task, even while another one waits: that one then gets the end.
    """
    speech = speech_options("stream_frames", keywords, _OWN)
    options = checked(options)
    return _item_stream(text, source, options, speech, partial(SpeechFrames, options.volume))


def stream_packets(
    text: TextLike,
    *,
    source: SourceLike = None,
    options: PlaybackOptions | None = None,
    **keywords: Unpack[SpeechKeywords],
) -> AsyncGenerator[AudioPacket, None]:
    """Yield the speech as the Opus packets that the service sent, not transcoded; needs no device and no libopus.

    Other formats are encoded to Opus, which needs libopus. ``text`` may grow. Raises the same errors as `play_stream`.
    Closing works as for `stream_frames`.
    """
    speech = speech_options("stream_packets", keywords, _OWN)
    return _item_stream(text, source, checked(options), speech, SpeechPackets)


async def decode_stream(chunks: AsyncIterable[bytes]) -> AsyncGenerator[PcmFrame, None]:
    """Decode an Ogg Opus or WAV body, cut into chunks of any size, and yield its `PcmFrame`.

    Raises a `FormatError` for anything else, and `LibraryError` without libopus.
    """
    from .body.body_reader import BodyReader
    from .codec.frame_decoder import FrameDecoder

    reader = BodyReader()
    decoder = FrameDecoder(stats=reader.stats)
    async for chunk in chunks:
        items = reader.feed(chunk)
        while items or reader.pending:
            for item in items:
                for frame in decoder.decode(item):
                    yield frame
            items = reader.feed(b"") if reader.pending else []
    for item in reader.finish():
        for frame in decoder.decode(item):
            yield frame
    for frame in decoder.finish():
        yield frame


def _item_stream(
    text: TextLike,
    source: SourceLike,
    options: PlaybackOptions,
    speech: SpeechOptions,
    converter: Callable[[], ItemConverter[T]],
) -> ItemStream[T]:
    """An iterator over the items received for ``text``, converted by ``converter``."""
    delivery = Delivery(options, CHARACTERS_PER_SECOND * (speech.speed or 1.0))
    return ItemStream(delivery, partial(_receive, text, source, speech, options, delivery), converter)


async def _receive(
    text: TextLike, source: SourceLike, speech: SpeechOptions, options: PlaybackOptions, delivery: Delivery
) -> None:
    """Receive all of ``text`` into ``delivery``; close everything made for it at the end. Raises any error."""
    loop = asyncio.get_running_loop()
    try:
        async with AsyncExitStack() as stack:
            voice = borrow(stack, coerce_source(source))
            traits = traits_of(voice)
            rate = delivery.characters_per_second
            script = Script(text, options, whole=traits.whole, rate=rate, limit=traits.longest_text, ssml=traits.ssml)
            context = SpeechContext(voice, speech)
            delivery.memory = memory = Memory(history_of(options), voice, speech)
            requester = Requester(
                script,
                source=voice,
                context=context,
                speech=speech,
                options=options,
                outlet=delivery,
                recorder=Recorder(loop.time, loop.time()),
            )
            await _run(script, requester, context)
            memory.keep(requester)
    finally:
        delivery.close()
    failure = requester.failure or script.failure
    if failure is not None:
        raise failure


async def _run(script: Script, requester: Requester, context: SpeechContext) -> None:
    try:
        async with context, asyncio.TaskGroup() as group:
            reading = group.create_task(script.read())
            await requester.run(group, lambda: None)
            reading.cancel()
    except BaseExceptionGroup as failures:
        raise first_failure(failures) from None
    finally:
        requester.close()
