"""The public functions: text in; sound, frames or packets out."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from functools import partial
from typing import TYPE_CHECKING, TypeVar, Unpack

from .engine.item_stream import ItemStream, SpeechFrames, SpeechPackets
from .engine.requests.delivery import Delivery
from .options import PlaybackOptions, SpeechOptions, checked, speech_options
from .parts import cache_named
from .preloading import prepared

if TYPE_CHECKING:
    from .annotations import Word
    from .audio.frame import PcmFrame
    from .engine.item_bytes import SampleBody
    from .engine.item_stream import ItemConverter
    from .events import Event
    from .options import SpeechKeywords
    from .opus.items import AudioPacket
    from .report import PlaybackReport
    from .types import CacheLike, OnEvent, SinkLike, SourceLike, TextLike

T = TypeVar("T")
_OWN = ("source", "options")


async def play_stream(
    text: TextLike,
    *,
    source: SourceLike = None,
    sink: SinkLike = None,
    options: PlaybackOptions | None = None,
    on_event: OnEvent | None = None,
    cache: CacheLike = None,
    **keywords: Unpack[SpeechKeywords],
) -> PlaybackReport:
    """Speak ``text`` and return a report when the last sample has been heard.

    ``text``: a str, or an iterable, asynchronous or not, of pieces of text, spoken while it grows; a stream of the
    openai package (chat completions, Responses) is one. ``source``: a `Source`, an ``openai.AsyncOpenAI`` client, the
    name of a service, a path, a URL or the bytes of audio, a sequence of these (the first that works), or None: the
    endpoint of ``OPENAI_API_KEY`` or ``OPENAI_BASE_URL``, else the offline voice. ``sink``: a `Sink`, None for the
    default device, or a list of sinks: the first one leads, and another that fails is left out. A source or sink that
    you pass stays open; one made here is closed. The other keywords are the fields of `SpeechOptions`. ``on_event`` is
    called on the event loop for each `Event`; it may be asynchronous, and is then awaited for one event after the
    other. What it raises ends the speech and is raised here. ``cache``: a folder, "redis://HOST/0" or "memory", where
    pieces of text are looked up before the source is asked, and kept as Opus; it is the same for all speeches that name
    it.

    Raises an `OggStreamError`, or the exception of an iterator of text, with ``report`` and ``unspoken`` set, once the
    audio received before the failure has been heard; `TypeError` for an unknown keyword. Cancelling fades the sound out
    in 5 ms, closes the responses and leaves no task behind.
    """
    speech = speech_options("play_stream", keywords, (*_OWN, "sink", "on_event", "cache"))
    options = checked(options)
    phrases = cache_named(cache)
    await prepared(source)
    from .speaking import speak

    return await speak(text, source, sink, options, on_event, speech, cache=phrases)


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
    delivery = Delivery(options)
    return _item_stream(text, source, options, speech, delivery, partial(SpeechFrames, options.volume))


def stream_packets(
    text: TextLike,
    *,
    source: SourceLike = None,
    options: PlaybackOptions | None = None,
    on_word: Callable[[Word], object] | None = None,
    **keywords: Unpack[SpeechKeywords],
) -> AsyncGenerator[AudioPacket, None]:
    """Yield the speech as the Opus packets that the service sent, not transcoded; needs no device and no libopus.

    Other formats are encoded to Opus, which needs libopus. ``text`` may grow. ``on_word`` is called with each `Word`
    that the source tells (nothing is estimated here): its characters of ``text``, and its samples at 48 kHz as the
    packets' ``position`` counts them. Raises the same errors as `play_stream`. Closing works as for `stream_frames`.
    """
    speech = speech_options("stream_packets", keywords, (*_OWN, "on_word"))
    options = checked(options)
    return _item_stream(text, source, options, speech, Delivery(options, decodes=False), lambda: SpeechPackets(on_word))


def stream_pages(  # as `stream_samples`
    text: TextLike,
    source: SourceLike,
    options: PlaybackOptions,
    speech: SpeechOptions,
    on_event: Callable[[Event], object] | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield the speech as pages of one Ogg Opus body, the first ones with the first packet; as `stream_packets`.

    ``on_event`` is called for each event.
    """
    from .engine.item_bytes import SpeechPages

    return _item_stream(text, source, options, speech, Delivery(options, decodes=False), SpeechPages, on_event)


def stream_samples(  # noqa: PLR0917  # as above
    text: TextLike,
    source: SourceLike,
    options: PlaybackOptions,
    speech: SpeechOptions,
    make_body: Callable[[], SampleBody],
    rate: int,
    on_event: Callable[[Event], object] | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield the speech as the bytes of a body of mono samples, ``rate`` per second, which ``make_body`` makes.

    ``on_event`` is called for each event.
    """
    from .engine.item_bytes import SpeechSamples

    def converter() -> SpeechSamples:
        return SpeechSamples(make_body(), rate, options.volume)

    return _item_stream(text, source, options, speech, Delivery(options), converter, on_event)


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


def _item_stream(  # noqa: PLR0917  # the arguments of its callers, one for one
    text: TextLike,
    source: SourceLike,
    options: PlaybackOptions,
    speech: SpeechOptions,
    delivery: Delivery,
    converter: Callable[[], ItemConverter[T]],
    on_event: Callable[[Event], object] | None = None,
) -> ItemStream[T]:
    """An iterator over the items received for ``text``, converted by ``converter``."""
    return ItemStream(delivery, partial(_receive, text, source, speech, options, delivery, on_event), converter)


async def _receive(  # noqa: PLR0917  # as above
    text: TextLike,
    source: SourceLike,
    speech: SpeechOptions,
    options: PlaybackOptions,
    delivery: Delivery,
    on_event: Callable[[Event], object] | None,
) -> None:
    try:
        await prepared(source)
        from .speaking import receive

        await receive(text, source, speech, options, delivery, on_event)
    finally:
        delivery.close()
