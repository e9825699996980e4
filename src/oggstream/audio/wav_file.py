"""Writing WAV files, to a file or into a pipe."""

from __future__ import annotations

import struct
import sys
from array import array
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

SAMPLE_BYTES = {"int16": 2, "float32": 4}
OPEN_SIZE = 0xFFFFFFFF  # a length that is not known yet; readers take it as "until the end"
LONGEST_HEADER = 128
"""Bytes that no header exceeds."""

_FORMAT = {"int16": 1, "float32": 3}  # WAVE_FORMAT_PCM, WAVE_FORMAT_IEEE_FLOAT
_EXTENSIBLE = 0xFFFE
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")  # of the subformats, after their format number


class WavWriter:
    """Samples to WAV: the header is written at once, its sizes at the end.

    ``file`` is a binary stream open for writing, ``sample`` the format of the samples ("int16" or "float32", native
    byte order, interleaved), ``mask`` the speaker positions (0: none said). More than two channels, or a mask, make the
    header WAVE_FORMAT_EXTENSIBLE. ``OSError`` of the file passes through. The file stays open: its owner closes it.
    """

    def __init__(
        self, file: BinaryIO, channels: int, rate: int = 48000, sample: str = "int16", mask: int | None = None
    ) -> None:
        self.channels = channels
        self.rate = rate
        self.sample = sample
        self.mask = mask
        self.data_bytes = 0
        self._file = file
        self._start = file.tell() if file.seekable() else None
        file.write(self._header(OPEN_SIZE))

    @property
    def samples(self) -> int:
        """Samples per channel written so far."""
        return self.data_bytes // (SAMPLE_BYTES[self.sample] * self.channels)

    def write(self, samples: Buffer) -> None:
        """Append whole samples of all channels."""
        view = memoryview(samples)
        if sys.byteorder == "big":
            view = memoryview(_swapped(view, SAMPLE_BYTES[self.sample]))
        self._file.write(view)
        self.data_bytes += view.nbytes

    def close(self) -> None:
        """Put the sizes into the header where the file can be sought; on a pipe they stay open (0xFFFFFFFF)."""
        if self._start is not None:
            end = self._file.tell()
            self._file.seek(self._start)
            self._file.write(self._header(self.data_bytes))
            self._file.seek(end)
        self._file.flush()

    def _header(self, data_bytes: int) -> bytes:
        """The header for ``data_bytes`` of samples; sizes beyond 32 bits stay open."""
        width = SAMPLE_BYTES[self.sample]
        frame = self.channels * width
        extensible = self.channels > 2 or self.mask is not None
        tag = _EXTENSIBLE if extensible else _FORMAT[self.sample]
        form = struct.pack("<HHIIHH", tag, self.channels, self.rate, self.rate * frame, frame, 8 * width)
        if tag == _FORMAT["float32"]:
            form += struct.pack("<H", 0)  # every format but plain PCM says how long its extension is
        if extensible:
            form += struct.pack("<HHIH", 22, 8 * width, self.mask or 0, _FORMAT[self.sample]) + _GUID_TAIL
        chunks = b"WAVE" + struct.pack("<4sI", b"fmt ", len(form)) + form
        if self.sample == "float32":  # and its length in samples
            length = OPEN_SIZE if data_bytes >= OPEN_SIZE else data_bytes // frame
            chunks += struct.pack("<4sII", b"fact", 4, length)
        chunks += struct.pack("<4sI", b"data", min(data_bytes, OPEN_SIZE))
        return struct.pack("<4sI", b"RIFF", min(len(chunks) + data_bytes, OPEN_SIZE)) + chunks


def _swapped(view: memoryview, width: int) -> bytes:
    """The samples in the other byte order."""
    values = array("h" if width == 2 else "i", view.tobytes())
    values.byteswap()
    return values.tobytes()
