"""The codings of audio in the Realtime API: PCM of 16 bits, and G.711, which is expanded to it. Pure, no numpy."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

RATE = 24000
"""Samples per second of the API's ``audio/pcm``, which knows no other rate."""
G711_RATE = 8000
"""Samples per second of all G.711."""
RATES = range(8000, 192001)
"""Rates that can be played."""
LONGEST_KIND = 100
"""Characters of a media type; a longer one is cut off."""

_PCM = "audio/pcm"
_KINDS = {  # the API's media types, and the names that they had in its beta
    _PCM: _PCM,
    "pcm16": _PCM,
    "audio/pcmu": "audio/pcmu",
    "g711_ulaw": "audio/pcmu",
    "audio/pcma": "audio/pcma",
    "g711_alaw": "audio/pcma",
}
_BETA_NAMES = {_PCM: "pcm16", "audio/pcmu": "g711_ulaw", "audio/pcma": "g711_alaw"}


class AudioCoding(NamedTuple):
    """A media type of the API, and samples per second."""

    kind: str = _PCM
    rate: int = RATE

    @property
    def playable(self) -> bool:
        """Whether `decoded` can make PCM of it."""
        return self.kind in _BETA_NAMES and self.rate in RATES

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample as it comes."""
        return 2 if self.kind == _PCM else 1

    @property
    def beta_name(self) -> str:
        """What the API's beta calls it."""
        return _BETA_NAMES[self.kind]

    def decoded(self, data: bytes) -> bytes:
        """Whole samples as 16-bit little-endian PCM."""
        return data if self.kind == _PCM else expand_g711(data, self.kind)

    def as_field(self) -> dict[str, Any]:
        """The ``format`` field of a session."""
        return {"type": self.kind, "rate": self.rate} if self.kind == _PCM else {"type": self.kind}


CODINGS = {
    "pcm": AudioCoding(),
    "pcmu": AudioCoding("audio/pcmu", G711_RATE),
    "pcma": AudioCoding("audio/pcma", G711_RATE),
}
"""What may be asked for."""


def coding_from(told: object) -> AudioCoding | None:
    """The coding that a format field names, an object or one of the beta's names; None if it names none."""
    fields = {"type": told} if isinstance(told, str) else told
    if not isinstance(fields, dict) or not isinstance(kind := fields.get("type"), str):
        return None
    kind = _KINDS.get(kind, kind[:LONGEST_KIND])
    rate = fields.get("rate")
    usual = RATE if kind == _PCM else G711_RATE
    return AudioCoding(kind, usual if rate is None else rate if type(rate) is int else -1)


def expand_g711(data: bytes, law: str) -> bytes:
    """G.711 (ITU-T, 1988), a sample a byte, as 16-bit little-endian PCM. ``law``: "audio/pcmu" or "audio/pcma"."""
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
