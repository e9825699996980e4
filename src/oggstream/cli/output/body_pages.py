"""The pages of a body as ``inspect`` shows them: plain dictionaries, damaged pages among them."""

from __future__ import annotations

from struct import Struct
from typing import Any, NamedTuple

from ...errors import FormatError
from ...ogg.packet import PacketReader
from ...ogg.page import BAD_CHECKSUM, BOS, CAPTURE, CONTINUED, EOS, Page, PageReader, Skipped
from ...opus.head import MAGIC as HEAD_MAGIC, OpusHead
from ...opus.links import LinkFinder
from ...opus.tags import MAGIC as TAGS_MAGIC
from ...opus.toc import multistream_samples, packet_info
from ...sniff import ogg_codec

RATE = 48000
_HEADER = Struct("<4xBBqII4sB")  # version, flags, granule position, serial number, page number, checksum, segments
_SHORT = 4  # bytes of packets that are described once only: a body may have one for every two bytes
_FLAGS = ((CONTINUED, "continued"), (BOS, "bos"), (EOS, "eos"))

Entry = dict[str, Any]


class Layout(NamedTuple):
    """``pages`` in their order, those with a wrong checksum included, and ``damage``: stretches that are not pages."""

    pages: list[Entry]
    damage: list[Entry]


def lay_out(body: bytes) -> Layout:
    """Take a body apart. Never raises."""
    layout = Layout([], [])
    streams: dict[int, _Stream] = {}
    reader = PageReader()
    links = _LinkNumbers()
    for part in reader.feed(body) + reader.finish():
        if isinstance(part, Skipped):
            layout.damage.append({"offset": part.offset, "bytes": part.size, "reason": part.reason})
            layout.pages.extend(_claims(body, part))
            continue
        if part.bos or part.serial not in streams:
            streams[part.serial] = _Stream(part)
        layout.pages.append(streams[part.serial].take(part, links.number(part), body))
    return layout


class _LinkNumbers:
    """Counts the links as the reader does, those without audio included."""

    def __init__(self) -> None:
        self._finder = LinkFinder()
        self._link: object = None
        self._count = 0

    def number(self, page: Page) -> int | None:
        """The number (from 1) of the link that plays this page, None if none does."""
        link = self._finder.find(page, 0)
        if link is None:
            return None
        if link is not self._link:
            self._link = link
            self._count += 1
        return self._count


class _Stream:
    """One logical stream, from its first page on."""

    def __init__(self, page: Page) -> None:
        self._codec = ogg_codec(page.body) if page.bos else None
        self._reader = PacketReader(page.number)
        self._reached = -1
        self._streams = 1  # Opus streams in a packet
        self._packets = 0
        self._short: dict[bytes, Entry] = {}  # what was made of short packets of audio

    def take(self, page: Page, link: int | None, body: bytes) -> Entry:
        """Describe a page of ``body`` and the packets that end on it."""
        found = self._reader.feed(page, self._reached)
        entry = {
            "offset": page.offset,
            "bytes": page.size,
            "serial": page.serial,
            "sequence": page.number,
            "granule": page.granule,
            "flags": _flags(page.flags),
            "crc": "ok",
            "checksum": _checksum(body, page.offset),
            "link": link,
            "codec": self._codec,
            "repeated": found is None,
            "gap": found.gap if found else None,
            "packets": [self._describe(packet, page) for packet in found.packets] if found else [],
        }
        if found:
            self._reached = max(self._reached, page.granule)
        return entry

    def _describe(self, packet: bytes, page: Page) -> Entry:
        self._packets += 1
        if self._codec != "Opus":
            return {"bytes": len(packet), "kind": "other"}
        if self._packets == 1 and packet.startswith(HEAD_MAGIC):
            self._note_streams(packet)
            return {"bytes": len(packet), "kind": "head"}
        # As the reader has it: the second packet is the tags, damaged or not, if its page has granule position 0.
        if self._packets == 2 and (packet.startswith(TAGS_MAGIC) or page.granule == 0):
            return {"bytes": len(packet), "kind": "tags"}
        if len(packet) > _SHORT:
            return self._describe_audio(packet)
        if packet not in self._short:
            self._short[packet] = self._describe_audio(packet)
        return self._short[packet]

    def _note_streams(self, packet: bytes) -> None:
        try:
            self._streams = OpusHead.parse(packet).streams
        except FormatError:
            self._codec = "Opus, not playable"

    def _describe_audio(self, packet: bytes) -> Entry:
        samples = multistream_samples(packet, self._streams)
        if not samples:
            return {"bytes": len(packet), "kind": "bad", "problem": _problem(packet, self._streams)}
        # The TOC byte of the first stream; with code 0 it is a packet by itself, whatever follows.
        info = packet_info(bytes([packet[0] & 0xFC]))
        return {
            "bytes": len(packet),
            "kind": "audio",
            "mode": info.mode,
            "bandwidth": info.bandwidth,
            "channels": 2 if info.stereo else 1,
            "frames": samples // info.frame_samples,
            "samples": samples,
            "duration": samples / RATE,
        }


def _problem(packet: bytes, streams: int) -> str:
    if streams > 1:
        return f"not {streams} packets of one duration"
    try:
        packet_info(packet)
    except FormatError as error:
        return str(error)
    return ""


def _claims(body: bytes, damage: Skipped) -> list[Entry]:
    """What looks like pages in a damaged stretch: what they say of themselves, whether true or not."""
    entries = []
    end = damage.offset + damage.size
    at = body.find(CAPTURE, damage.offset, end)
    while at >= 0 and at + _HEADER.size <= len(body):
        version, flags, granule, serial, number, _, segments = _HEADER.unpack_from(body, at)
        table = at + _HEADER.size
        size = _HEADER.size + segments + sum(body[table : table + segments])
        crc = damage.reason if damage.reason != BAD_CHECKSUM and at == damage.offset else "bad"
        if version == 0:
            entries.append(
                {
                    "offset": at,
                    "bytes": size,
                    "serial": serial,
                    "sequence": number,
                    "granule": granule,
                    "flags": _flags(flags),
                    "crc": "cut" if at + size > len(body) else crc,
                    "checksum": _checksum(body, at),
                    "link": None,
                    "codec": None,
                    "repeated": False,
                    "gap": None,
                    "packets": [],
                }
            )
        at = body.find(CAPTURE, at + len(CAPTURE), end)
    return entries


def _checksum(body: bytes, at: int) -> str:
    """That of the page at ``at`` as it stands there."""
    return f"{int.from_bytes(body[at + 22 : at + 26], 'little'):08x}"


def _flags(flags: int) -> list[str]:
    return [name for bit, name in _FLAGS if flags & bit]
