from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket, Item
from oggstream.opus.opus_reader import OpusReader
from oggstream.opus.remux import Remuxer
from scripted import spoken

FIXTURES = Path(__file__).parent / "fixtures"
LONG = bytes([0xFC]) * 40  # the first byte of a packet says stereo and 20 ms


def items(body: bytes) -> list[Item]:
    reader = OpusReader()
    return [*reader.feed(body), *reader.finish()]


def packets(body: bytes) -> list[AudioPacket]:
    return [item for item in items(body) if isinstance(item, AudioPacket)]


def remuxed(taken: list[AudioPacket], per_page: int = 1) -> bytes:
    remuxer = Remuxer(per_page)
    return b"".join([*map(remuxer.take, taken), remuxer.finish()])


@pytest.mark.parametrize("per_page", [1, 3, 50])
@pytest.mark.parametrize(
    "name", ["generation_a.opus", "generation_b.opus", "chained.opus", "stereo.opus", "restart.opus"]
)
def test_what_comes_out_is_what_went_in(name: str, per_page: int) -> None:
    before = packets((FIXTURES / name).read_bytes())
    after = packets(remuxed(before, per_page))
    kept = [packet for packet in before if packet.trim_end < packet.samples]
    assert after == kept


def test_pieces_of_a_text_become_links_that_are_exact_to_the_sample() -> None:
    first = packets(spoken(1.0))
    second = [packet._replace(position=packet.position + 48000) for packet in packets(spoken(0.51))]
    assert packets(remuxed([*first, *second])) == first + second


def test_a_page_leaves_when_the_next_packet_is_there() -> None:
    first, second, third, *_ = packets(spoken(1.0))
    remuxer = Remuxer()
    headers = remuxer.take(first)
    assert headers.count(b"OggS") == 2
    assert first.data in remuxer.take(second)
    assert second.data in remuxer.take(third)
    assert third.data in remuxer.finish()


def test_nothing_gives_nothing() -> None:
    assert remuxed([]) == b""
    assert remuxed([AudioPacket(LONG, 0, 960, 960, 0)]) == b""


def test_a_pre_skip_of_several_packets_is_one() -> None:
    taken = [AudioPacket(LONG, 0, 960, 960, 0), AudioPacket(LONG, 0, 960, 40, 0), AudioPacket(LONG, 920, 960, 0, 900)]
    body = remuxed(taken)
    assert packets(body) == taken
    head = items(body)[0]
    assert (head.pre_skip, head.channels) == (1000, 2)  # type: ignore[union-attr]


@given(st.lists(st.tuples(st.integers(0, 4), st.sampled_from([0, 0, 1, 312, 960]), st.sampled_from([0, 0, 7, 960]))))
def test_any_trims_are_kept_packet_by_packet(links: list[tuple[int, int, int]]) -> None:
    taken = []
    for middle, start, end in links:
        taken += [AudioPacket(LONG, 0, 960, start, 0), *[AudioPacket(LONG, 0, 960, 0, 0)] * middle]
        taken.append(AudioPacket(LONG, 0, 960, 0, end))
    after = packets(remuxed(taken)) if heard(taken) else []
    assert heard(after) == heard(taken)


def heard(taken: list[AudioPacket]) -> list[int]:
    """What is heard of each packet, of those of which anything is."""
    return [left for p in taken if (left := p.samples - p.trim_start - p.trim_end)]


def test_what_nobody_hears_begins_no_link() -> None:
    taken = [AudioPacket(LONG, 0, 960, 0, 7), AudioPacket(LONG, 953, 960, 0, 960)]
    assert packets(remuxed(taken)) == taken[:1]


def test_a_pre_skip_without_sound_is_forgotten_at_the_end() -> None:
    remuxer = Remuxer()
    body = remuxer.take(AudioPacket(LONG, 0, 960, 960, 0)) + remuxer.finish()
    body += remuxer.take(AudioPacket(LONG, 0, 960, 40, 0)) + remuxer.finish()
    assert packets(body) == [AudioPacket(LONG, 0, 960, 40, 0)]


def test_in_one_link_the_runs_of_one_number_of_channels_are_joined_by_a_packet_of_silence() -> None:
    first, second = packets(spoken(1.0)), packets(spoken(0.51))
    remuxer = Remuxer(50, one_link=True)
    body = b"".join([*map(remuxer.take, first + second), remuxer.finish()])
    assert [type(item).__name__ for item in items(body)].count("OpusHead") == 1
    assert [packet.data for packet in packets(body)] == [
        *[packet.data for packet in first],
        b"\xf8\xff\xfe",
        *[packet.data for packet in second],
    ]
    lost = first[-1].trim_end + second[0].trim_start
    assert sum(heard(packets(body))) == sum(heard(first + second)) + lost + 960


def test_in_one_link_a_pre_skip_of_several_packets_is_joined_once() -> None:
    taken = [AudioPacket(LONG, 0, 960, 960, 0), AudioPacket(LONG, 0, 960, 40, 0), AudioPacket(LONG, 920, 960, 0, 900)]
    remuxer = Remuxer(one_link=True)
    body = b"".join([*map(remuxer.take, taken * 2), remuxer.finish()])
    assert len(packets(body)) == 7


def test_in_one_link_more_channels_begin_another() -> None:
    remuxer = Remuxer(one_link=True)
    body = b"".join([*map(remuxer.take, packets(spoken(0.5)) + packets(spoken(0.5, channels=2))), remuxer.finish()])
    heads = [item for item in items(body) if isinstance(item, OpusHead)]
    assert [(head.channels, head.serial) for head in heads] == [(1, 1), (2, 2)]
