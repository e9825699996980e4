from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from ogg_build import (
    PRE_SKIP,
    SAMPLES,
    Reading,
    audio,
    damaged,
    headers,
    link,
    page,
    raw_page,
    spread,
)
from oggstream.errors import EmptyBodyError, FormatError, WrongContainerError
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket, Hole
from oggstream.opus.opus_reader import Item, OpusReader
from oggstream.opus.refusal import MAX_JUNK
from oggstream.opus.tags import OpusTags

PACKETS = audio(50)
LINK = link(PACKETS)  # five pages of 200 ms behind two of headers
LENGTH = 50 * SAMPLES - PRE_SKIP


def data_of(reading: Reading) -> list[bytes]:
    return [packet.data for packet in reading.packets]


def test_stream_gives_head_tags_and_every_packet() -> None:
    reading = Reading(*LINK)
    assert reading.items[:2] == [OpusHead.simple(1, PRE_SKIP, serial=1), OpusTags("test")]
    assert data_of(reading) == PACKETS
    assert reading.lengths == [LENGTH]
    assert reading.error is None


def test_everything_is_counted() -> None:
    stats = Reading(b"junk", *LINK, *link([*PACKETS, b"\x0b"])).stats
    assert stats.as_dict() == {
        "bytes": 4 + sum(map(len, LINK)) + sum(map(len, link([*PACKETS, b"\x0b"]))),
        "pages": 15,
        "packets": 100,
        "links": 2,
        "holes": 0,
        "bad_packets": 1,
        "complete": True,
        "warnings": ["4 bytes at byte 0 skipped: no Ogg page"],
    }


def test_packets_are_given_with_the_last_byte_of_their_page() -> None:
    reader = OpusReader()
    first = b"".join(LINK[:3])
    assert reader.feed(first[:-1]) == []
    assert len(reader.feed(first[-1:])) == 2 + 10


def test_head_is_known_before_there_is_audio() -> None:
    reader = OpusReader()
    assert reader.head is None
    reader.feed(LINK[0])
    assert reader.head == OpusHead.simple(1, PRE_SKIP, serial=1)


# Links


def test_chained_links_follow_each_other_in_time() -> None:
    reading = Reading(*LINK, *link(PACKETS, serial=2, pre_skip=3840, trim=500))
    assert reading.lengths == [LENGTH, 50 * SAMPLES - 3840 - 500]
    assert [head.pre_skip for head in reading.heads] == [PRE_SKIP, 3840]
    positions = [packet.position for packet in reading.packets if packet.trim_start < packet.samples]
    assert positions[50] == LENGTH
    assert positions == sorted(positions)


def test_restart_under_the_same_serial_number_without_eos_is_a_new_link() -> None:
    assert Reading(*link(PACKETS, eos=False), *LINK).lengths == [LENGTH, LENGTH]


def test_restart_in_the_middle_of_the_stream_is_a_new_link() -> None:
    reading = Reading(*LINK[:3], *LINK)
    assert reading.lengths == [10 * SAMPLES - PRE_SKIP, LENGTH]
    assert reading.stats.holes == 0


def test_links_without_audio_or_without_opus_are_passed_over() -> None:
    vorbis = page(b"\x01vorbis", serial=3, flags=2) + page(b"\x03vorbis", serial=3, number=1)
    reading = Reading(*LINK, *headers(serial=2), vorbis, *link(PACKETS, serial=4))
    assert reading.lengths == [LENGTH, LENGTH]
    assert reading.stats.links == 2


def test_multiplexed_stream_of_another_kind_costs_nothing() -> None:
    other = [page(b"\x80theora", serial=9, flags=2)] + [page(b"?", serial=9, number=n) for n in range(1, 7)]
    mixed = [part for pair in zip(LINK, other, strict=True) for part in pair]
    reading = Reading(*mixed)
    assert data_of(reading) == PACKETS
    assert reading.stats.warnings == []


def test_audio_after_the_eos_page_is_played_with_one_warning() -> None:
    late = [page(packet, number=7 + n, granule=(51 + n) * SAMPLES) for n, packet in enumerate(audio(2, first=50))]
    reading = Reading(*LINK, *late)
    assert data_of(reading) == audio(52)
    assert reading.stats.warnings == [f"audio after the EOS page, at byte {sum(map(len, LINK))}"]


# Headers


def test_missing_tags_cost_a_warning_and_no_audio() -> None:
    reading = Reading(LINK[0], *LINK[2:])
    assert data_of(reading) == PACKETS
    assert reading.items[1] == reading.packets[0]
    assert "no OpusTags" in reading.stats.warnings[0]
    assert reading.stats.holes == 0


def test_damaged_tags_cost_a_warning_and_no_audio() -> None:
    reading = Reading(LINK[0], page(b"OpusTagz", number=1), *LINK[2:])
    assert data_of(reading) == PACKETS
    assert reading.stats.warnings == ["damaged OpusTags that end on the page at byte 47: not OpusTags"]


def test_second_packet_that_is_not_tags_but_ends_later_is_audio() -> None:
    reading = Reading(LINK[0], page(PACKETS[0], number=1, granule=SAMPLES))
    assert data_of(reading) == PACKETS[:1]


def test_tags_may_share_the_page_of_the_head() -> None:
    first = page(bytes(OpusHead.simple(1, PRE_SKIP)), bytes(OpusTags("test")), flags=2)
    reading = Reading(
        first, *[page(packet, number=1 + n, granule=SAMPLES * (n + 1)) for n, packet in enumerate(PACKETS)]
    )
    assert data_of(reading) == PACKETS
    assert OpusTags("test") in reading.items


def test_audio_may_share_the_page_of_the_tags() -> None:
    both = page(bytes(OpusTags("test")), *PACKETS[:5], number=1, granule=5 * SAMPLES)
    assert data_of(Reading(LINK[0], both)) == PACKETS[:5]


def test_tags_may_span_pages() -> None:
    tags = OpusTags("test", ("PICTURE=" + "x" * 200_000,))
    pages = spread([bytes(tags)], 255, number=1)
    pages[-1] = raw_page(pages[-1][27 : 27 + pages[-1][26]], pages[-1][27 + pages[-1][26] :], number=4, flags=1)
    rest = [page(packet, number=5 + n, granule=SAMPLES * (n + 1)) for n, packet in enumerate(PACKETS)]
    reading = Reading(LINK[0], *pages, *rest)
    assert reading.items[1] == tags
    assert data_of(reading) == PACKETS


def test_tags_with_a_page_lost_are_passed_over() -> None:
    pages = spread([bytes(OpusTags("x" * 1000))], 1, number=1)
    del pages[1]
    rest = [page(packet, number=6 + n, granule=SAMPLES * (n + 1)) for n, packet in enumerate(PACKETS)]
    reading = Reading(LINK[0], *pages, *rest)
    assert data_of(reading) == PACKETS
    assert reading.stats.holes == 0


def test_bos_page_marked_as_continued_is_read() -> None:
    first = page(bytes(OpusHead.simple(1, PRE_SKIP)), flags=3)
    assert data_of(Reading(first, *LINK[1:])) == PACKETS


@pytest.mark.parametrize("family", [2, 3, 200, 255])
def test_families_without_places_cost_a_warning(family: int) -> None:
    demixing = b"\xff\x7f" if family == 3 else None
    head = OpusHead(1, 1, 1, 0, 48000, 0, family, 1, 0, b"\x00", demixing)
    reading = Reading(page(bytes(head), flags=2), *LINK[1:])
    assert reading.heads == [head]
    assert f"family {family}" in reading.stats.warnings[0]


# Gaps


def test_lost_page_is_a_hole_of_its_length() -> None:
    reading = Reading(*LINK[:4], *LINK[5:])
    at = sum(map(len, LINK[:4]))
    assert reading.holes == [Hole(at, 0, 20 * SAMPLES - PRE_SKIP, 10 * SAMPLES, "lost page")]
    assert reading.lengths == [LENGTH]
    assert reading.stats.holes == 1


def test_flipped_bit_becomes_a_hole_and_the_next_page_survives() -> None:
    reading = Reading(*LINK[:4], damaged(LINK[4]), *LINK[5:])
    at = sum(map(len, LINK[:4]))
    assert reading.holes == [Hole(at, len(LINK[4]), 20 * SAMPLES - PRE_SKIP, 10 * SAMPLES, "bad checksum")]
    assert data_of(reading) == PACKETS[:20] + PACKETS[30:]
    assert reading.lengths == [LENGTH]


def test_hole_stands_before_the_packet_that_follows_it() -> None:
    items = Reading(*LINK[:4], *LINK[5:]).items
    at = next(index for index, item in enumerate(items) if isinstance(item, Hole))
    packet = items[at + 1]
    assert isinstance(packet, AudioPacket)
    assert packet.data == PACKETS[30]
    assert packet.position == 30 * SAMPLES - PRE_SKIP


def test_damage_in_two_places_of_one_gap_is_one_hole() -> None:
    other = page(b"\x80theora", serial=9)
    reading = Reading(*LINK[:3], damaged(LINK[3]), other, damaged(LINK[4]), *LINK[5:])
    assert [(hole.bytes, hole.samples) for hole in reading.holes] == [(len(LINK[3] + LINK[4]), 20 * SAMPLES)]


def test_hole_is_concealed_for_two_seconds_at_most_and_later_gaps_are_counted_anew() -> None:
    packets = audio(400)
    pages = link(packets)
    reading = Reading(*pages[:4], *pages[34:36], *pages[37:])
    assert [hole.samples for hole in reading.holes] == [96000, 10 * SAMPLES]


def test_page_that_comes_too_late_is_left_out() -> None:
    reading = Reading(*LINK[:4], LINK[5], LINK[4], LINK[6])
    assert reading.lengths == [LENGTH]
    assert data_of(reading) == PACKETS[:20] + PACKETS[30:]
    assert reading.stats.holes == 1
    assert "too late" in reading.stats.warnings[0]


def test_page_sent_twice_is_played_once() -> None:
    reading = Reading(*LINK[:4], LINK[3], *LINK[4:])
    assert data_of(reading) == PACKETS
    assert reading.stats.holes == 0


def test_sender_that_restarts_its_numbers_is_played() -> None:
    rest = [page(*PACKETS[at : at + 10], number=at // 10, granule=(at + 10) * SAMPLES) for at in (20, 30, 40)]
    reading = Reading(*LINK[:4], page(*PACKETS[20:30], number=0, granule=30 * SAMPLES), *rest[1:])
    assert data_of(reading)[:30] == PACKETS[:30]
    assert len(reading.packets) == 50


def test_granule_positions_that_jump_without_a_missing_page_are_no_gap() -> None:
    moved = [page(*PACKETS[at : at + 10], number=2 + at // 10, granule=(at + 510) * SAMPLES) for at in (20, 30, 40)]
    reading = Reading(*LINK[:4], *moved)
    assert data_of(reading) == PACKETS
    assert reading.stats.holes == 0


def test_nothing_is_concealed_before_the_first_audio() -> None:
    reading = Reading(*LINK[:2], *LINK[4:])
    assert reading.lengths == [30 * SAMPLES - PRE_SKIP]
    assert reading.stats.holes == 0


def test_damage_before_the_first_audio_is_a_warning() -> None:
    reading = Reading(*LINK[:2], damaged(LINK[2]), *LINK[3:])
    assert reading.stats.holes == 0
    assert reading.stats.warnings == [f"{len(LINK[2])} bytes at byte {sum(map(len, LINK[:2]))} skipped: bad checksum"]


def test_gap_in_an_unfinished_packet_is_a_hole_of_whole_packets() -> None:
    packets = audio(30, size=600)
    pages = spread(packets, 7, number=2)
    reading = Reading(*headers(), *pages[:4], *pages[5:])
    assert reading.stats.holes == 1
    assert reading.holes[0].samples == (30 - len(reading.packets)) * SAMPLES
    assert sum(reading.lengths) == 30 * SAMPLES - PRE_SKIP


def test_hole_waits_for_a_page_that_says_how_long_it_is() -> None:
    middle = raw_page(b"\xff", bytes([8]) + bytes(254), number=5, granule=-1)
    end = raw_page(b"\x05\x14", bytes(5) + PACKETS[31], number=6, granule=32 * SAMPLES, flags=1)
    reading = Reading(*LINK[:4], middle, end)
    assert [hole.samples for hole in reading.holes] == [10 * SAMPLES]


def test_gap_in_which_no_time_is_missing_is_a_warning_and_no_hole() -> None:
    reading = Reading(*LINK[:4], page(*PACKETS[30:], number=5, granule=-1))
    assert reading.holes == []
    assert reading.stats.holes == 0
    assert any("no time to conceal" in warning for warning in reading.stats.warnings)


def test_nil_page_behind_a_lost_page_does_not_close_the_gap_too_early() -> None:
    nil = raw_page(b"", b"", number=5, granule=0)
    rest = page(*PACKETS[30:], number=6, granule=50 * SAMPLES)
    assert [hole.samples for hole in Reading(*LINK[:4], nil, rest).holes] == [10 * SAMPLES]


def test_nil_eos_page_behind_a_lost_page_says_how_long_the_stream_was() -> None:
    nil = raw_page(b"", b"", number=7, granule=50 * SAMPLES, flags=4)
    assert Reading(*LINK[:6], nil).lengths == [LENGTH]


def test_packet_without_beginning_is_a_hole() -> None:
    body = b"".join(PACKETS[20:30])
    spurious = raw_page(bytes([20] * 10), body, number=4, granule=30 * SAMPLES, flags=1)
    reading = Reading(*LINK[:4], spurious, *LINK[5:])
    assert [(hole.samples, hole.reason) for hole in reading.holes] == [(SAMPLES, "packet without its beginning")]
    assert reading.lengths == [LENGTH]


def test_junk_between_pages_is_a_warning_and_no_hole() -> None:
    reading = Reading(*LINK[:4], b"noise", *LINK[4:])
    assert data_of(reading) == PACKETS
    assert reading.holes == []
    assert reading.stats.warnings == [f"5 bytes at byte {sum(map(len, LINK[:4]))} skipped: no Ogg page"]


def test_damage_at_the_end_is_a_warning() -> None:
    reading = Reading(*LINK[:6], LINK[6][:-1])
    assert data_of(reading) == PACKETS[:40]
    assert "cut short" in reading.stats.warnings[0]


# Positions


def test_eos_page_without_packets_trims_nothing() -> None:
    nil = raw_page(b"", b"", number=7, granule=40 * SAMPLES, flags=4)
    assert Reading(*link(PACKETS, eos=False), nil).lengths == [LENGTH]


def test_end_trim_is_that_of_the_last_page() -> None:
    assert Reading(*link(PACKETS, trim=2000)).lengths == [LENGTH - 2000]


def test_end_trim_counts_from_a_page_whose_packets_were_malformed() -> None:
    pages = [page(b"\x0b", number=2, granule=SAMPLES), page(PACKETS[0], number=3, granule=SAMPLES + 500, flags=4)]
    assert Reading(*headers(pre_skip=0), *pages).lengths == [500]


def warnings_and_lengths(*pages: bytes) -> tuple[list[str], list[int]]:
    reading = Reading(*headers(), *pages)
    return reading.stats.warnings, reading.lengths


def test_pages_without_granule_positions_are_counted_on_with_one_warning() -> None:
    pages = [page(packet, number=2 + n, granule=-1, flags=4 * n) for n, packet in enumerate(PACKETS[:2])]
    assert warnings_and_lengths(*pages) == (
        ["no granule position where packets end, at byte 95"],
        [2 * SAMPLES - PRE_SKIP],
    )


def test_first_granule_position_that_is_too_small_costs_a_warning() -> None:
    pages = [page(packet, number=2 + n, granule=900 + n * SAMPLES) for n, packet in enumerate(PACKETS[:2])]
    assert warnings_and_lengths(*pages) == (
        ["the first granule position is too small, at byte 95"],
        [2 * SAMPLES - PRE_SKIP],
    )


def test_only_page_below_the_pre_skip_costs_a_warning_and_is_played_whole() -> None:
    assert warnings_and_lengths(page(PACKETS[0], number=2, granule=100, flags=4)) == (
        ["the only page ends before the pre-skip does, at byte 95"],
        [SAMPLES - PRE_SKIP],
    )


# Packets


def test_empty_packets_are_dropped_and_bad_ones_counted() -> None:
    reading = Reading(*headers(), page(PACKETS[0], b"", b"\x0b", b"\x09a", PACKETS[1], number=2, granule=1920))
    assert data_of(reading) == PACKETS[:2]
    assert reading.stats.bad_packets == 2


def test_packet_over_61440_bytes_is_dropped() -> None:
    huge = b"\x0b\x41" + b"\xff" * 300 + b"\x00" + bytes(300 * 254)
    pages = spread([PACKETS[0], huge, PACKETS[1]], 255, number=2)
    reading = Reading(*headers(), *pages)
    assert data_of(reading) == PACKETS[:2]
    assert reading.stats.bad_packets == 1


def test_packets_of_several_streams_are_measured_as_such() -> None:
    head = OpusHead(1, 1, 3, 0, 48000, 0, 1, 2, 1, bytes([0, 2, 1]))
    good, bad = b"\x08\x02ab" + b"\x08cd", b"\x08\x02ab" + b"\x18cd"
    reading = Reading(page(bytes(head), flags=2), LINK[1], page(good, bad, number=2, granule=SAMPLES))
    assert [(packet.data, packet.samples) for packet in reading.packets] == [(good, SAMPLES)]
    assert reading.stats.bad_packets == 1


# Refusal


def test_refusal_stays() -> None:
    reader = OpusReader()
    for _ in range(2):
        with pytest.raises(EmptyBodyError):
            reader.finish()
        with pytest.raises(EmptyBodyError):
            reader.feed(b"".join(LINK))


def test_body_without_a_page_is_refused_before_it_ends() -> None:
    reader = OpusReader()
    reader.feed(b"ID3" + bytes(MAX_JUNK))
    with pytest.raises(WrongContainerError, match="MP3"):
        reader.feed(bytes(10))


@pytest.mark.parametrize("step", [None, 1369, 65536])
@pytest.mark.parametrize(("junk", "links"), [(MAX_JUNK, 1), (MAX_JUNK + 1, 0)])
def test_first_page_must_begin_within_the_bound(junk: int, links: int, step: int | None) -> None:
    reading = Reading(bytes(junk), *LINK, step=step)
    assert reading.stats.links == links
    assert isinstance(reading.error, FormatError) == (not links)


# Any bytes, any split


@pytest.mark.parametrize("step", [1, 7, 1369])
def test_split_changes_nothing_in_a_good_stream(step: int) -> None:
    body = [*LINK, *link(PACKETS, serial=2)]
    assert Reading(*body, step=step).result == Reading(*body).result


GOOD = LINK + link(audio(20), serial=2, per_page=3, trim=100) + spread(audio(5, size=700), 2, number=7)
PARTS = st.one_of(
    st.sampled_from(GOOD),
    st.sampled_from(GOOD).flatmap(lambda each: st.integers(0, len(each) - 1).map(lambda at: damaged(each, at))),
    st.sampled_from(GOOD).flatmap(lambda each: st.integers(0, len(each)).map(lambda at: each[:at])),
    st.binary(max_size=50),
    st.builds(
        lambda packets, number, granule, flags, serial: page(
            *packets, number=number, granule=granule, flags=flags, serial=serial
        ),
        st.lists(st.binary(max_size=40), max_size=5),
        st.one_of(st.integers(0, 8), st.integers(0, 2**32 - 1)),
        st.one_of(st.integers(-2, 20000), st.integers(-(2**63), 2**63 - 1)),
        st.integers(0, 255),
        st.integers(1, 2),
    ),
)


def check(items: list[Item]) -> None:
    """What must be so for any bytes: a head first, positions that are sums, lengths within bounds."""
    position = 0
    for number, item in enumerate(items):
        assert number or isinstance(item, OpusHead)
        if isinstance(item, AudioPacket):
            assert item.position == position
            assert min(item.trim_start, item.trim_end) >= 0
            assert item.trim_start + item.trim_end <= item.samples
            assert item.samples in range(120, 5761)
            position += item.samples - item.trim_start - item.trim_end
        elif isinstance(item, Hole):
            assert item.position == position
            assert 0 <= item.samples <= 96000
            position += item.samples


@settings(max_examples=200)
@given(st.lists(PARTS, max_size=12), st.integers(1, 200))
def test_any_bytes_give_the_same_items_or_the_same_error_however_they_are_split(parts: list[bytes], step: int) -> None:
    whole = Reading(*parts)
    check(whole.items)
    assert whole.stats.holes == len(whole.holes)
    assert whole.stats.packets == len(whole.packets)
    assert whole.stats.links == len(whole.heads)
    assert Reading(*parts, step=step).result == whole.result
