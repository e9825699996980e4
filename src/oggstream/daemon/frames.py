"""What client, daemon and worker say to each other: frames of fields, without a socket.

A frame is four bytes, the length of the rest (big-endian), and that many bytes: the fields, each of which ends with a
zero byte. Neither arguments nor environment variables can hold one. The last field of a frame of known length may be
any bytes: `data_of` puts it together again.
"""

from __future__ import annotations

PROTOCOL = b"1"
LONGEST = 4 << 20
"""Bytes of a frame, at most: Linux lets arguments and environment have 2 MB."""


class FrameError(Exception):
    """What came is no frame."""


def frame(*fields: bytes) -> bytes:
    """The frame of ``fields``, of which only the last may hold a zero byte. Raises `FrameError` for too much."""
    body = b"".join(field + b"\0" for field in fields)
    if len(body) > LONGEST:
        raise FrameError(f"more than {LONGEST >> 20} MB of arguments and environment")
    return len(body).to_bytes(4, "big") + body


def data_of(fields: list[bytes]) -> tuple[bytes, bytes]:
    """Name and data of a frame of three fields. Raises `FrameError`."""
    if len(fields) < 3:
        raise FrameError("no data")
    return fields[1], b"\0".join(fields[2:])


class FrameReader:
    """Puts frames together from bytes as they come. Holds no more than one frame and what was fed behind it."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    @property
    def wanted(self) -> int:
        """How many bytes are missing from the frame that has begun (1 at least)."""
        if len(self._bytes) < 4:
            return 4 - len(self._bytes)
        return max(1, 4 + self._length() - len(self._bytes))

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        self._bytes += data

    def next(self) -> list[bytes] | None:
        """The fields of the next frame, None while it is not complete. Raises `FrameError`."""
        if len(self._bytes) < 4:
            return None
        end = 4 + self._length()
        if len(self._bytes) < end:
            return None
        body = bytes(self._bytes[4:end])
        del self._bytes[:end]
        if body and not body.endswith(b"\0"):
            raise FrameError("a field does not end")
        return body.split(b"\0")[:-1]

    def _length(self) -> int:
        length = int.from_bytes(self._bytes[:4], "big")
        if length > LONGEST:
            raise FrameError(f"a frame of {length} bytes")
        return length
