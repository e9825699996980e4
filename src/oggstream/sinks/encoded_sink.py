"""MP3 and FLAC files, encoded with PyAV, of the extra ``codec``."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from ..errors import LibraryError, UsageError
from ..threads import in_thread
from .file_sink import FileSink
from .sink import SinkFormat, SinkTraits

if TYPE_CHECKING:
    import os
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12


class _Encoding(NamedTuple):
    codec: str
    sample: str
    channels: int  # at most
    bits: int | None = None  # a second and channel


ENCODINGS = {
    "mp3": _Encoding("libmp3lame", "s16p", 2, 96_000),
    "flac": _Encoding("flac", "s16", 8),
}
"""By the name of the container."""


class EncodedSink(FileSink):
    """Writes a compressed file: ``container`` is one of `ENCODINGS`; see `FileSink`. Encoding takes 0.1 ms per 20 ms.

    `prepare` raises `LibraryError` without PyAV.
    """

    goes_on = False

    def __init__(self, file: str | os.PathLike[str] | BinaryIO, container: str) -> None:
        super().__init__(file)
        self._container = container
        self.traits = SinkTraits(name=container, at_once=True)

    async def prepare(self) -> SinkFormat:
        """Load PyAV in a thread, which takes 0.2 s the first time, and open the file."""
        try:
            await in_thread(_load)
        except ImportError as error:
            wanted = f"writing {self._container} needs PyAV: pip install 'oggstream[codec]'"
            raise LibraryError(wanted) from error
        return await super().prepare()

    def _make_writer(self, file: BinaryIO, channels: int, rate: int) -> EncodingWriter:
        """An encoder."""
        return EncodingWriter(file, channels, rate, self._container)


class EncodingWriter:
    """Encodes 16-bit samples into ``file``. Raises `UsageError` for more channels than the format has."""

    def __init__(self, file: BinaryIO, channels: int, rate: int, container: str) -> None:
        encoding = ENCODINGS[container]
        if channels > encoding.channels:
            raise UsageError(f"{container} takes {encoding.channels} channels, not {channels}: use channels=2")
        self.channels = channels
        self.rate = rate
        self._av = _load()
        self._file = file
        self._output = self._av.open(file, "w", format=container)
        self._stream = self._output.add_stream(encoding.codec, rate=rate)
        self._layout = _LAYOUTS[channels - 1]
        self._stream.codec_context.layout = self._layout
        self._stream.codec_context.format = encoding.sample
        if encoding.bits is not None:
            self._stream.codec_context.bit_rate = encoding.bits * channels
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
            self._file.flush()


_LAYOUTS = ("mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1")


@cache
def _load() -> Any:
    return import_module("av")
