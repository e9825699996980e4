"""The functions that people call: text in, sound, frames or packets out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import TYPE_CHECKING, Any

from .engine.account import Account
from .engine.output.pacing import CHARACTERS_PER_SECOND
from .engine.requests.delivery import Delivery
from .engine.requests.requester import Requester
from .engine.requests.script import Script, Text
from .engine.session import Session, first_failure
from .events import Event, Recorder, using
from .options import PlaybackOptions, SpeechOptions
from .parts import borrow, history_of
from .sinks.resolve_sink import coerce_sink
from .sources.context import SpeechContext
from .sources.resolve_source import coerce as coerce_source
from .sources.traits import traits_of

if TYPE_CHECKING:
    from .audio.frame import PcmFrame
    from .body.body_reader import BodyItem
    from .engine.segment import Segment
    from .opus.items import AudioPacket
    from .report import PlaybackReport


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

    ``text``: a str, or an iterable, asynchronous or not, of pieces of text, spoken while it grows; a stream of the
    openai package (chat completions, Responses) is one. ``source``: a `Source`, an ``openai.AsyncOpenAI`` client, a
    path or URL of audio, a sequence of these (the first that works), or None: the endpoint of ``OPENAI_API_KEY`` or
    ``OPENAI_BASE_URL``, else the offline voice. ``sink``: a `Sink`, or None for the default device. What is passed in
    stays open; what is made here is closed. ``speech_options`` are the fields of `SpeechOptions`. ``on_event`` is
    called on the event loop for each `Event`.

    Raises an `OggStreamError` with ``report`` and ``unspoken`` set, or what an iterator of text raises, with the same;
    what was received before a failure is heard first. Cancelling fades the sound out in 5 ms, closes the responses and
    leaves no task behind.
    """
    loop = asyncio.get_running_loop()
    recorder = Recorder(loop.time, loop.time(), on_event)
    speech = SpeechOptions(**speech_options)
    options = options or PlaybackOptions()
    account = Account(recorder)
    with using(recorder):
        async with AsyncExitStack() as stack:
            stack.callback(recorder.end)
            # Closed last to first, also when cancelled: the sink, which may sound, before the connection.
            voice = borrow(stack, coerce_source(source))
            output = borrow(stack, coerce_sink(sink))
            session = Session(
                text,
                source=voice,
                sink=output,
                speech=speech,
                options=options,
                recorder=recorder,
                account=account,
                history=history_of(options),
            )
            return await session.run()


async def stream_frames(
    text: Text, *, source: Any = None, options: PlaybackOptions | None = None, **speech_options: Any
) -> AsyncGenerator[PcmFrame, None]:
    """Yield the speech as `PcmFrame`, each as soon as its packet is there; needs no device.

    The service's packets decide the length of a frame (20 ms for OpenAI). ``text`` may grow; its pieces follow each
    other without a gap. Raises what `play_stream` raises; closing the iterator closes the responses. A consumer that is
    slow slows the service down.
    """
    from .codec.frame_decoder import FrameDecoder

    async with aclosing(_items(text, source, options or PlaybackOptions(), speech_options)) as items:
        decoder: FrameDecoder | None = None
        current: Segment | None = None
        before = position = 0  # samples of the pieces before, and up to now
        async for segment, item in items:
            if segment is not current or decoder is None:
                for frame in decoder.finish() if decoder else ():
                    yield frame._replace(position=before + frame.position)
                current, decoder, before = segment, FrameDecoder(stats=segment.intake.stats), position
            for frame in decoder.decode(item):
                position = before + frame.position + len(frame.pcm) * 48000 // frame.rate
                yield frame._replace(position=before + frame.position) if before else frame
        for frame in decoder.finish() if decoder else ():
            yield frame._replace(position=before + frame.position)


async def stream_packets(
    text: Text, *, source: Any = None, options: PlaybackOptions | None = None, **speech_options: Any
) -> AsyncGenerator[AudioPacket, None]:
    """Yield the speech as the Opus packets that the service sent, not transcoded; needs no device and no libopus.

    What does not come as Opus is encoded, which needs libopus. ``text`` may grow. Raises what `play_stream` raises;
    closing the iterator closes the responses.
    """
    from .codec.recode import Packets

    async with aclosing(_items(text, source, options or PlaybackOptions(), speech_options)) as items:
        packets = Packets()
        async for segment, item in items:
            for packet in packets.take(segment.index, item):
                yield packet
        for packet in packets.finish():
            yield packet


async def decode_stream(chunks: AsyncIterable[bytes]) -> AsyncGenerator[PcmFrame, None]:
    """Decode any Ogg Opus body, or one of WAV, cut into chunks of any size, and yield its `PcmFrame`.

    Raises a `FormatError` for anything else, and `LibraryError` without libopus.
    """
    from .body.body_reader import BodyReader
    from .codec.frame_decoder import FrameDecoder

    reader = BodyReader()
    decoder = FrameDecoder(stats=reader.stats)
    async for chunk in chunks:
        for item in reader.feed(chunk):
            for frame in decoder.decode(item):
                yield frame
    for item in reader.finish():
        for frame in decoder.decode(item):
            yield frame
    for frame in decoder.finish():
        yield frame


async def _items(
    text: Text, source: Any, options: PlaybackOptions, speech_options: dict[str, Any]
) -> AsyncGenerator[tuple[Segment, BodyItem], None]:
    """What is received for ``text``, in order. Closing it closes everything."""
    speech = SpeechOptions(**speech_options)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        voice = borrow(stack, coerce_source(source))
        rate = CHARACTERS_PER_SECOND * (speech.speed or 1.0)
        traits = traits_of(voice)
        script = Script(text, options, whole=traits.whole, rate=rate, limit=traits.longest_text)
        delivery = Delivery(options, rate)
        recorder = Recorder(loop.time, loop.time())
        context = SpeechContext(voice, speech)
        requester = Requester(
            script,
            source=voice,
            context=context,
            speech=speech,
            options=options,
            outlet=delivery,
            recorder=recorder,
        )
        receiving = loop.create_task(_receive(script, requester, context))
        stack.push_async_callback(_stopped, receiving)
        async for segment, item in delivery.items():
            yield segment, item
        await receiving
        if requester.failure is not None:
            raise requester.failure
        if script.failure is not None:
            raise script.failure


async def _receive(script: Script, requester: Requester, context: SpeechContext) -> None:
    try:
        async with context, asyncio.TaskGroup() as group:
            reading = group.create_task(script.read())
            await requester.run(group, lambda: None)
            reading.cancel()
    except BaseExceptionGroup as failures:
        raise first_failure(failures) from None
    finally:
        requester.close()


async def _stopped(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait({task})
