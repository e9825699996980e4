"""Packets back into an Ogg Opus stream, for those who want a body and not packets: browsers, files, other players."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from .head import OpusHead
from .opus_writer import OggOpusWriter
from .tags import OpusTags

if TYPE_CHECKING:
    from .items import AudioPacket

VENDOR = "oggstream"
_STEREO = 0x04  # in the first byte of a packet (RFC 6716 section 3.1)


class Remuxer:
    """`AudioPacket` to pages of Ogg Opus (RFC 7845), bit for bit: nothing is decoded or encoded.

    Each run of packets with a pre-skip or an end trim of its own, as the pieces of a long text are, becomes a link of a
    chained stream, so that what is heard is the same to the sample. ``packets_per_page``: a page leaves with so many
    packets and as soon as one more is there; 1 is the lowest latency, at 28 bytes a packet. The packets have one or two
    channels, as speech has.
    """

    def __init__(self, packets_per_page: int = 1) -> None:
        self._packets_per_page = packets_per_page
        self._serials = count(1)
        self._writer: OggOpusWriter | None = None
        self._skipped: list[AudioPacket] = []  # wholly trimmed ones at the front of a link, whose pre-skip is not whole
        self._heard = 0  # samples of the link

    def take(self, packet: AudioPacket) -> bytes:
        """The pages that ``packet`` completes; often none."""
        if packet.samples == packet.trim_end:  # the end of a link that nobody hears
            return b""
        pages = b""
        if packet.trim_start and self._writer is not None:
            pages = self.finish()
        if packet.trim_start == packet.samples:
            self._skipped.append(packet)
            return pages
        pages += self._headers(packet) + self._write(packet)
        return pages + self.finish() if packet.trim_end else pages

    def finish(self) -> bytes:
        """The last page. The next packet begins a new link."""
        writer, self._writer = self._writer, None
        self._skipped = []
        return writer.finish(self._heard) if writer is not None else b""

    def _headers(self, packet: AudioPacket) -> bytes:
        """The first pages of a link, if ``packet`` is its first one to be heard."""
        if self._writer is not None:
            return b""
        skipped, self._skipped = self._skipped, []
        channels = 2 if packet.data[0] & _STEREO else 1
        pre_skip = sum(before.samples for before in skipped) + packet.trim_start
        head = OpusHead.simple(channels, pre_skip, serial=next(self._serials))
        self._writer = OggOpusWriter(head, OpusTags(VENDOR), self._packets_per_page)
        self._heard = 0
        return self._writer.headers() + b"".join(map(self._write, skipped))

    def _write(self, packet: AudioPacket) -> bytes:
        assert self._writer is not None
        self._heard += packet.samples - packet.trim_start - packet.trim_end
        return self._writer.write(packet.data, packet.samples)
