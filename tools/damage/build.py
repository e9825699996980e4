"""Builds pages, valid and invalid ones."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from oggstream.codec.decode_body import decode_body
from oggstream.codec.encoder import OpusEncoder
from oggstream.ogg.crc import checksum
from oggstream.opus.head import OpusHead
from oggstream.opus.tags import OpusTags

SPEECH = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "stereo.opus"
CONTINUED, BOS, EOS = 1, 2, 4
SAMPLES = 960  # of a packet of 20 ms
PER_PAGE = 5
PAGE = PER_PAGE * SAMPLES
PACKETS = 60
PRE_SKIP = 312
END = 57312  # granule position of the last page: an end trim of 288 samples
LENGTH = END - PRE_SKIP
WHOLE = PACKETS * SAMPLES - PRE_SKIP  # length without end trim
LAST = END - 11 * PAGE  # samples of the last page after the end trim

HEAD = OpusHead.simple(1, PRE_SKIP, 24000)
TAGS = OpusTags("oggstream", ("TITLE=damage",))


class Case(NamedTuple):
    """One stream of the corpus, and its expected result.

    ``channels`` and ``samples`` per link, separated by commas; ``concealed``: the samples of all holes. ``error`` is
    the class of the refusal, ``says`` a word of its message; both are empty for a stream that is played.
    """

    name: str
    group: str
    what: str
    body: bytes
    links: int = 1
    channels: str = "1"
    samples: str = str(LENGTH)
    holes: int = 0
    concealed: int = 0
    bad_packets: int = 0
    error: str = ""
    says: str = ""


def page(
    *packets: bytes, number: int = 0, granule: int = 0, serial: int = 1, flags: int = 0, version: int = 0
) -> bytes:
    """Return a page of whole packets, with a valid checksum."""
    lacing = b"".join(b"\xff" * (len(packet) // 255) + bytes((len(packet) % 255,)) for packet in packets)
    return raw_page(
        lacing, b"".join(packets), number=number, granule=granule, serial=serial, flags=flags, version=version
    )


def raw_page(
    lacing: bytes, body: bytes, *, number: int = 0, granule: int = 0, serial: int = 1, flags: int = 0, version: int = 0
) -> bytes:
    """Return a page of any segments, with a valid checksum."""
    header = struct.pack("<4sBBqIIIB", b"OggS", version, flags, granule, serial, number, 0, len(lacing))
    return resealed(header + lacing + body)


def resealed(data: bytes) -> bytes:
    """Return the page with a corrected checksum."""
    blank = data[:22] + bytes(4) + data[26:]
    return blank[:22] + struct.pack("<I", checksum(blank)) + blank[26:]


def damaged(data: bytes, at: int = -1) -> bytes:
    """Return the bytes with one bit flipped."""
    copy = bytearray(data)
    copy[at] ^= 0x10
    return bytes(copy)


class _Memory:
    def __init__(self) -> None:
        self.data = b""

    def open(self, _channels: int, _mask: int | None) -> _Memory:
        return self

    def write(self, samples: object) -> None:
        self.data += bytes(samples)  # type: ignore[call-overload]

    def close(self) -> None:
        """Keep the bytes."""


@cache
def pcm(channels: int) -> bytes:
    """Return the 16-bit speech of another fixture at 24 kHz, three times in a row."""
    memory = _Memory()
    decode_body([SPEECH.read_bytes()], memory.open, rate=24000, channels=channels)
    return memory.data * 3


@cache
def packets(count: int = PACKETS, channels: int = 1, bitrate: int = 14000, application: str = "voip") -> list[bytes]:
    """Return that many packets of 20 ms of speech."""
    encoder = OpusEncoder(24000, channels, bitrate=bitrate, application=application)
    size = encoder.frame_bytes
    return [encoder.encode(pcm(channels)[at * size : (at + 1) * size]) for at in range(count)]


def link(
    parts: Sequence[bytes] | None = None,
    *,
    head: OpusHead = HEAD,
    serial: int = 1,
    end: int | None = None,
    eos: bool = True,
    samples: int = SAMPLES,
    per_page: int = PER_PAGE,
) -> list[bytes]:
    """Return the pages of a link: two of headers, then audio; ``end`` is the last granule position."""
    parts = packets() if parts is None else parts
    if end is None:
        end = END if len(parts) == PACKETS else len(parts) * samples
    pages = [page(bytes(head), serial=serial, flags=BOS), page(bytes(TAGS), number=1, serial=serial)]
    for at in range(0, len(parts), per_page):
        last = at + per_page >= len(parts)
        granule = end if last else (at + per_page) * samples
        flags = EOS if last and eos else 0
        pages.append(page(*parts[at : at + per_page], number=len(pages), granule=granule, serial=serial, flags=flags))
    return pages


def spread(parts: Sequence[bytes], segments: int, *, end: int) -> list[bytes]:
    """Return pages of so many segments each, with packets that span pages; the last one ends at ``end``."""
    lacing = b"".join(b"\xff" * (len(part) // 255) + bytes((len(part) % 255,)) for part in parts)
    body = b"".join(parts)
    pages: list[bytes] = []
    granule = 0
    for at in range(0, len(lacing), segments):
        table = lacing[at : at + segments]
        ends = sum(value < 255 for value in table)
        granule += ends * SAMPLES
        last = at + segments >= len(lacing)
        flags = (CONTINUED if at and lacing[at - 1] == 255 else 0) | (EOS if last else 0)
        position = end if last else granule if ends else -1
        pages.append(raw_page(table, body[: sum(table)], number=2 + len(pages), granule=position, flags=flags))
        body = body[sum(table) :]
    return pages


CASES: list[Callable[[], list[Case]]] = []


def cases(make: Callable[[], list[Case]]) -> Callable[[], list[Case]]:
    """Add the streams of ``make`` to the corpus."""
    CASES.append(make)
    return make
