"""From bytes to pages (RFC 3533 section 6), with what lies between them.

A page is believed when its checksum is right. Everything else is skipped, going on from behind the capture pattern of
what turned out to be no page, so that a damaged length costs no page behind it. What is held back is one page that is
not whole yet: at most `MAX_PAGE` bytes. Each byte is looked at a bounded number of times whatever the split.
"""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple

from .crc import field_of, mirrored

CAPTURE = b"OggS"
MAX_PAGE = 27 + 255 + 255 * 255
"""Bytes of the longest page."""

CONTINUED = 1
BOS = 2
EOS = 4

_HEADER = Struct("<4xBBqII4sB")  # version, flags, granule position, serial number, page number, checksum, segments
_PIECE = 1 << 16  # input is taken in pieces, which bounds the copies made of it

NO_PAGE = "no Ogg page"
BAD_VERSION = "not version 0 of Ogg"
BAD_CHECKSUM = "bad checksum"
CUT = "cut short"


class Page(NamedTuple):
    """A page with a right checksum.

    ``offset`` is that of its first byte in the body, ``size`` its length with header. ``granule`` is signed, as -1
    means that no packet ends here. ``lacing`` has one byte per segment, ``body`` the segments themselves.
    """

    offset: int
    size: int
    flags: int
    granule: int
    serial: int
    number: int
    lacing: bytes
    body: bytes

    @property
    def continued(self) -> bool:
        """The page begins in the middle of a packet."""
        return bool(self.flags & CONTINUED)

    @property
    def bos(self) -> bool:
        """The page begins a logical stream."""
        return bool(self.flags & BOS)

    @property
    def eos(self) -> bool:
        """The page ends a logical stream."""
        return bool(self.flags & EOS)

    @property
    def ends_packet(self) -> bool:
        """A packet ends on the page, so that its granule position means something."""
        return bool(self.lacing.strip(b"\xff"))


class Skipped(NamedTuple):
    """Bytes that are no page: where, how many, and one of `NO_PAGE`, `BAD_VERSION`, `BAD_CHECKSUM`, `CUT`.

    The reason is that of the first thing that looked like a page.
    """

    offset: int
    size: int
    reason: str


class PageReader:
    """Takes bytes in any pieces and gives the pages in them; which ones does not depend on the pieces.

    ``bad_checksums`` counts the whole pages with a wrong checksum, ``skipped`` all bytes that were no page so far.
    """

    def __init__(self) -> None:
        self.bad_checksums = 0
        self.skipped = 0
        self._buffer = bytearray()
        self._mirror = bytearray()  # the start of _buffer with the bits of each byte reversed, for the checksum
        self._offset = 0  # of _buffer[0] in the body
        self._need = 1  # bytes in _buffer that the next decision takes: below it, feeding costs next to nothing
        self._damage = 0  # skipped bytes right before the place of the scan, not yet given out
        self._reason = NO_PAGE  # why they were

    @property
    def held(self) -> int:
        """Bytes that are held back."""
        return len(self._buffer)

    @property
    def offset(self) -> int:
        """Where in the body the bytes that are held back begin."""
        return self._offset

    def begun(self) -> Page | None:
        """The page of which bytes are held back, as its header and segment table have it, without a byte of its body.

        None as long as these are not there, or if there was damage right before. Nothing of it has been checked.
        """
        buffer = self._buffer
        if self._damage or len(buffer) < _HEADER.size:
            return None
        table = _HEADER.size + buffer[_HEADER.size - 1]
        return self._page(0, table)._replace(size=self._need) if len(buffer) >= table else None

    def piece(self, start: int, end: int) -> bytes:
        """Some of the bytes that are held back, counted from the first of them."""
        return bytes(self._buffer[start:end])

    def feed(self, data: bytes) -> list[Page | Skipped]:
        """Take the next bytes of the body; return what is now complete."""
        if len(data) > _PIECE:
            found = []
            for start in range(0, len(data), _PIECE):
                found += self.feed(data[start : start + _PIECE])
            return found
        self._buffer += data
        if len(self._buffer) < self._need:
            return []
        return self._scan()

    def finish(self) -> list[Page | Skipped]:
        """End of the body: what was held back is no page; search behind its capture pattern, once more to the end."""
        found = []
        while self._buffer:
            if self._buffer.startswith(CAPTURE):
                self._note_damage(len(CAPTURE), CUT)
                self._drop(len(CAPTURE))
                found += self._scan()
            else:
                self._note_damage(len(self._buffer), NO_PAGE)
                self._drop(len(self._buffer))
        self._give_damage(found, self._offset)
        return found

    def _scan(self) -> list[Page | Skipped]:
        """Give out what is whole in the buffer, drop it, and leave in ``_need`` what the next step takes."""
        found: list[Page | Skipped] = []
        at = 0
        while True:
            start, end = self._locate(at)
            self._note_damage(start - at, NO_PAGE)
            if end > len(self._buffer):
                break
            reason = self._fault(start, end)
            if reason:
                at = start + len(CAPTURE)
                self._note_damage(len(CAPTURE), reason)
            else:
                at = end
                self._give_damage(found, self._offset + start)
                found.append(self._page(start, end))
        self._need = end - start
        self._drop(start)
        return found

    def _locate(self, at: int) -> tuple[int, int]:
        """Where the next page may begin, and up to where its bytes are needed to go on with it."""
        buffer = self._buffer
        start = buffer.find(CAPTURE, at)
        if start < 0:
            # The last bytes may be the beginning of a capture pattern.
            return max(at, len(buffer) - len(CAPTURE) + 1), len(buffer) + 1
        table = start + _HEADER.size
        if len(buffer) < table or buffer[start + 4]:
            return start, table
        body = table + buffer[table - 1]
        if len(buffer) < body:
            return start, body
        return start, body + sum(buffer[table:body])

    def _fault(self, start: int, end: int) -> str | None:
        """Why the bytes from ``start`` to ``end`` are no page, None if they are one."""
        buffer, mirror = self._buffer, self._mirror
        # RFC 3533 section 6: the version is 0; what another one would look like is not known.
        if buffer[start + 4]:
            return BAD_VERSION
        if len(mirror) < end:
            mirror += mirrored(buffer[len(mirror) : end])
        if buffer[start + 22 : start + 26] != field_of(mirror, start, end):
            self.bad_checksums += 1
            return BAD_CHECKSUM
        return None

    def _page(self, start: int, end: int) -> Page:
        buffer = self._buffer
        _, flags, granule, serial, number, _, segments = _HEADER.unpack_from(buffer, start)
        table = start + _HEADER.size
        lacing = bytes(buffer[table : table + segments])
        body = bytes(buffer[table + segments : end])
        return Page(self._offset + start, end - start, flags, granule, serial, number, lacing, body)

    def _note_damage(self, size: int, reason: str) -> None:
        self._damage += size
        self.skipped += size
        if self._reason == NO_PAGE:
            self._reason = reason

    def _give_damage(self, found: list[Page | Skipped], end: int) -> None:
        """Append the damage that ends at ``end`` of the body, if there is any."""
        if self._damage:
            found.append(Skipped(end - self._damage, self._damage, self._reason))
            self._damage = 0
            self._reason = NO_PAGE

    def _drop(self, size: int) -> None:
        """Forget the first bytes of the buffer."""
        self._offset += size
        del self._buffer[:size]
        del self._mirror[:size]
