"""The checksum of a page (RFC 3533 section 6, field 7), at the speed of zlib.

Ogg's CRC has the polynomial of zlib's (0x04c11db7), but starts at 0, takes the high bit of each byte first and inverts
nothing. Seen in a mirror, with the bits of every byte reversed, it is zlib's but for the two inversions.
"""

from __future__ import annotations

from zlib import crc32

_MIRROR = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_ONES = 0xFFFFFFFF
_FIELD = 22  # offset of the checksum in the header; it counts as four zero bytes
_AFTER_FIELD = 26
_BLANK = bytes(4)


def mirrored(data: bytes | bytearray) -> bytes | bytearray:
    """The same bytes, each with its bits in reverse order."""
    return data.translate(_MIRROR)


def checksum(data: bytes) -> int:
    """The CRC of ``data`` as it stands: that of a page, if its checksum field is zero."""
    return int.from_bytes(_unmirror(crc32(mirrored(data), _ONES)), "little")


def field_of(mirror: bytes | bytearray, start: int, end: int) -> bytes:
    """What the checksum field (4 bytes) of the page at ``start`` to ``end`` must hold, by its mirror image."""
    value = crc32(mirror[start : start + _FIELD], _ONES)
    value = crc32(_BLANK, value)
    return _unmirror(crc32(mirror[start + _AFTER_FIELD : end], value))


def _unmirror(value: int) -> bytes:
    """The four bytes of the field: reversing all 32 bits turns big-endian into little-endian and back each byte."""
    return (value ^ _ONES).to_bytes(4, "big").translate(_MIRROR)
