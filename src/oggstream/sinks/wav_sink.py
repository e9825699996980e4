"""A WAV file instead of a device: as fast as the stream comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

from .file_sink import FileSink
from .sink import SinkTraits

if TYPE_CHECKING:
    from ..audio.wav_file import WavWriter


class WavSink(FileSink):
    """Writes WAV, 16 bits at 48 kHz with the stream's channels: see `FileSink`."""

    traits = SinkTraits(name="wav", at_once=True)

    def _make_writer(self, file: BinaryIO, channels: int, rate: int) -> WavWriter:
        """A writer of WAV."""
        from ..audio.wav_file import WavWriter

        return WavWriter(file, channels, rate)
