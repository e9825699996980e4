"""From the pages of one logical stream to its packets (RFC 3533 sections 5 and 6)."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from .page import Page

MAX_PACKET = 4 << 20
"""Bytes kept of one packet. A longer one is given out cut to this length."""

_NUMBERS = 1 << 32

LOST_PAGE = "lost page"
NO_BEGINNING = "packet without its beginning"
NO_END = "packet without its end"


class PagePackets(NamedTuple):
    """The packets that end on one page. ``gap`` says what is missing before the first of them, None if nothing is."""

    packets: list[bytes]
    gap: str | None


class PacketReader:
    """Puts the packets of one logical stream together, beginning with the page number ``first``."""

    def __init__(self, first: int) -> None:
        self._expected = first
        self._parts: list[bytes] | None = None  # of a packet that goes on on the next page
        self._size = 0  # bytes in _parts

    def feed(self, page: Page, reached: int) -> PagePackets | None:
        """Return what ends on the page; None if the page is a repetition or too late.

        ``reached`` is the granule position up to which the stream has been used: a page whose number is too low, yet
        with a position beyond it, comes from a sender that has restarted its numbers.
        """
        gap = None
        ahead = (page.number - self._expected) % _NUMBERS
        if ahead:
            if ahead >= _NUMBERS // 2 and page.granule <= reached:
                return None
            # RFC 7845 section 3: across numbers that are not consecutive, no packet is put together.
            gap = LOST_PAGE if ahead < _NUMBERS // 2 else NO_END if self._parts else None
            self._parts = None
        self._expected = (page.number + 1) % _NUMBERS
        if not page.lacing:
            return PagePackets([], gap)
        if self._parts and not page.continued:
            gap = NO_END
        return self._assemble(page, gap)

    def expects(self, page: Page) -> bool:
        """Whether nothing is missing before ``page``, going by its header."""
        return page.number == self._expected and page.continued == (self._parts is not None)

    def joined(self, part: bytes) -> bytes:
        """The packet that goes on, if ``part`` is its end; it goes on all the same."""
        return b"".join([*(self._parts or ()), part[: MAX_PACKET - self._size]])

    def _assemble(self, page: Page, gap: str | None) -> PagePackets:
        """Cut the page into packets; join the first one to its beginning, keep the last one if it goes on."""
        packets, rest = split(page.lacing, page.body)
        if page.continued:
            if self._parts is None:
                # RFC 7845 section 3: a packet whose beginning is missing is not decoded.
                gap = gap or NO_BEGINNING
            elif not packets:
                self._keep(rest)
            if not packets:
                return PagePackets([], gap)
            packets[:1] = [] if self._parts is None else [self.joined(packets[0])]
        self._parts = None
        if rest:
            self._parts, self._size = [rest], len(rest)
        return PagePackets(packets, gap)

    def _keep(self, part: bytes) -> None:
        """Add to the packet that goes on, as far as `MAX_PACKET` allows."""
        room = MAX_PACKET - self._size
        if room > 0 and self._parts is not None:
            self._parts.append(part[:room])
            self._size += len(part[:room])


def split(lacing: bytes, body: bytes) -> tuple[list[bytes], bytes]:
    """The parts of packets that end in ``body``, and the rest of it, empty unless the last packet goes on.

    A packet ends at a segment below 255 bytes, which is empty where the length is a multiple of 255.
    """
    sizes = lacing if 255 not in lacing else packet_sizes(lacing)
    packets = [body[end - size : end] for end, size in zip(accumulate(sizes), sizes, strict=True)]
    return packets, body[sum(sizes) :] if lacing[-1] == 255 else b""


def packet_sizes(lacing: bytes) -> list[int]:
    """Bytes of each part of a packet that ends on a page with this segment table."""
    sizes = []
    size = 0
    for value in lacing:
        size += value
        if value < 255:
            sizes.append(size)
            size = 0
    return sizes
