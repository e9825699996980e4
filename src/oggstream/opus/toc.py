"""What a packet says of itself: its TOC byte and how its frames are packed (RFC 6716 section 3).

`packet_samples` is on the path of every packet, so the common case is one look into a table. The rules R1 to R7 of
section 3.4 are checked before a packet goes anywhere near libopus.
"""

from __future__ import annotations

from typing import NamedTuple

from ..errors import FormatError

MAX_SAMPLES = 5760  # 120 ms at 48 kHz
MAX_FRAME_BYTES = 1275  # R2
MAX_STREAM_BYTES = 61440
"""Bytes per stream that a packet must be allowed to have (RFC 7845 section 6). Those beyond are dropped."""

# RFC 6716 section 3.1, table 2: 32 configurations in rows of 4 (SILK), 2 (hybrid) and 4 (CELT) frame sizes.
_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
_CONFIG_SAMPLES = _SILK * 3 + _HYBRID * 2 + _CELT * 4
_MODES = ("silk",) * 12 + ("hybrid",) * 4 + ("celt",) * 16
_BANDWIDTHS = (
    *("narrowband",) * 4,
    *("mediumband",) * 4,
    *("wideband",) * 4,
    *("superwideband",) * 2,
    *("fullband",) * 2,
    *("narrowband",) * 4,
    *("wideband",) * 4,
    *("superwideband",) * 4,
    *("fullband",) * 4,
)

FRAME_SAMPLES = tuple(_CONFIG_SAMPLES[toc >> 3] for toc in range(256))
"""Samples at 48 kHz of one frame, by TOC byte."""


class PacketInfo(NamedTuple):
    """A packet described: ``mode`` is silk, hybrid or celt, ``frame_sizes`` the bytes of each frame (0: DTX)."""

    mode: str
    bandwidth: str
    stereo: bool
    frame_samples: int
    frame_sizes: tuple[int, ...]

    @property
    def samples(self) -> int:
        """Samples at 48 kHz per channel that the packet decodes to."""
        return self.frame_samples * len(self.frame_sizes)


def packet_info(data: bytes) -> PacketInfo:
    """Describe a packet of one stream. Raises `FormatError` naming the rule of RFC 6716 section 3.4 that it breaks."""
    sizes, _ = frame_sizes(data)
    toc = data[0]
    config = toc >> 3
    return PacketInfo(_MODES[config], _BANDWIDTHS[config], bool(toc & 4), FRAME_SAMPLES[toc], tuple(sizes))


def packet_samples(data: bytes) -> int:
    """Samples at 48 kHz that a packet of one stream decodes to; 0 if it is malformed."""
    if data and not data[0] & 3 and len(data) <= 1 + MAX_FRAME_BYTES:
        return FRAME_SAMPLES[data[0]]
    return multistream_samples(data, 1)


def multistream_samples(data: bytes, streams: int) -> int:
    """The same for a packet that holds one packet of each of ``streams`` streams (RFC 7845 section 5.1.1).

    All but the last are self-delimited, and all must have the same duration. 0 too if it is longer than
    `MAX_STREAM_BYTES` a stream.
    """
    if len(data) > MAX_STREAM_BYTES * streams:
        return 0
    samples = at = 0
    try:
        for left in range(streams - 1, -1, -1):
            start = at
            sizes, at = frame_sizes(data, start, self_delimited=left > 0)
            duration = FRAME_SAMPLES[data[start]] * len(sizes)
            if samples not in (0, duration):
                return 0
            samples = duration
    except FormatError:
        return 0
    return samples


def frame_sizes(data: bytes, start: int = 0, *, self_delimited: bool = False) -> tuple[list[int], int]:
    """The sizes in bytes of the frames of the packet at ``start``, and where it ends, padding included.

    Raises `FormatError` naming the rule of RFC 6716 section 3.4 that is broken. A self-delimited packet (appendix B)
    has one more length, that of its last frame, or of each frame where all are equal.
    """
    if len(data) <= start:
        raise FormatError("R1: a packet has at least one byte")
    code = data[start] & 3
    at = start + 1
    padding = 0
    if code == 3:
        count, vbr, padding, at = _frame_count(data, start)
    else:
        count, vbr = (1, False) if code == 0 else (2, code == 2)
    sizes = []
    for _ in range(count - 1 if vbr else 0):
        size, at = _length(data, at)
        sizes.append(size)
    last: int | None = None
    if self_delimited:
        last, at = _length(data, at)
    left = len(data) - at - padding - sum(sizes)
    sizes += _last_sizes(left, 1 if vbr else count, last)
    if max(sizes) > MAX_FRAME_BYTES:
        raise FormatError(f"R2: a frame of {max(sizes)} bytes, at most {MAX_FRAME_BYTES} expected")
    return sizes, at + sum(sizes) + padding


def _frame_count(data: bytes, start: int) -> tuple[int, bool, int, int]:
    """Of a code 3 packet: frames, whether their sizes differ, bytes of padding, where its lengths begin."""
    if len(data) < start + 2:
        raise FormatError("R6, R7: a packet of code 3 has at least two bytes")
    flags = data[start + 1]
    count = flags & 0x3F
    if not 1 <= count * FRAME_SAMPLES[data[start]] <= MAX_SAMPLES:
        raise FormatError(f"R5: {count} frames of {FRAME_SAMPLES[data[start]] / 48:g} ms, 1 to 120 ms expected")
    at = start + 2
    padding = 0
    more = bool(flags & 0x40)
    while more:
        if at >= len(data):
            raise FormatError("R6, R7: the length of the padding is cut")
        # RFC 6716 section 3.2.5: 255 stands for 254 bytes, and another length byte follows.
        more = data[at] == 255
        padding += 254 if more else data[at]
        at += 1
    return count, bool(flags & 0x80), padding, at


def _length(data: bytes, at: int) -> tuple[int, int]:
    """A frame length in one or two bytes (RFC 6716 section 3.2.1), and where it ends."""
    if at < len(data):
        first = data[at]
        if first < 252:
            return first, at + 1
        if at + 1 < len(data):
            return first + 4 * data[at + 1], at + 2
    raise FormatError("R4, R7: the length of a frame is cut")


def _last_sizes(left: int, count: int, size: int | None) -> list[int]:
    """The sizes of the last ``count`` frames, which share ``left`` bytes or have ``size`` bytes each."""
    if left < 0 or (size is not None and size * count > left):
        raise FormatError("R4, R6, R7: the frames are longer than the packet")
    if size is not None:
        return [size] * count
    if left % count:
        raise FormatError(f"R3, R6: {left} bytes cannot be {count} frames of one size")
    return [left // count] * count
