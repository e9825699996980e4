"""Bodies that are compressed (gzip, RFC 1952; zlib, RFC 1950) though nobody asked for that, in bounded steps."""

from __future__ import annotations

import zlib

from ..errors import FormatError

STEP = 1 << 16
"""Bytes that one step gives at most."""

_MOST = 64 << 20  # bytes that a body may grow to, or
_RATIO = 20  # so many times its size: sound is not compressed as far
_EITHER = 47  # zlib's word for a header of either kind


class Inflater:
    """Takes compressed bytes, and gives a step of what is in them each time. ``complete``: its end has come.

    ``failure``: what is wrong with it; what came before that is good.
    """

    def __init__(self) -> None:
        self.failure: FormatError | None = None
        self.complete = False
        self._inside = zlib.decompressobj(_EITHER)
        self._rest = b""
        self._taken = self._given = 0

    @property
    def pending(self) -> bool:
        """Whether there is more to be had at once."""
        return bool(self._rest) and self.failure is None

    def put(self, data: bytes) -> None:
        """Take the next bytes."""
        self._rest += data
        self._taken += len(data)

    def take(self) -> bytes:
        """The next step; empty if that needs more bytes."""
        before = self._inside.copy()
        try:
            given = self._inside.decompress(self._rest, STEP)
        except zlib.error:
            given = _before_damage(before, self._rest)
            self._fail("the body is compressed and damaged; try again")
            return given
        self._rest = self._inside.unconsumed_tail
        if self._inside.eof:
            self.complete = True
            if following := self._inside.unused_data.lstrip(b"\0"):
                self._inside, self._rest, self.complete = zlib.decompressobj(_EITHER), following, False
        self._given += len(given)
        beyond = self._given - max(_MOST, _RATIO * self._taken)
        if beyond > 0:
            given = given[:-beyond]  # wherever the steps end, which depends on the pieces
            self._fail("the body is compressed further than sound can be")
        return given

    def _fail(self, problem: str) -> None:
        self._rest = b""
        self.failure = FormatError(problem)


def _before_damage(inside: zlib._Decompress, data: bytes) -> bytes:
    """What ``data`` gives up to its first wrong byte: zlib keeps that to itself when it fails."""
    given = b""
    for at in range(len(data)):
        try:
            given += inside.decompress(data[at : at + 1], STEP)
        except zlib.error:
            break
        if len(given) > STEP:
            break
    return given


def is_compressed(first: bytes) -> bool:
    """Whether a body that begins so is compressed beyond doubt: by gzip's magic number, or a zlib header in front of
    what begins like a body.
    """
    if first.startswith(b"\x1f\x8b\x08"):
        return len(first) > 3 and not first[3] & 0xE0
    if not may_be_zlib(first):
        return False
    try:
        inside = zlib.decompressobj().decompress(first, 12)
    except zlib.error:
        return False
    return inside.lstrip().startswith((b"OggS", b"RIFF", b"ID3", b"fLaC", b"data:", b"event:", b"{"))


def may_be_zlib(first: bytes) -> bool:
    """Whether this begins with a zlib header: method 8, window of 32 KB, a multiple of 31."""
    return first[:1] == b"x" and (len(first) < 2 or not int.from_bytes(first[:2], "big") % 31)
