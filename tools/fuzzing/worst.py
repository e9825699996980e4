"""Worst-case bodies: the most time and memory per byte."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Callable, Iterator
from typing import NamedTuple

from oggstream.ogg.page_writer import PageWriter
from oggstream.opus.head import OpusHead
from oggstream.opus.tags import OpusTags
from tools.fuzzing import memory, target

SIZE = 200_000
MONO, STEREO = OpusHead.simple(1, 0), OpusHead.simple(2, 0)
LOUD = OpusHead.simple(2, 0, output_gain=32767)
HYBRID, SILK, CELT, SHORT = 15 << 3, 11 << 3, 31 << 3, 28 << 3  # configurations of 20, 60, 20 and 2.5 ms
_STEREO = 4


class Cost(NamedTuple):
    """The cost of a body: CPU seconds of the slowest part (see `target.slowest`), which that is, and megabytes."""

    name: str
    size: int
    seconds: float
    part: str
    megabytes: float


def costs(size: int = SIZE) -> Iterator[Cost]:
    """Run every body through all parts."""
    target.examine(b"".join(_packets(MONO, b"\x08", 960, 1000)))  # loads the libraries
    for name, make in BODIES.items():
        data = make(size)
        before = memory.begin()
        seconds, part = target.slowest(data)
        yield Cost(name, len(data), seconds, part, max(0.0, memory.peak() - before))


def _noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)  # noqa: S311  # no secret


def _filled(page: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    number = 0
    while size > 0:
        data = page(number)
        number += 1
        size -= len(data)
        yield data


def _started(head: OpusHead) -> tuple[PageWriter, bytes]:
    writer = PageWriter(1)
    return writer, writer.page([bytes(head)], 0, bos=True) + writer.page([bytes(OpusTags("x"))], 0)


def _packets(head: OpusHead, packet: bytes, samples: int, size: int) -> Iterator[bytes]:
    """Pages full of one packet, after a page with sound."""
    writer, start = _started(head)
    per_page = 255 // (len(packet) // 255 + 1)
    sounding = bytes((packet[0] & 0xFC,)) + _noise(60)
    yield start + writer.page([sounding], samples)
    yield from _filled(lambda number: writer.page([packet] * per_page, samples * per_page * (number + 1)), size)


def _gaps(head: OpusHead, packet: bytes, size: int) -> Iterator[bytes]:
    """Pages of one packet, each after a gap of two seconds."""
    writer, start = _started(head)
    yield start

    def page(number: int) -> bytes:
        writer.sequence += 1
        return writer.page([packet], 96960 * (number + 1))

    yield from _filled(page, size)


def _links(head: OpusHead, packet: bytes, tags: bytes, size: int) -> Iterator[bytes]:
    """Links of one packet."""

    def link(number: int) -> bytes:
        writer = PageWriter(number)
        begin = writer.page([bytes(head)], 0, bos=True)
        return begin + (writer.page([tags], 0) if tags else b"") + writer.page([packet], 960)

    yield from _filled(link, size)


def _withdrawn(head: OpusHead, packet: bytes, size: int) -> Iterator[bytes]:
    """Pages that resynchronise a stream, each before a damaged page full of one packet."""
    writer, start = _started(head)
    yield start + writer.page([packet], 0)

    def pages(number: int) -> bytes:
        writer.sequence = 3 + number
        good, bad = writer.page([], 0), writer.page([packet] * (255 // (len(packet) // 255 + 1)), 0)
        return good + bad[:-1] + bytes((bad[-1] ^ 1,))

    yield from _filled(pages, size)


def _discrete(channels: int, streams: int = 1, family: int = 255) -> OpusHead:
    mapping = bytes(channel % streams for channel in range(channels))
    matrix = _noise(2 * streams * channels) if family == 3 else None
    return OpusHead(0, 1, channels, 0, 48000, 0, family, streams, 0, mapping, matrix)


def _joined(streams: int, packet: bytes) -> bytes:
    return (packet[:1] + bytes((len(packet) - 1,)) + packet[1:]) * (streams - 1) + packet


def _body(make: Callable[..., Iterator[bytes]], *arguments: object) -> Callable[[int], bytes]:
    return lambda size: b"".join(make(*arguments, size))[:size]


def _repeated(pattern: bytes) -> Callable[[int], bytes]:
    return lambda size: pattern * (size // len(pattern))


def _pages(head: OpusHead | None, *packets: bytes) -> Callable[[int], bytes]:
    """Pages of the same packets, after headers or all of them beginning a stream."""

    def make(size: int) -> bytes:
        if head is None:
            return b"".join(_filled(lambda number: PageWriter(number).page(packets, 0, bos=True), size))
        writer, start = _started(head)
        return start + b"".join(_filled(lambda _: writer.page(packets, -1), size))

    return make


_TAGS = b"OpusTags" + bytes(4) + struct.pack("<I", 1000) + bytes(4000)
_MANY = _discrete(255, 255)
_MATRIX = _discrete(255, 10, 3)

BODIES: dict[str, Callable[[int], bytes]] = {
    "DTX, hybrid": _body(_packets, MONO, bytes((HYBRID,)), 960),
    "DTX, hybrid, stereo": _body(_packets, STEREO, bytes((HYBRID | _STEREO,)), 960),
    "DTX, hybrid, stereo, loud": _body(_packets, LOUD, bytes((HYBRID | _STEREO,)), 960),
    "DTX, SILK, 60 ms": _body(_packets, STEREO, bytes((SILK | _STEREO,)), 2880),
    "120 ms in 2 bytes": _body(_packets, STEREO, bytes((HYBRID | _STEREO | 3, 6)), 5760),
    "48 frames in 2 bytes": _body(_packets, STEREO, bytes((SHORT | _STEREO | 3, 48)), 5760),
    "2.5 ms a byte": _body(_packets, STEREO, bytes((SHORT | _STEREO,)), 120),
    "loud noise": _body(_packets, LOUD, bytes((CELT | _STEREO,)) + b"\x81\x42", 960),
    "255 channels of one stream": _body(_packets, _discrete(255), bytes((CELT | 3, 6)), 5760),
    "255 streams": _body(_packets, _MANY, _joined(255, bytes((CELT, 7))), 960),
    "gaps, hybrid": _body(_gaps, STEREO, bytes((HYBRID | _STEREO,)) + _noise(10)),
    "gaps, CELT": _body(_gaps, STEREO, bytes((CELT | _STEREO,)) + _noise(3)),
    "gaps, 255 channels": _body(_gaps, _discrete(255), bytes((CELT,)) + _noise(3)),
    "pages withdrawn": _body(_withdrawn, STEREO, bytes((HYBRID | _STEREO | 3, 6))),
    "pages withdrawn, 255 streams": _body(_withdrawn, _MANY, _joined(255, bytes((CELT,)))),
    "links": _body(_links, MONO, bytes((CELT,)), b""),
    "links of 255 channels": _body(_links, _discrete(255), bytes((CELT, 7)), b""),
    "links of 255 streams": _body(_links, _MANY, _joined(255, bytes((CELT,))), b""),
    "links with a matrix": _body(_links, _MATRIX, _joined(10, bytes((CELT,))), b""),
    "links with 1000 comments": _body(_links, MONO, bytes((CELT,)), _TAGS),
    "false captures of 7 bytes": _repeated(b"OggS\0\xff\xff"),
    "false captures of 9 bytes": _repeated(b"OggS\0\xff\xff\xff\xff"),
    "capture patterns": _repeated(b"OggS"),
    "nil pages": _pages(MONO),
    "pages of empty packets": _pages(MONO, *[b""] * 255),
    "pages of malformed packets": _pages(MONO, *[b"\xff\xff"] * 127),
    "packets that never end": _pages(MONO, bytes(60000)),
    "streams that begin": _pages(None, b"x"),
    "streams of Opus that begin": _pages(None, bytes(MONO)),
    "brackets of JSON": lambda size: b'{"error":' + b"[" * (size - 9),
    "lines of an event": lambda size: b"data:a\n" * (size // 7),
    "objects in an event": lambda size: b'data: {"a":[' + b"{}," * (size // 3 - 10) + b"{}]}\n\n",
    "lines of JSON": lambda size: b"{}\n" * (size // 3),
    "quotes in JSON": lambda size: b'{"audio":"' + b'\\"' * (size // 2 - 9),
    "zeros, compressed": lambda size: gzip.compress(bytes(size * 500)),
    "noise": _noise,
}
