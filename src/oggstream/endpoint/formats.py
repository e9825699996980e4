"""The formats of OpenAI's endpoint: media types, and how the bytes of each are made from a speech."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from ..voice.bodies import PcmBody, WavBody
from ..voice.wire import RATE

if TYPE_CHECKING:
    from ..engine.item_bytes import SampleBody
    from ..events import Event
    from ..options import PlaybackOptions, SpeechOptions
    from ..sources.source import Source

CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
"""The first one is what is meant when none is asked for."""
DEFAULT = "mp3"


def stream_bytes(  # noqa: PLR0917  # as `stream_samples`
    text: str,
    source: Source,
    format: str,  # noqa: A002  # the word of the API
    options: PlaybackOptions,
    speech: SpeechOptions,
    on_event: Callable[[Event], object] | None = None,
) -> AsyncGenerator[bytes, None]:
    """The speech in a format of `CONTENT_TYPES`, as it comes. Opus packets pass through; all else is mono at 24 kHz.

    ``on_event`` is called for each event. Raises what `stream_packets` raises, and `LibraryError` for a format whose
    encoder is not installed.
    """
    from ..streams import stream_pages, stream_samples

    if format == "opus":
        return stream_pages(text, source, options, speech, on_event)
    return stream_samples(text, source, options, speech, _maker(format), RATE, on_event)


def load_formats() -> None:
    """Load what makes them, which takes 0.5 s, before the first speech is asked for."""
    import numpy as np

    from .. import streams  # noqa: F401
    from ..audio.convert import Converter
    from ..audio.frame import PcmFrame
    from ..body import body_reader, container  # noqa: F401
    from ..codec import frame_decoder, recode  # noqa: F401
    from ..engine import item_bytes  # noqa: F401
    from ..errors import LibraryError
    from ..opus import opus_reader, remux  # noqa: F401

    Converter(1, RATE).convert(PcmFrame(np.zeros((RATE, 1), np.float32), 0))
    for name in CONTENT_TYPES:
        with suppress(LibraryError):  # told by whoever asks for it
            _maker(name)() if name != "opus" else None


def _maker(format: str) -> Callable[[], SampleBody]:  # noqa: A002
    if format == "wav":
        return WavBody
    if format == "pcm":
        return PcmBody
    from ..codec.encoding_writer import CompressedBody, load_encoder

    load_encoder(format)  # it is known to be there before a service is asked
    return partial(CompressedBody, format, RATE)
