"""Packets made longer, without another sound."""

from __future__ import annotations

import pytest

from oggstream.codec.encoder import OpusEncoder
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket
from oggstream.opus.padding import padded
from oggstream.opus.toc import frame_sizes, packet_samples

PACKETS = {
    "one frame": b"\xf8\xff\xfe",
    "an empty frame": b"\xf8",
    "two equal frames": b"\xf9ab",
    "two frames": b"\xfa\x01abc",
    "equal frames": b"\xfb\x02abcd",
    "frames": b"\xfb\x82\x01abc",
}


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS)
@pytest.mark.parametrize("size", [0, 3, 4, 10, 257, 258, 259, 260, 600, 5000])
def test_a_packet_has_the_same_frames_and_at_least_so_many_bytes(packet: bytes, size: int) -> None:
    longer = padded(packet, size)
    assert size <= len(longer) <= max(len(packet), size + 3)
    assert packet_samples(longer) == packet_samples(packet)
    assert frame_sizes(longer)[0] == frame_sizes(packet)[0]


def test_a_packet_that_is_padded_or_long_enough_stays_as_it_is() -> None:
    longer = padded(PACKETS["one frame"], 100)
    assert padded(longer, 200) == longer
    assert padded(longer, 50) == longer


def decoded(packet: bytes) -> bytes:
    decoder = FrameDecoder()
    decoder.decode(OpusHead.simple(1, 0))
    return decoder.decode(AudioPacket(packet, 0, 960, 0, 0))[0].pcm.tobytes()


def test_the_sound_is_the_same() -> None:
    data = OpusEncoder(48000).encode(b"\x00\x40\x00\xc0" * 480)
    one, other = (decoded(packet) for packet in (data, padded(data, 2000)))
    assert one == other
