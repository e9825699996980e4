"""Bodies of all kinds as packets that need no head."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from oggstream.audio.frame import PcmFrame
from oggstream.body.body_reader import BodyItem, BodyReader
from oggstream.codec.encoder import OpusEncoder
from oggstream.codec.frame_decoder import FrameDecoder
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket, Hole, PageBegun, PageSettled, PageWithdrawn
from oggstream.sinks.live.plain_packets import MOST_CONCEALED, PlainPackets
from opus_streams import join_streams, packets_of, placed, tone, tone_packets

FIXTURES = Path(__file__).parent / "fixtures"
Pcm = np.ndarray[tuple[int, int], np.dtype[np.float32]]


def taken(items: Sequence[BodyItem], plain: PlainPackets | None = None, body: int = 0) -> list[AudioPacket]:
    plain = plain or PlainPackets()
    return [*(packet for item in items for packet in plain.take(body, item)), *plain.finish()]


def heard(packets: Sequence[AudioPacket]) -> int:
    return sum(packet.samples - packet.trim_start - packet.trim_end for packet in packets)


def sound_of(packets: Sequence[AudioPacket]) -> Pcm:
    """What a decoder that knows no head makes of the packets."""
    decoder = FrameDecoder()
    frames = decoder.decode(OpusHead.simple(2, 0))
    for packet in packets:
        frames += decoder.decode(packet)
    return np.concatenate([np.asarray(frame.pcm) for frame in frames])


def level(pcm: Pcm) -> list[float]:
    return [float(value) for value in np.sqrt(np.square(pcm[4800:-4800]).mean(axis=0))]


def read(name: str) -> list[BodyItem]:
    reader = BodyReader()
    return [*reader.feed((FIXTURES / name).read_bytes()), *reader.finish()]


@pytest.mark.parametrize("name", ["generation_a.opus", "generation_b.opus", "chained.opus", "stereo.opus"])
def test_packets_of_opus_are_the_very_same(name: str) -> None:
    items = read(name)
    packets = [item for item in items if isinstance(item, AudioPacket)]
    assert all(one is other for one, other in zip(taken(items), packets, strict=True))


@pytest.mark.parametrize(("channels", "rate"), [(1, 48000), (2, 24000), (6, 48000), (1, 22050)])
def test_samples_are_encoded_and_as_long_as_they_were(channels: int, rate: int) -> None:
    values = np.sin(np.arange(rate) * 2764.6 / rate).astype(np.float32)[:, None].repeat(channels, axis=1) * 0.2
    frames = [PcmFrame(values[at : at + 777], at, rate) for at in range(0, len(values), 777)]
    packets = taken(frames)
    assert heard(packets) == 48000
    assert {packet.samples for packet in packets} == {960}
    assert level(sound_of(packets))[0] > 0.1


def test_several_streams_become_one_of_stereo() -> None:
    head = OpusHead(0, 1, 4, 312, 48000, 0, 255, 4, 0, bytes(range(4)))
    streams = [tone_packets(frequency, 1.0) for frequency in (300, 500, 700, 900)]
    body = placed([join_streams(each) for each in zip(*streams, strict=True)], skip=312)
    packets = taken([head, *body])
    assert heard(packets) == heard(body)
    assert all(packet.data[0] & 4 for packet in packets)
    assert min(level(sound_of(packets))) > 0.05


@pytest.mark.parametrize("gain", [-1536, 1536])  # 6 dB
def test_a_gain_in_the_head_is_applied(gain: int) -> None:
    body = placed(tone_packets(440, 1.0, level=0.2), skip=312)
    as_it_is = taken([OpusHead.simple(1, 312), *body])
    packets = taken([OpusHead.simple(1, 312, output_gain=gain), *body])
    assert heard(packets) == heard(as_it_is) == heard(body)
    louder = level(sound_of(packets))[0] / level(sound_of(as_it_is))[0]
    assert louder == pytest.approx(10 ** (gain / 256 / 20), rel=0.05)


def test_heads_may_change_from_link_to_link_and_from_body_to_body() -> None:
    first, second = placed(tone_packets(440, 0.5)), placed(tone_packets(440, 0.5), position=24000)
    plain, loud = OpusHead.simple(1, 0), OpusHead.simple(1, 0, output_gain=512)
    frames = [PcmFrame(np.zeros((24000, 1), np.float32), 0, 48000)]
    maker = PlainPackets()
    packets: list[AudioPacket] = []
    bodies: list[list[BodyItem]] = [
        [plain, *first, loud, *second],
        [loud, *first, plain, *second],
        [*frames],
        [plain, *first],
    ]
    for number, body in enumerate(bodies):
        packets += [packet for item in body for packet in maker.take(number, item)]
    assert heard([*packets, *maker.finish()]) == 6 * 24000


def test_a_hole_becomes_packets_that_are_concealed() -> None:
    first, second = tone_packets(440, 0.5), tone_packets(440, 0.5)
    hole = Hole(0, 0, 24000, 4800, "lost page")
    packets = taken([OpusHead.simple(1, 0), *placed(first), hole, *placed(second, position=28800)])
    assert heard(packets) == 52800
    made_up = packets[25:30]
    assert [packet.data for packet in made_up] == [bytes([first[-1][0] & 0xFC])] * 5
    assert np.abs(sound_of(packets)[24000:24480]).max() > 0.1


def test_a_hole_in_several_streams_is_concealed_before_it_is_encoded() -> None:
    head = OpusHead(0, 1, 2, 0, 48000, 256, 255, 2, 0, bytes(range(2)))
    body = [join_streams([each, each]) for each in tone_packets(440, 0.5)]
    packets = taken([head, *placed(body), *placed(body, position=28800)])
    assert heard(packets) == 52800


def test_a_gap_of_any_length_has_a_bound() -> None:
    body = [*placed(tone_packets(seconds=0.1)), *placed(tone_packets(seconds=0.1), position=1 << 40)]
    packets = taken([OpusHead.simple(1, 0), *body])
    assert heard(packets) == 2 * 4800 + MOST_CONCEALED


def test_what_was_given_of_a_page_that_is_withdrawn_is_not_repeated() -> None:
    body = placed(tone_packets(440, 0.4))
    early: list[BodyItem] = [PageBegun(), *body[10:15], PageWithdrawn(body[10].position)]
    hole = Hole(0, 0, body[10].position, 4 * 960, "damaged page")
    packets = taken([OpusHead.simple(1, 0), *body[:10], *early, hole, *body[14:], PageSettled()])
    assert heard(packets) == 20 * 960
    assert packets == body


def test_the_items_of_a_damaged_body_are_as_long_as_they_sound() -> None:
    reader = BodyReader()
    data = bytearray((FIXTURES / "generation_a.opus").read_bytes())
    data[len(data) // 2] ^= 1
    items = [*reader.feed(bytes(data)), *reader.finish()]
    assert any(isinstance(item, Hole) for item in items)
    decoder = FrameDecoder()
    frames = [frame for item in items for frame in decoder.decode(item)]
    sounding = sum(len(frame.pcm) for frame in frames)
    assert heard(taken(items)) == pytest.approx(sounding, abs=960)


def test_stereo_passes() -> None:
    encoder = OpusEncoder(48000, 2, sample="float32")
    body = placed(packets_of(tone(440, 0.2, channels=2), encoder))
    assert taken([OpusHead.simple(2, 0), *body]) == body
