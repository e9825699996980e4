"""Packets back into an Ogg Opus stream, for those who want a body and not packets: browsers, files, other players."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .head import OpusHead
from .opus_writer import OggOpusWriter
from .tags import OpusTags

if TYPE_CHECKING:
    from .items import AudioPacket

VENDOR = "oggstream"
SILENT_SAMPLES = 960
_STEREO = 0x04  # in the first byte of a packet (RFC 6716 section 3.1)
_SILENT_PACKET = {1: b"\xf8\xff\xfe", 2: b"\xfc\xff\xfe"}  # 20 ms of CELT with its silence flag (section 4.3)


class Remuxer:
    """`AudioPacket` to pages of Ogg Opus (RFC 7845), bit for bit: nothing is decoded or encoded.

    Each run of packets with a pre-skip or an end trim of its own, as the pieces of a long text are, becomes a link of a
    chained stream with a serial number of its own, so that what is heard is the same to the sample. With ``one_link``
    the runs of one number of channels share a link: players show how long the whole is, and can seek in it. A packet of
    silence between two of them brings the decoder to the state that an encoder begins in. With it, the trims at the
    joint are heard too: 26 to 47 ms of silence.

    ``packets_per_page``: a page leaves with so many packets and as soon as one more is there; 1 is the lowest latency,
    at 28 bytes a packet. The packets have one or two channels, as speech has. ``serial`` is the first link's, the next
    ones count up from it.
    """

    def __init__(self, packets_per_page: int = 1, *, one_link: bool = False, serial: int = 1) -> None:
        self._packets_per_page = packets_per_page
        self._one_link = one_link
        self._serial = serial
        self.tags = OpusTags(VENDOR)
        """Of the next link."""
        self._given: OpusHead | None = None  # that of the next link
        self._writer: OggOpusWriter | None = None
        self._skipped: list[AudioPacket] = []  # wholly trimmed ones at the front of a link, whose pre-skip is not whole
        self._trim = 0  # of the last packet
        self._between = False  # two runs, in a link that goes on
        self._beginning = False  # a run, of which nothing has been heard yet

    @property
    def head(self) -> OpusHead | None:
        """That of the link at hand, if there is one."""
        return self._writer.head if self._writer is not None else None

    @property
    def trim(self) -> int:
        """How many samples of the last packet are not to be heard, if no other follows."""
        return self._trim

    def begin(self, head: OpusHead) -> bytes:
        """What follows has this head, but for serial number and pre-skip; returns the end of a link that cannot be its.

        ``tags`` may be set before its first packet.
        """
        pages = b"" if self._writer is not None and can_share(self._writer.head, head) else self.finish()
        self._given = head
        return pages

    def resume(self, head: OpusHead, sequence: int, granule: int) -> None:
        """Go on with a link of family 0 that is written up to the page before ``sequence`` and up to ``granule``."""
        self._writer = OggOpusWriter(head, self.tags, self._packets_per_page, sequence=sequence, granule=granule)
        self._given, self._between = head, True

    def silence(self, packets: int) -> bytes:
        """Write so many packets of silence, of 20 ms, into the link at hand, if there is one of family 0."""
        if self._writer is None or self._writer.head.mapping_family:
            return b""
        self._trim = 0
        silent = _SILENT_PACKET[self._writer.head.channels]
        return b"".join(self._writer.write(silent, SILENT_SAMPLES) for _ in range(packets))

    def take(self, packet: AudioPacket) -> bytes:
        """The pages that ``packet`` completes; often none."""
        if packet.samples == packet.trim_end:  # the end of a link that nobody hears
            return b""
        pages = self._turn(packet)
        if packet.trim_start == packet.samples and self._writer is None:
            self._skipped.append(packet)
            return pages
        pages += self._headers(packet) + self._write(packet)
        return pages + self.finish() if packet.trim_end and not self._one_link else pages

    def flush(self) -> bytes:
        """The page of the packets so far, for those who wait. A packet that is trimmed at its end stays back."""
        return b"" if self._writer is None or self._trim else self._writer.flush()

    def _turn(self, packet: AudioPacket) -> bytes:
        """Where ``packet`` begins another run: what joins it to the one before, or ends that."""
        begins = self._trim or self._between or (packet.trim_start and not self._beginning)
        self._beginning = packet.trim_start == packet.samples
        self._between = False
        if self._writer is None or not begins:
            return b""
        if self._one_link and (self._given or _channels(packet) <= self._writer.head.channels):
            self._given = None
            return self.silence(1)
        return self.finish()

    def finish(self) -> bytes:
        """The last page. The next packet begins a new link."""
        writer, self._writer = self._writer, None
        trim, self._trim = self._trim, 0
        self._skipped = []
        return writer.finish(trim_end=trim) if writer is not None else b""

    def _headers(self, packet: AudioPacket) -> bytes:
        """The first pages of a link, if ``packet`` is its first one to be heard."""
        if self._writer is not None:
            return b""
        skipped, self._skipped = self._skipped, []
        head, self._given = self._given or OpusHead.simple(_channels(packet), 0), None
        pre_skip = sum(before.samples for before in skipped) + packet.trim_start
        head = head._replace(pre_skip=pre_skip, serial=self._serial)
        self._serial = (self._serial + 1) & 0xFFFFFFFF
        self._writer = OggOpusWriter(head, self.tags, self._packets_per_page)
        return self._writer.headers() + b"".join(map(self._write, skipped))

    def _write(self, packet: AudioPacket) -> bytes:
        assert self._writer is not None
        self._trim = packet.trim_end
        return self._writer.write(packet.data, packet.samples)


def can_share(head: OpusHead, following: OpusHead) -> bool:
    """Whether packets made for ``following`` are decoded in the same way behind ``head``, so that one link may do."""
    kinds = [(each.mapping_family, each.channels, each.output_gain) for each in (head, following)]
    return kinds[0] == kinds[1] and not head.mapping_family


def _channels(packet: AudioPacket) -> int:
    return 2 if packet.data[0] & _STEREO else 1
