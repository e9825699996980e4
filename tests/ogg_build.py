"""Builds Ogg Opus streams byte by byte, valid or invalid, independently of the package's own writer and CRC."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from oggstream.errors import FormatError
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket, Hole
from oggstream.opus.opus_reader import Item, OpusReader
from oggstream.opus.tags import OpusTags
from tools.fuzzing.target import standing

TOC = 0x08  # SILK, narrowband, mono, one frame of 20 ms
SAMPLES = 960  # of such a packet
PRE_SKIP = 312


def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
        table.append(value)
    return table


_TABLE = _crc_table()


def slow_crc(data: bytes) -> int:
    """The Ogg CRC by its definition."""
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFFFFFF) ^ _TABLE[value >> 24 ^ byte]
    return value


def lace(*packets: bytes) -> bytes:
    """The segment table of packets that end on the page."""
    return b"".join(b"\xff" * (len(packet) // 255) + bytes([len(packet) % 255]) for packet in packets)


def raw_page(
    lacing: bytes, body: bytes, *, number: int = 0, granule: int = 0, serial: int = 1, flags: int = 0, version: int = 0
) -> bytes:
    """A page with a right checksum, whatever it holds."""
    header = struct.pack("<4sBBqIIIB", b"OggS", version, flags, granule, serial, number, 0, len(lacing))
    page = header + lacing + body
    return page[:22] + struct.pack("<I", slow_crc(page)) + page[26:]


def page(*packets: bytes, number: int = 0, granule: int = 0, serial: int = 1, flags: int = 0) -> bytes:
    """A page of whole packets."""
    return raw_page(lace(*packets), b"".join(packets), number=number, granule=granule, serial=serial, flags=flags)


def spread(
    packets: Sequence[bytes], segments: int, *, number: int = 0, serial: int = 1, granule: int = 0
) -> list[bytes]:
    """Pages of ``segments`` segments each that packets run across; granule positions start at ``granule``."""
    lacing, body = lace(*packets), b"".join(packets)
    pages: list[bytes] = []
    for at in range(0, len(lacing), segments):
        table = lacing[at : at + segments]
        ends = sum(1 for value in table if value < 255)
        granule += ends * SAMPLES
        part, body = body[: sum(table)], body[sum(table) :]
        flags = 1 if at and lacing[at - 1] == 255 else 0
        position = granule if ends else -1
        pages.append(raw_page(table, part, number=number + len(pages), granule=position, serial=serial, flags=flags))
    return pages


def damaged(page: bytes, at: int = -1) -> bytes:
    """The page with one bit of the byte at ``at`` turned."""
    copy = bytearray(page)
    copy[at] ^= 1
    return bytes(copy)


def audio(count: int, *, size: int = 20, first: int = 0) -> list[bytes]:
    """Packets of 20 ms, each different; what they hold makes sense to the reader only."""
    return [bytes([TOC]) + f"{number:0{size - 1}d}".encode() for number in range(first, first + count)]


def headers(*, serial: int = 1, pre_skip: int = PRE_SKIP, channels: int = 1, vendor: str = "test") -> list[bytes]:
    """The two pages that a link begins with."""
    head = OpusHead.simple(channels, pre_skip)
    return [
        page(bytes(head), serial=serial, flags=2),
        page(bytes(OpusTags(vendor)), number=1, serial=serial),
    ]


def link(
    packets: Sequence[bytes],
    *,
    per_page: int = 10,
    serial: int = 1,
    pre_skip: int = PRE_SKIP,
    trim: int = 0,
    eos: bool = True,
) -> list[bytes]:
    """The pages of a link of 20 ms packets: two of headers, then audio; ``trim`` samples are cut off the end."""
    pages = headers(serial=serial, pre_skip=pre_skip)
    for at in range(0, len(packets), per_page):
        part = packets[at : at + per_page]
        last = at + per_page >= len(packets)
        granule = (at + len(part)) * SAMPLES - (trim if last else 0)
        flags = 4 if last and eos else 0
        pages.append(page(*part, number=len(pages), granule=granule, serial=serial, flags=flags))
    return pages


class Reading:
    """What a body gave: items, counters, and the message of the error, if there was one.

    It is fed in pieces of ``step`` bytes; ``eager`` says before each whether to be.
    """

    def __init__(self, *body: bytes, step: int | None = None, eager: Callable[[], bool] = bool) -> None:
        data = b"".join(body)
        self.reader = OpusReader()
        self.stats = self.reader.stats
        self.items: list[Item] = []
        self.error: FormatError | None = None
        try:
            for at in range(0, len(data), step or len(data) or 1):
                self.reader.eager = eager()
                self.items += self.reader.feed(data[at : at + (step or len(data))])
            self.items += self.reader.finish()
        except FormatError as error:
            self.error = error

    @property
    def result(self) -> tuple[object, ...]:
        """Everything that must not depend on how the body is cut, nor on what was given early."""
        return standing(self.items), self.stats.as_dict(), type(self.error), str(self.error)

    @property
    def packets(self) -> list[AudioPacket]:
        return [item for item in self.items if isinstance(item, AudioPacket)]

    @property
    def holes(self) -> list[Hole]:
        return [item for item in self.items if isinstance(item, Hole)]

    @property
    def heads(self) -> list[OpusHead]:
        return [item for item in self.items if isinstance(item, OpusHead)]

    @property
    def lengths(self) -> list[int]:
        """Samples that each link gives, holes included."""
        lengths: list[int] = []
        for item in self.items:
            if isinstance(item, OpusHead):
                lengths.append(0)
            elif isinstance(item, AudioPacket):
                lengths[-1] += item.samples - item.trim_start - item.trim_end
            elif isinstance(item, Hole):
                lengths[-1] += item.samples
        return lengths
