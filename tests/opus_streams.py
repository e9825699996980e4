"""Small Opus streams for tests: tones, encoded and laid out as a test needs them."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING

from oggstream.codec.encoder import OpusEncoder
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_writer import OggOpusWriter
from oggstream.opus.tags import OpusTags

if TYPE_CHECKING:
    from oggstream.opus.head import OpusHead


def tone(frequency: float, seconds: float = 0.2, *, level: float = 0.3, rate: int = 48000, channels: int = 1) -> bytes:
    """A sine as float32; each further channel has an octave more."""
    values = (
        level * math.sin(2 * math.pi * frequency * 2**channel * sample / rate)
        for sample in range(round(seconds * rate))
        for channel in range(channels)
    )
    return array("f", values).tobytes()


def packets_of(pcm: bytes, encoder: OpusEncoder) -> list[bytes]:
    """The packets of all whole frames of ``pcm``."""
    size = encoder.frame_bytes
    return [encoder.encode(pcm[at : at + size]) for at in range(0, len(pcm) - size + 1, size)]


def tone_packets(frequency: float = 440, seconds: float = 0.2, *, level: float = 0.3, channels: int = 1) -> list[bytes]:
    """Packets of 20 ms of a `tone`."""
    encoder = OpusEncoder(48000, channels, sample="float32")
    return packets_of(tone(frequency, seconds, level=level, channels=channels), encoder)


def placed(
    packets: Sequence[bytes], *, position: int = 0, samples: int = 960, skip: int = 0, cut: int = 0
) -> list[AudioPacket]:
    """The packets one behind the other, ``skip`` samples off the first and ``cut`` off the last."""
    out = []
    for number, data in enumerate(packets):
        start = skip if number == 0 else 0
        end = cut if number == len(packets) - 1 else 0
        out.append(AudioPacket(data, position, samples, start, end))
        position += samples - start - end
    return out


def join_streams(packets: Sequence[bytes]) -> bytes:
    """One packet of several streams: all but the last self-delimited (RFC 6716 appendix B). Code 0 packets only."""
    joined = []
    for packet in packets[:-1]:
        size = len(packet) - 1
        length = bytes([size]) if size < 252 else bytes([252 + size % 4, (size - 252 - size % 4) // 4])
        joined.append(packet[:1] + length + packet[1:])
    return b"".join(joined) + packets[-1]


def link(packets: Sequence[bytes], head: OpusHead, tags: OpusTags | None = None, *, per_page: int = 5) -> bytes:
    """An Ogg Opus link of 20 ms packets."""
    writer = OggOpusWriter(head, tags or OpusTags("test"), per_page)
    return b"".join([writer.headers(), *(writer.write(packet, 960) for packet in packets), writer.finish()])
