"""Sound files of other kinds than oggstream's own: read by FFmpeg, with PyAV of the extra ``codec``, and made WAV."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO

from ..audio.wav_file import WavWriter
from ..errors import FormatError, LibraryError
from ..sniff import describe

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

ENOUGH = 64
"""Bytes at the start of a file that tell its kind."""

_DEMUXERS = {
    "FLAC": "flac",
    "MP4": "mov",  # M4A, too
    "WebM or Matroska": "matroska",
    "AIFF": "aiff",
    "CAF": "caf",
    "AU": "au",
    "AMR": "amr",
    "Ogg Vorbis": "ogg",
    "Ogg FLAC": "ogg",
    "Ogg Speex": "ogg",
}
"""By what `describe` calls it. Never left to FFmpeg: it would follow the addresses in a playlist."""


def is_media_file(first: bytes) -> bool:
    """Whether a file that begins with ``first`` takes `as_wav`."""
    return describe(first) in _DEMUXERS


def as_wav(file: BinaryIO, shown: str) -> Iterator[bytes]:
    """The sound of a file, as pieces of a WAV body of 32-bit floats at its own rate; closes ``file``.

    Blocks: it reads, and decodes. The first sound track counts; pictures and other tracks are left out. ``shown`` is
    the file's name for messages. Raises `LibraryError` without PyAV, `FormatError` for a file that FFmpeg cannot read,
    also after some of its sound.
    """
    with closing(file):
        kind = describe(file.read(ENOUGH))
        file.seek(0)
        try:
            av = import_module("av")
        except ImportError as error:
            raise LibraryError(f"{shown} is {kind}, which takes PyAV: pip install 'oggstream[codec]'") from error
        try:
            with av.open(file, format=_DEMUXERS[kind]) as container:
                yield from _pieces(av, container, shown)
        except FormatError:
            raise
        except Exception as error:  # PyAV raises errors of FFmpeg's, ValueError and others for damage
            why = getattr(error, "strerror", None) or error
            raise FormatError(f"{shown} is damaged {kind}: {why}") from error


def _pieces(av: Any, container: Any, shown: str) -> Iterator[bytes]:
    if not container.streams.audio:
        raise FormatError(f"{shown} holds no sound")
    pieces, frames = _Pieces(), container.decode(container.streams.audio[0])
    first = next(frames, None)
    if first is None:
        raise FormatError(f"{shown} holds no sound")
    channels = len(first.layout.channels)
    resampler = av.AudioResampler("flt", first.layout, first.sample_rate)
    writer = WavWriter(pieces, channels, first.sample_rate, "float32")  # type: ignore[arg-type]  # what it needs of one
    for frame in chain([first], frames):
        frame.pts = None  # gaps in the times are not made up
        for made in resampler.resample(frame):
            writer.write(memoryview(made.planes[0])[: made.samples * channels * 4])
        yield pieces.take()


class _Pieces:
    """What a `WavWriter` writes, until it is taken."""

    def __init__(self) -> None:
        self._held = bytearray()

    def seekable(self) -> bool:
        """The sizes in the header stay open."""
        return False

    def write(self, data: Buffer) -> None:
        """Keep ``data``."""
        self._held += data

    def take(self) -> bytes:
        """All that was written since the last time."""
        held, self._held = bytes(self._held), bytearray()
        return held
