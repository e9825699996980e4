"""Bytes of samples as float32, and frames of them that may be cut anywhere."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..audio.frame import RATE, PcmFrame

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAMES_PER_SECOND = 50
"""Frames are cut to 20 ms at most, so that the first sound waits for no more than that to be converted."""
LOUDEST = 4.0
"""Floats are limited to this (full scale is 1): one infinity or NaN would silence a resampler for good."""


class SampleFormat(NamedTuple):
    """How a sample lies in the body: ``kind``, bytes per sample, byte order."""

    kind: Literal["int", "float", "alaw", "ulaw"]
    width: int
    order: Literal["<", ">"] = "<"


PCM16 = SampleFormat("int", 2)
PCM16_BIG = SampleFormat("int", 2, ">")
FLOAT32 = SampleFormat("float", 4)


def to_float(data: bytes | memoryview, form: SampleFormat) -> NDArray[np.float32]:
    """Whole samples as float32, one-dimensional; integers and G.711 within -1 to 1."""
    import numpy as np

    kind, width, order = form
    if kind == "float":
        return limited(np.frombuffer(data, f"{order}f{width}"))
    if kind != "int":
        return np.take(_g711(kind), np.frombuffer(data, np.uint8))
    if width == 1:  # the only one without a sign
        return (np.frombuffer(data, np.uint8).astype(np.float32) - np.float32(128)) * np.float32(1 / 128)
    if width == 3:
        return _from_24_bits(data, order)
    return np.frombuffer(data, f"{order}i{width}").astype(np.float32) * np.float32(0.5 ** (8 * width - 1))


def limited(pcm: NDArray[np.floating]) -> NDArray[np.float32]:
    """Floats of a stranger: NaN made 0, and the rest kept within `LOUDEST`."""
    import numpy as np

    with np.errstate(invalid="ignore"):  # numpy warns of some of the NaN
        return np.nan_to_num(pcm.clip(-LOUDEST, LOUDEST).astype(np.float32, order="C"), copy=False)


def _from_24_bits(data: bytes | memoryview, order: str) -> NDArray[np.float32]:
    import numpy as np

    octets = np.frombuffer(data, np.uint8).reshape(-1, 3)
    wide = np.zeros((len(octets), 4), np.uint8)  # the sample in the upper three bytes keeps its sign
    wide[:, 1:] = octets if order == "<" else octets[:, ::-1]
    return wide.view("<i4")[:, 0].astype(np.float32) * np.float32(0.5**31)


@cache
def _g711(kind: str) -> NDArray[np.float32]:
    """What each octet stands for (ITU-T G.711), by shifts of its mantissa and segment."""
    import numpy as np

    octets = np.arange(256, dtype=np.int32)
    if kind == "ulaw":
        octets = ~octets & 0xFF
        mantissa, segment = octets & 15, octets >> 4 & 7
        size = (((mantissa << 3) + 132) << segment) - 132
        sign = np.where(octets & 128, -1, 1)
    else:
        octets ^= 0x55
        mantissa, segment = octets & 15, octets >> 4 & 7
        size = np.where(segment == 0, (mantissa << 4) + 8, ((mantissa << 4) + 264) << np.maximum(segment - 1, 0))
        sign = np.where(octets & 128, 1, -1)
    values: NDArray[np.float32] = (sign * size / 32768).astype(np.float32)
    return values


class Framer:
    """Cuts bytes into frames; what is less than a sample of all channels waits for the bytes that complete it.

    ``rate`` and ``channels`` are those of the sound; positions go on from ``position`` (samples at 48 kHz).
    """

    def __init__(self, form: SampleFormat, channels: int, rate: int, position: int = 0) -> None:
        self.form = form
        self.channels = channels
        self.rate = rate
        self.samples = 0
        self._start = position
        self._size = form.width * channels
        self._most = max(1, rate // FRAMES_PER_SECOND) * self._size
        self._rest = b""

    @property
    def position(self) -> int:
        """Where the next frame begins, in samples at 48 kHz."""
        return self._start + self.samples * RATE // self.rate

    @property
    def loose(self) -> int:
        """Bytes that wait for the rest of their sample."""
        return len(self._rest)

    def feed(self, data: bytes) -> list[PcmFrame]:
        """The frames that ``data`` completes: everything but what is less than a whole sample."""
        if self._rest:
            data = self._rest + data
        whole = len(data) - len(data) % self._size
        self._rest = data[whole:]
        view = memoryview(data)[:whole]
        return [self._frame(view[at : at + self._most]) for at in range(0, whole, self._most)]

    def _frame(self, view: memoryview) -> PcmFrame:
        frame = PcmFrame(to_float(view, self.form).reshape(-1, self.channels), self.position, self.rate)
        self.samples += len(frame.pcm)
        return frame
