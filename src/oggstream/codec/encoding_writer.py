"""Samples to MP3, AAC and FLAC, encoded with PyAV, of the extra ``codec``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ..errors import LibraryError, UsageError

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12


class _Encoding(NamedTuple):
    container: str
    codec: str
    sample: str
    channels: int  # at most
    bits: int | None = None  # a second and channel
    ahead: int = 0  # samples that it takes before it gives its first frame
    options: dict[str, str] = {}  # noqa: RUF012  # of a tuple


ENCODINGS = {
    # No frame of MP3 may borrow from the next one: it would wait for that.
    "mp3": _Encoding("mp3", "libmp3lame", "s16p", 2, 96_000, ahead=1152, options={"reservoir": "0"}),
    "aac": _Encoding("adts", "aac", "fltp", 8, 96_000, ahead=2048),
    "flac": _Encoding("flac", "flac", "s16", 8),
}
"""By the name of the format."""
_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")


class OutputFile(Protocol):
    """What is written to: a file, or anything that takes bytes. Without ``seek`` no length stands in the head."""

    def write(self, data: bytes, /) -> Any:
        """Take bytes."""
        ...


class EncodingWriter:
    """Encodes 16-bit samples into ``file``, which gets every packet at once. 0.1 ms per 20 ms.

    Raises `UsageError` for more channels than the format has, and `LibraryError` without PyAV.
    """

    def __init__(self, file: OutputFile, channels: int, rate: int, format: str) -> None:  # noqa: A002  # of speech
        encoding = ENCODINGS[format]
        if channels > encoding.channels:
            raise UsageError(f"{format} takes {encoding.channels} channels, not {channels}: use channels=2")
        self.channels = channels
        self.rate = rate
        self._av = load_encoder(format)
        options = {"flush_packets": "1"}
        if format == "mp3" and not hasattr(file, "seek"):
            options["write_xing"] = "0"  # the frame that would say how long the whole is
        self._file = file
        self._output = self._av.open(file, "w", format=encoding.container, container_options=options)
        self._stream = self._output.add_stream(encoding.codec, rate=rate, options=encoding.options)
        self._layout = _LAYOUTS[channels - 1]
        self._stream.codec_context.layout = self._layout
        self._stream.codec_context.format = encoding.sample
        if encoding.bits is not None:
            self._stream.codec_context.bit_rate = encoding.bits * channels
        self._stream.codec_context.open()
        self._resampler = self._av.AudioResampler(encoding.sample, self._layout, rate)
        self._position = 0
        self._closed = False

    def write(self, samples: Buffer) -> None:
        """Encode whole samples."""
        import numpy as np

        pcm = np.frombuffer(samples, np.int16).reshape(1, -1)
        frame = self._av.AudioFrame.from_ndarray(pcm, "s16", self._layout)
        frame.sample_rate, frame.pts = self.rate, self._position
        self._position += pcm.size // self.channels
        for converted in self._resampler.resample(frame):
            self._output.mux(self._stream.encode(converted))

    def close(self) -> None:
        """Encode what is held back, and complete the file."""
        if not self._closed:
            self._closed = True
            self._output.mux(self._stream.encode(None))
            self._output.close()
            if hasattr(self._file, "flush"):
                self._file.flush()


class CompressedBody:
    """A body of one of `ENCODINGS`, made while it is sent: `begin` once, `feed` with 16-bit samples, `finish` once.

    Where the first sound is shorter than what an encoder wants before it gives anything, silence goes before it: who
    plays hears the sound no later than if the frame had waited for more of it, and has its beginning at once.

    Raises `LibraryError` without PyAV.
    """

    def __init__(self, format: str, rate: int, channels: int = 1) -> None:  # noqa: A002  # of speech
        self._out = _Collector()
        self._writer = EncodingWriter(self._out, channels, rate, format)
        self._ahead = 2 * channels * ENCODINGS[format].ahead  # bytes, until sound has come

    def begin(self) -> bytes:
        """Nothing: the head comes with the first sound."""
        return b""

    def feed(self, pcm: bytes) -> bytes:
        """The frames that are complete now."""
        ahead, self._ahead = self._ahead, 0
        self._writer.write(pcm.rjust(ahead, b"\0"))
        return self._out.taken()

    def finish(self) -> bytes:
        """The rest."""
        self._writer.close()
        return self._out.taken()


class _Collector:
    """Keeps what is written until it is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


@cache
def load_encoder(format: str) -> Any:  # noqa: A002  # of speech
    """PyAV; importing it takes 0.2 s the first time. Raises `LibraryError` without it."""
    try:
        return import_module("av")
    except ImportError as error:
        raise LibraryError(f"{format} needs PyAV: pip install 'oggstream[codec]'") from error
