"""Bare samples: no header says anything, only the media type does, and the content must not contradict."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from ..errors import EmptyBodyError, NoAudioError
from .media import CHANNELS, RATES, MediaType
from .samples import PCM16, Framer, SampleFormat

if TYPE_CHECKING:
    from ..audio.frame import PcmFrame
    from ..opus.items import StreamStats

USUAL_RATE = 24000
"""Hz, of speech services that do not say another."""
_EVIDENCE = 64  # bytes, from the first that is not 0 on, by which a byte order is told


class PcmReader:
    """Signed 16-bit samples, of the rate and channels of the media type, 24 kHz mono where it says nothing.

    Little endian, as every speech service sends them. For audio/L16, RFC 2586 demands big endian, and services use its
    name for little endian: a parameter ``endianness`` decides, otherwise the samples themselves do, for in the wrong
    order sound is noise.
    """

    failure = None

    def __init__(self, stats: StreamStats, media: MediaType) -> None:
        self._stats = stats
        rate = media.number("rate", "sample-rate", "sample_rate", "samplerate", within=RATES)
        channels = media.number("channels", within=CHANNELS) or 1
        self._framer = Framer(PCM16, channels, rate or USUAL_RATE)
        self._stated = media.parameters.get("endianness", "")
        self._waiting: bytes | None = b"" if media.linear16 else None  # for its byte order
        if rate is None and any("rate" in name for name in media.parameters):
            stats.warn(f"the media type has a sample rate that makes no sense: taken as {USUAL_RATE} Hz")

    @property
    def announced(self) -> tuple[int, int]:
        """Channels and rate."""
        return self._framer.channels, self._framer.rate

    def feed(self, data: bytes) -> list[PcmFrame]:
        """The frames that ``data`` completes."""
        if self._waiting is None:
            return self._frames(data)
        return self._find_order(self._waiting + data, ended=False)

    def finish(self) -> list[PcmFrame]:
        """What waited. Raises `EmptyBodyError` or `NoAudioError` if there was not one sample."""
        frames = [] if self._waiting is None else self._find_order(self._waiting, ended=True)
        loose = self._framer.loose
        if not self._framer.samples:
            if not loose:
                raise EmptyBodyError("the body is empty: PCM expected; try again", offset=0)
            raise NoAudioError(f"no audio: a body of {loose} bytes is less than a sample; try again", offset=0)
        if loose:
            self._stats.warn(f"the body ends in the middle of a sample: its last {loose} bytes are left out")
        return frames

    def _frames(self, data: bytes) -> list[PcmFrame]:
        begun = self._framer.samples
        frames = self._framer.feed(data)
        self._stats.links += bool(frames and not begun)
        return frames

    def _find_order(self, data: bytes, *, ended: bool) -> list[PcmFrame]:
        """Pass silence on, which is the same in any order, until there is enough to tell by."""
        first = len(data) - len(data.lstrip(b"\0"))
        first -= first % 2
        if len(data) - first < _EVIDENCE and not ended and not self._stated:
            self._waiting = data[first:]
            return self._frames(data[:first])
        self._waiting = None
        if self._is_big_endian(data[first : first + _EVIDENCE]):
            self._framer.form = SampleFormat("int", 2, ">")
        return self._frames(data)

    def _is_big_endian(self, data: bytes) -> bool:
        if self._stated:
            return self._stated.startswith("big")
        big, little = _roughness(data, ">"), _roughness(data, "<")
        return big <= little  # in doubt, as the RFC says


def _roughness(data: bytes, order: str) -> int:
    """How far it is from sample to sample, in all."""
    import sys

    samples = array("h", data[: len(data) & ~1])
    if (sys.byteorder == "big") != (order == ">"):
        samples.byteswap()
    return sum(abs(a - b) for a, b in zip([0, *samples], samples, strict=False))
