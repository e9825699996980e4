"""Whatever a body holds, as packets that need no head: one stream of one or two channels, without a gain."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...audio.frame import PcmFrame
from ...codec.recode import PacketMaker
from ...opus.head import OpusHead
from ...opus.items import AudioPacket, Hole
from .live_item import SILENT_PACKET, concealing

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem
    from ...codec.frame_decoder import FrameDecoder

MOST_CONCEALED = 96000
"""Samples made up for one gap: what is longer is heard as a pause in any case."""


class PlainPackets:
    """The items of one body after the other to packets.

    Packets of Opus pass as they are, unless their head says more than they do themselves (several streams, a gain):
    then they are decoded, and encoded as samples are. A gap becomes packets that a decoder conceals. What was given
    stays given: the packets of a page that is withdrawn, and read again, are not repeated.

    Raises what `FrameDecoder` and `PacketMaker` raise.
    """

    def __init__(self) -> None:
        self._made = PacketMaker()
        self._decoder: FrameDecoder | None = None  # of a body whose packets are not plain
        self._body: int | None = None
        self._runs = 0  # of samples to encode
        self._end = 0  # position in the body up to which packets were given
        self._toc = SILENT_PACKET[0]

    def take(self, body: int, item: BodyItem) -> list[AudioPacket]:
        """The packets that ``item`` of the body of that number completes. Their positions mean nothing."""
        packets: list[AudioPacket] = []
        if body != self._body:
            packets = self.finish()
            self._body, self._end = body, 0
        if isinstance(item, OpusHead):
            packets += self.finish()
            self._decoder = _decoder_for(item)
        if isinstance(item, PcmFrame):
            packets += self._made.take(self._runs, item)
        elif isinstance(item, AudioPacket) and item.position >= self._end:
            packets += self._passed(item, item.position - self._end)
            self._end = item.position + item.samples - item.trim_start - item.trim_end
        return packets

    def _passed(self, packet: AudioPacket, missing: int) -> list[AudioPacket]:
        """``packet`` behind a gap of so many samples, most often none."""
        if self._decoder is None:
            gap = self.gap(missing)
            self._toc = packet.data[0]
            return [*gap, packet]
        frames = self._decoder.decode(Hole(0, 0, self._end, min(missing, MOST_CONCEALED), "")) if missing else []
        return self._encoded([*frames, *self._decoder.decode(packet)])

    def gap(self, samples: int) -> list[AudioPacket]:
        """Packets in place of ``samples`` that are missing, as many as fit."""
        data, length = concealing(self._toc)
        return [AudioPacket(data, 0, length, 0, 0)] * (min(samples, MOST_CONCEALED) // length)

    def finish(self) -> list[AudioPacket]:
        """What is left of samples; those that follow are encoded anew."""
        decoder, self._decoder = self._decoder, None
        packets = self._encoded(decoder.finish()) if decoder is not None else []
        packets += self._made.finish()
        self._runs += 1
        return packets

    def _encoded(self, frames: list[PcmFrame]) -> list[AudioPacket]:
        return [packet for frame in frames for packet in self._made.take(self._runs, frame)]


def _decoder_for(head: OpusHead) -> FrameDecoder | None:
    """What decodes the packets behind ``head``; None if they need no head."""
    if head.streams == 1 and head.channels <= 2 and not head.output_gain and head.demixing is None:
        return None
    from ...codec.frame_decoder import FrameDecoder

    decoder = FrameDecoder(soft_clip=True)
    decoder.decode(head)
    return decoder
