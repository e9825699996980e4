"""Samples as octets of mu-law (ITU-T G.711), which telephones speak; `oggstream.body.samples` reads them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

    import numpy as np
    from numpy.typing import NDArray

SILENCE = 0xFF
"""The octet of +0."""
_BIAS = 33
_LARGEST = 0x1FFF  # of a magnitude of 13 bits with the bias


def to_mulaw(samples: Buffer) -> bytes:
    """An octet for each float32 of ``samples`` (-1 to 1, clipped), of one channel."""
    import numpy as np

    scaled = np.rint(np.frombuffer(samples, np.float32) * np.float32(32768)).clip(-32768, 32767)
    return bytes(np.take(_octets(), scaled.astype(np.int16).view(np.uint16)))


@cache
def _octets() -> NDArray[np.uint8]:
    """The octet of each 16-bit sample, which is counted as unsigned: G.711 table 2, as ITU-T G.191 computes it."""
    import numpy as np

    samples = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)
    size = np.minimum((np.where(samples < 0, ~samples, samples) >> 2) + _BIAS, _LARGEST)
    segment = np.frexp(size)[1] - 6  # 33 to 63 are segment 0, each further one is twice as wide
    mantissa = (size >> (segment + 1)) & 15
    sign = np.where(samples < 0, 0, 0x80)
    octets: NDArray[np.uint8] = (sign | (7 - segment) << 4 | (15 - mantissa)).astype(np.uint8)
    return octets
