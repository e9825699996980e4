"""Packets made longer, with padding that every decoder passes over (RFC 6716 section 3.2.5)."""

from __future__ import annotations

_COUNT = (0x41, 0x42, 0xC2)
"""For packets of code 0, 1, 2, what code 3 says of the same frames: how many, whether sizes differ, and padding."""
_PADDED = 0x40
_MOST = 254  # bytes of padding for each 255 that tells of them


def padded(packet: bytes, size: int) -> bytes:
    """``packet`` with at least ``size`` bytes; as it is where it has them, or is padded already."""
    missing = size - len(packet)
    code = packet[0] & 3
    if missing <= 0 or (code == 3 and packet[1] & _PADDED):
        return packet
    count, frames = (packet[1] | _PADDED, packet[2:]) if code == 3 else (_COUNT[code], packet[1:])
    lengths = b"\xff" * (missing // (_MOST + 1)) + bytes([missing % (_MOST + 1)])
    return bytes([packet[0] | 3, count]) + lengths + frames + bytes(missing - missing // (_MOST + 1))
