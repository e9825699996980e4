"""Writing Ogg pages (RFC 3533 section 6)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import UsageError
from .crc import checksum

if TYPE_CHECKING:
    from .page import Page

MAX_SEGMENTS = 255
NO_POSITION = -1  # granule position of a page on which no packet ends

_CONTINUED, _BOS, _EOS = 1, 2, 4
_HEADER = struct.Struct("<4sBBqIIIB")
_CRC = struct.Struct("<I")
_CRC_OFFSET = 22


def segments(length: int) -> int:
    """Entries that a packet of ``length`` bytes takes in the segment table."""
    return length // 255 + 1


class PageWriter:
    """Turns packets of one logical stream into pages, numbered from ``sequence``."""

    def __init__(self, serial: int, sequence: int = 0) -> None:
        self.serial = serial
        self.sequence = sequence

    def page(self, packets: Sequence[bytes], granule: int, *, bos: bool = False, eos: bool = False) -> bytes:
        """The bytes of a page on which ``packets`` end, at granule position ``granule``.

        A single packet that needs more than 255 segments takes several pages, the first ones without a position. No
        packets give a nil page. Raises `UsageError` for several packets that do not fit one page.
        """
        lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)
        if len(lacing) > MAX_SEGMENTS and len(packets) > 1:
            raise UsageError(f"{len(packets)} packets need {len(lacing)} segments: a page has {MAX_SEGMENTS}")
        body = b"".join(packets)
        pages = []
        flags = _BOS if bos else 0
        while len(lacing) > MAX_SEGMENTS:
            size = MAX_SEGMENTS * 255
            pages.append(self._page(flags, NO_POSITION, lacing[:MAX_SEGMENTS], body[:size]))
            lacing, body, flags = lacing[MAX_SEGMENTS:], body[size:], _CONTINUED
        pages.append(self._page(flags | (_EOS if eos else 0), granule, lacing, body))
        return b"".join(pages)

    def _page(self, flags: int, granule: int, lacing: bytes, body: bytes) -> bytes:
        header = _HEADER.pack(b"OggS", 0, flags, granule, self.serial, self.sequence, 0, len(lacing))
        page = header + lacing + body
        self.sequence = (self.sequence + 1) & 0xFFFFFFFF
        return page[:_CRC_OFFSET] + _CRC.pack(checksum(page)) + page[_CRC_OFFSET + 4 :]


def without_end(page: Page, granule: int) -> bytes:
    """The bytes of ``page`` as one that does not end its stream, and is at ``granule``."""
    writer = PageWriter(page.serial, page.number)
    return writer._page(page.flags & ~_EOS, granule, page.lacing, page.body)  # noqa: SLF001  # of this module


def with_body(page: Page, body: bytes) -> bytes:
    """The bytes of ``page`` with another ``body`` of the same length."""
    writer = PageWriter(page.serial, page.number)
    return writer._page(page.flags, page.granule, page.lacing, body)  # noqa: SLF001  # of this module
