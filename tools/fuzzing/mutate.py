"""Structure-aware mutations: takes pages apart and reassembles them with valid checksums."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from oggstream.ogg.crc import checksum
from oggstream.ogg.page_writer import PageWriter
from oggstream.opus.head import OpusHead

_HEADER = struct.Struct("<4sBBqIIIB")
_NUMBERS = (0, 1, 2, 255, 256, 312, 960, 5760, 65535, 96000, 1 << 31, (1 << 32) - 1, (1 << 62), (1 << 63) - 1)
_PACKETS = (
    *(b"", b"\x00", b"\x08\x00", b"\x0b\x03", b"\x0b\x30", b"\x0b\x41\xff", b"\xfb\x06", b"\x83\x30"),
    *(b"\xff\xff\x00", b"\x0a\xff", b"\x09a", b"\x09ab", b"\x7b\x82\x01a", b"OpusTags", b"OpusTags" + bytes(8)),
)

Raw = Callable[[bytes, int], bytes]
"""Changes bytes at random to at most so many: libFuzzer's own."""


def mutate(data: bytes, most: int, chance: random.Random, raw: Raw) -> bytes:
    """Return ``data`` changed, of at most ``most`` bytes."""
    pages = split(data)
    if chance.random() < 0.1 or not pages:
        return raw(data, most)[:most]
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        if pages:
            chance.choice(_CHANGES)(pages, chance, raw)
    return b"".join(pages)[:most]


def split(data: bytes) -> list[bytes]:
    """Cut a body before each capture pattern."""
    head, *rest = data.split(b"OggS")
    return [part for part in (head, *(b"OggS" + part for part in rest)) if part]


def sealed(page: bytes) -> bytes:
    """Return the page with a valid checksum, if there is room for one."""
    if len(page) < _HEADER.size:
        return page
    end = _HEADER.size + page[26] + sum(page[27 : 27 + page[26]])
    blank = page[:22] + bytes(4) + page[26:end]
    return blank[:22] + struct.pack("<I", checksum(blank)) + blank[26:] + page[end:]


def _fields(pages: list[bytes], chance: random.Random, _raw: Raw) -> None:
    """Change flags, granule position, serial or page number."""
    at = chance.randrange(len(pages))
    if len(pages[at]) < _HEADER.size:
        return
    magic, version, flags, granule, serial, number, crc, count = _HEADER.unpack_from(pages[at])
    match chance.randrange(5):
        case 0:
            flags ^= chance.choice((1, 2, 4, 8))
        case 1:
            granule = chance.choice((-1, -granule, granule + chance.choice(_NUMBERS), chance.choice(_NUMBERS)))
        case 2:
            serial = chance.choice((serial ^ 1, 1))
        case 3:
            number = (number + chance.choice((-2, -1, 1, 2, 1 << 31))) % (1 << 32)
        case _:
            version ^= chance.choice((0, 0, 1))
    granule = (granule + (1 << 63)) % (1 << 64) - (1 << 63)
    header = _HEADER.pack(magic, version, flags, granule, serial, number, crc, count)
    pages[at] = sealed(header + pages[at][_HEADER.size :])


def _body(pages: list[bytes], chance: random.Random, raw: Raw) -> None:
    """Change bytes of the segments, but not their sizes."""
    at = chance.randrange(len(pages))
    page = pages[at]
    if len(page) > _HEADER.size:
        start = min(len(page), _HEADER.size + page[26])
        size = len(page) - start
        changed = raw(page[start:], size)[:size].ljust(size, b"\0")
        pages[at] = sealed(page[:start] + changed)


def _segments(pages: list[bytes], chance: random.Random, raw: Raw) -> None:
    """Change the segment table."""
    at = chance.randrange(len(pages))
    page = pages[at]
    if len(page) > _HEADER.size:
        count = page[26]
        table = raw(page[27 : 27 + count], 255)
        pages[at] = sealed(page[:26] + bytes((len(table),)) + table + page[27 + count :])


def _order(pages: list[bytes], chance: random.Random, _raw: Raw) -> None:
    """Drop, repeat, swap or move pages."""
    at, to = chance.randrange(len(pages)), chance.randrange(len(pages))
    match chance.randrange(4):
        case 0:
            del pages[at]
        case 1:
            pages[to:to] = pages[at : at + chance.choice((1, 2, 5))]
        case 2:
            pages[at], pages[to] = pages[to], pages[at]
        case _:
            pages.insert(to, pages.pop(at))


def _damage(pages: list[bytes], chance: random.Random, raw: Raw) -> None:
    """Change bytes and leave the checksum wrong, truncate, or insert data."""
    at = chance.randrange(len(pages))
    page = pages[at]
    match chance.randrange(3):
        case 0:
            pages[at] = raw(page, len(page) + 20)
        case 1:
            pages[at] = page[: chance.randrange(len(page) + 1)]
        case _:
            pages.insert(at, chance.randbytes(chance.randrange(40)))


def _insert(pages: list[bytes], chance: random.Random, _raw: Raw) -> None:
    """Insert a page of odd packets, or one that begins a link."""
    at = chance.randrange(len(pages) + 1)
    writer = PageWriter(chance.choice((0, 1, 7)), chance.choice((0, 2, 3)))
    if chance.random() < 0.3:
        count = chance.choice((1, 2, 3, 8, 255))
        streams = chance.randint(1, min(count, 3))
        family = chance.choice((0, 1, 2, 3, 255))
        mapping = bytes(chance.randrange(streams) for _ in range(count))
        matrix = chance.randbytes(2 * streams * count) if family == 3 else None
        gain = chance.choice((0, 0, 256, -256, 32767, -32768))
        head = OpusHead(0, 1, count, chance.choice(_NUMBERS[:9]), 48000, gain, family, streams, 0, mapping, matrix)
        pages.insert(at, writer.page([bytes(head)], 0, bos=True))
        return
    packets = [chance.choice(_PACKETS) for _ in range(chance.choice((1, 2, 10, 200)))]
    granule = chance.choice((0, -1, 960 * len(packets), chance.choice(_NUMBERS)))
    pages.insert(at, writer.page(packets[: 200 // max(1, max(map(len, packets)) // 255)], granule))


_CHANGES = (_fields, _fields, _body, _body, _segments, _order, _order, _damage, _insert)
