"""G.711 (ITU-T G.711, 1988): the telephone's 8-bit codings of a sample, expanded to 16 bits. Pure, no numpy."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache

RATE = 8000
"""Samples per second of all G.711."""


def expand(data: bytes, law: str) -> bytes:
    """A sample a byte to 16-bit little-endian PCM; ``law`` is "audio/pcmu" or "audio/pcma"."""
    low, high = _tables(law)
    pcm = bytearray(2 * len(data))
    pcm[0::2] = data.translate(low)
    pcm[1::2] = data.translate(high)
    return bytes(pcm)


@cache
def _tables(law: str) -> tuple[bytes, bytes]:
    """The low and the high byte of each code's sample."""
    decode: Callable[[int], int] = {"audio/pcmu": _mu_law, "audio/pcma": _a_law}[law]
    samples = struct.pack("<256h", *map(decode, range(256)))
    return samples[0::2], samples[1::2]


def _mu_law(code: int) -> int:
    """Table 2a: sent inverted; sign, 3 bits of segment, 4 of step; a bias of 33 steps of the smallest kind."""
    code ^= 0xFF
    size = (((code & 0x0F) << 3) + 0x84) << (code >> 4 & 7)
    return 0x84 - size if code & 0x80 else size - 0x84


def _a_law(code: int) -> int:
    """Table 1a: sent with every other bit inverted; the two lowest segments have steps of the same size."""
    code ^= 0x55
    segment = code >> 4 & 7
    size = ((code & 0x0F) << 4) + 8
    if segment:
        size = (size + 0x100) << (segment - 1)
    return size if code & 0x80 else -size
