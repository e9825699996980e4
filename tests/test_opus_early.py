"""Packets before their page is complete: the same as afterwards, and withdrawn if damaged."""

from __future__ import annotations

import random
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from ogg_build import PRE_SKIP, SAMPLES, Reading, audio, damaged, headers, link, page, raw_page, spread
from oggstream.errors import NoAudioError
from oggstream.ogg.page import PageReader
from oggstream.opus import opus_reader as reader_module
from oggstream.opus.budget import BURST, LINK as LINK_COST, SAMPLES_PER_BYTE, Budget
from oggstream.opus.head import OpusHead
from oggstream.opus.items import AudioPacket, Hole, Item, PageSettled, PageWithdrawn
from oggstream.opus.opus_reader import OpusReader
from test_opus_opus_reader import PARTS, check
from tools.fuzzing.target import frames_of, standing

FIXTURES = Path(__file__).parent / "fixtures"
BODIES = [path.read_bytes() for path in sorted(FIXTURES.glob("*.opus"))]
BODIES += [path.read_bytes() for path in sorted((FIXTURES / "damage").glob("*.opus"))]
PACKETS = audio(50)
LINK = link(PACKETS)  # five pages of ten packets of 20 bytes, behind two of headers
BODY = 27 + 10  # bytes of a page before its first packet


def eager() -> OpusReader:
    reader = OpusReader()
    reader.eager = True
    return reader


def fed(*pages: bytes, reader: OpusReader | None = None) -> list[Item]:
    """All that the reader gives of these bytes, one at a time."""
    reader = reader or eager()
    return [item for byte in b"".join(pages) for item in reader.feed(bytes([byte]))]


def packets_of(items: list[Item]) -> list[bytes]:
    return [item.data for item in items if isinstance(item, AudioPacket)]


def kinds(items: list[Item]) -> list[str]:
    return [type(item).__name__ for item in items]


def after(*pages: bytes) -> OpusReader:
    """An eager reader that has had these pages."""
    reader = eager()
    reader.feed(b"".join(pages))
    return reader


# When they go


def test_each_packet_goes_with_its_own_last_byte() -> None:
    reader = after(*LINK[:2])
    given = {at: items for at, byte in enumerate(LINK[2], 1) if (items := reader.feed(bytes([byte])))}
    assert list(given) == list(accumulate([20] * 10, initial=BODY))[1:]
    assert [packets_of(items) for items in given.values()] == [[packet] for packet in PACKETS[:10]]


def test_the_first_packet_of_a_page_of_a_second_goes_before_the_others() -> None:
    data = (FIXTURES / "generation_b.opus").read_bytes()
    reader = eager()
    first = next(at for at, byte in enumerate(data, 1) if packets_of(reader.feed(bytes([byte]))))
    assert first < 600
    assert OpusReader().feed(data[: first + 5000]) == []


def test_marks_stand_around_what_came_early() -> None:
    head, tags, *_ = Reading(*LINK).items
    first, second = fed(*LINK[:3]), fed(LINK[3], reader=after(*LINK[:3]))
    assert kinds(first) == ["PageBegun", "OpusHead", "OpusTags", *["AudioPacket"] * 10, "PageSettled"]
    assert first[1:3] == [head, tags]
    assert kinds(second) == ["PageBegun", *["AudioPacket"] * 10, "PageSettled"]


def test_the_rest_of_the_page_comes_when_it_is_complete() -> None:
    reader = after(*LINK[:3], LINK[3][: BODY + 70])
    items = reader.feed(LINK[3][BODY + 70 :] + LINK[4][: BODY + 25])
    assert packets_of(items) == [*PACKETS[13:20], PACKETS[20]]
    assert kinds(items)[-3:] == ["PageSettled", "PageBegun", "AudioPacket"]


def test_a_page_that_comes_at_once_has_no_marks() -> None:
    reader = eager()
    assert [item for each in LINK for item in reader.feed(each)] == Reading(*LINK).items


def test_what_is_there_is_given_when_it_is_asked_for() -> None:
    reader = OpusReader()
    reader.feed(b"".join(LINK[:3]) + LINK[3][: BODY + 70])
    assert reader.feed(b"") == []
    reader.eager = True
    assert packets_of(reader.feed(b"")) == PACKETS[10:13]
    assert reader.feed(b"") == []


def test_eagerness_may_end_and_begin_again_within_a_page() -> None:
    reader = after(*LINK[:3], LINK[3][: BODY + 30])
    reader.eager = False
    assert reader.feed(LINK[3][BODY + 30 : BODY + 70]) == []
    reader.eager = True
    assert packets_of(reader.feed(LINK[3][BODY + 70 : BODY + 90])) == PACKETS[11:14]
    reader.eager = False
    items = reader.feed(LINK[3][BODY + 90 :] + LINK[4][:-1])
    assert packets_of(items) == PACKETS[14:20]
    assert isinstance(items[-1], PageSettled)


def test_packets_that_began_on_the_page_before_are_put_together() -> None:
    packets = audio(12, size=600)
    pages = [*headers(), *spread(packets, 4, number=2)]
    items = fed(*pages)
    assert standing(items) == Reading(*pages).items
    assert packets_of(items) == packets
    assert kinds(items).count("PageBegun") > 5


def test_both_trims_are_known_before_the_page_is_complete() -> None:
    pages = link(PACKETS, per_page=25, trim=3000)
    items = fed(*pages[:3], pages[3][:-1])
    whole = Reading(*pages).items
    assert [item for item in items if isinstance(item, AudioPacket)] == whole[2:-1]
    assert any(packet.trim_end for packet in Reading(*pages).packets[:-1])


@pytest.mark.parametrize("odd", [b"", b"\x0b", b"\x09a"])
def test_malformed_packets_are_passed_over_and_counted_once(odd: bytes) -> None:
    pages = [*headers(), page(PACKETS[0], odd, PACKETS[1], PACKETS[2], number=2, granule=3 * SAMPLES)]
    reader = eager()
    assert standing(fed(*pages, reader=reader)) == Reading(*pages).items
    assert reader.stats.bad_packets == (1 if odd else 0)


def test_each_packet_is_cut_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = []

    class Counting(PageReader):
        def piece(self, start: int, end: int) -> bytes:
            cut.append(end)
            return super().piece(start, end)

    monkeypatch.setattr(reader_module, "PageReader", Counting)
    fed(*LINK)
    assert len(cut) == 5 * 9


# When they do not


NEXT = LINK[4][: BODY + 50]


@pytest.mark.parametrize(
    ("before", "begun"),
    [
        (LINK[:1], page(PACKETS[0], PACKETS[1], number=1, granule=1920)),
        (LINK[:3], NEXT),
        ([*LINK[:3], damaged(LINK[3])], NEXT),
        ([*LINK[:4], b"junk"], NEXT),
        ([*LINK[:4], damaged(page(b"other", serial=9))], NEXT),
        ([*LINK[:4], b"junk", page(b"other", serial=9)], NEXT),
        ([*LINK[:3], raw_page(b"", b"", number=4, granule=-1)], page(*PACKETS[30:35], number=5, granule=35 * SAMPLES)),
        (LINK[:4], LINK[3]),
        (LINK[:4], page(*PACKETS[:5], number=4, granule=25 * SAMPLES, serial=2)),
        (LINK[:4], page(*PACKETS[:5], number=4, granule=25 * SAMPLES, flags=1)),
        (LINK[:4], page(*PACKETS[:5], number=4, granule=25 * SAMPLES, flags=2)),
        (LINK, page(*PACKETS[:5], number=7, granule=55 * SAMPLES)),
        (spread(PACKETS[:1], 1), LINK[2]),
        ([], LINK[2]),
    ],
    ids=[
        *("before the tags", "lost page", "damaged page", "behind junk", "behind junk of another", "junk not told yet"),
        "gap still open",
        *("repetition", "other serial", "no beginning", "bos", "after eos", "no link", "nothing"),
    ],
)
def test_a_stream_that_is_not_in_sync_is_read_by_whole_pages(before: list[bytes], begun: bytes) -> None:
    reader = after(*before)
    assert fed(begun[:-1], reader=reader) == []
    assert not any(isinstance(item, PageSettled) for item in reader.feed(begun[-1:]))


def test_an_unfinished_packet_that_does_not_go_on_ends_the_sync() -> None:
    packets = audio(2, size=600)
    first = spread(packets, 4, number=2)[0]
    reader = after(*headers(), first)
    assert fed(page(*PACKETS[:5], number=3, granule=6 * SAMPLES)[:-1], reader=reader) == []


def test_the_stream_is_in_sync_again_behind_a_gap() -> None:
    assert packets_of(fed(LINK[5][:-1], reader=after(*LINK[:3], damaged(LINK[3]), LINK[4]))) == PACKETS[30:39]


def test_pages_of_other_streams_in_between_do_no_harm() -> None:
    reader = after(*LINK[:3], page(b"other", serial=9))
    assert packets_of(fed(LINK[3][:-1], reader=reader)) == PACKETS[10:19]


# Damage


def assert_withdrawn(pages: list[bytes], position: int, *, times: int = 1) -> list[Item]:
    reading = Reading(*pages, step=7, eager=lambda: True)
    withdrawn = [item for item in reading.items if isinstance(item, PageWithdrawn)]
    assert withdrawn == [PageWithdrawn(position)] * times
    assert reading.result == Reading(*pages).result
    return reading.items


@pytest.mark.parametrize("at", [BODY + 5, BODY + 70, -1])
def test_a_flipped_bit_in_a_packet_withdraws_the_page(at: int) -> None:
    items = assert_withdrawn([*LINK[:4], damaged(LINK[4], at), *LINK[5:]], 20 * SAMPLES - PRE_SKIP)
    (hole,) = [item for item in items if isinstance(item, Hole)]
    assert items.index(hole) > items.index(PageWithdrawn(20 * SAMPLES - PRE_SKIP))


@pytest.mark.parametrize("at", [27, 31, 36])
def test_a_flipped_bit_in_the_segment_table_withdraws_the_page(at: int) -> None:
    assert_withdrawn([*LINK[:4], damaged(LINK[4], at), *LINK[5:]], 20 * SAMPLES - PRE_SKIP)


def test_a_segment_table_that_claims_more_is_withdrawn_though_the_pages_behind_it_are_its_body() -> None:
    greedy = LINK[4][:27] + b"\x14\xff\xff\xff" + LINK[4][31:]
    items = assert_withdrawn([*LINK[:4], greedy, *LINK[5:]], 20 * SAMPLES - PRE_SKIP)
    assert packets_of(standing(items)) == PACKETS[:20] + PACKETS[30:]


@pytest.mark.parametrize("at", [5, 6, 13, 22])
def test_a_flipped_bit_in_the_header_withdraws_the_page(at: int) -> None:
    assert_withdrawn([*LINK[:4], damaged(LINK[4], at), *LINK[5:]], 20 * SAMPLES - PRE_SKIP, times=int(at != 5))


def test_a_damaged_first_page_takes_its_head_back() -> None:
    assert_withdrawn([*LINK[:2], damaged(LINK[2]), *LINK[3:]], 0)


def test_a_damaged_first_page_of_a_later_link_is_withdrawn_from_its_start_on() -> None:
    assert_withdrawn([*LINK, *LINK[:2], damaged(LINK[2]), *LINK[3:]], 50 * SAMPLES - PRE_SKIP)


@pytest.mark.parametrize("size", [BODY + 20, BODY + 199])
def test_a_body_that_ends_in_a_page_withdraws_it(size: int) -> None:
    assert_withdrawn([*LINK[:4], LINK[4][:size]], 20 * SAMPLES - PRE_SKIP)


@pytest.mark.parametrize("size", [BODY + 20, BODY + 199])
def test_a_page_that_the_next_one_cuts_short_is_withdrawn(size: int) -> None:
    assert_withdrawn([*LINK[:4], LINK[4][:size], *LINK[5:]], 20 * SAMPLES - PRE_SKIP)


def test_the_only_page_being_cut_is_an_error_that_withdraws_it() -> None:
    reading = Reading(*LINK[:2], LINK[2][:-1], step=7, eager=lambda: True)
    assert isinstance(reading.error, NoAudioError)
    assert packets_of(reading.items)
    assert reading.result == Reading(*LINK[:2], LINK[2][:-1]).result


@pytest.mark.parametrize("granule", [-1, 0, 5, 20 * SAMPLES, 1 << 62, -(1 << 63)])
@pytest.mark.parametrize("flags", [0, 4])
def test_a_wrong_granule_position_gives_what_the_whole_page_gives(granule: int, flags: int) -> None:
    pages = [*LINK[:4], page(*PACKETS[20:30], number=4, granule=granule, flags=flags)]
    early = Reading(*pages, step=7, eager=lambda: True)
    assert PageWithdrawn(20 * SAMPLES - PRE_SKIP) not in early.items
    assert kinds(early.items).count("PageSettled") == 3
    assert early.result == Reading(*pages).result


@pytest.mark.parametrize("more", [[LINK[3]], [LINK[2], LINK[3]], LINK[:3], [LINK[0]], LINK])
def test_repeated_pages_and_links_give_what_whole_pages_give(more: list[bytes]) -> None:
    pages = [*LINK[:4], *more, *LINK[4:]]
    assert Reading(*pages, step=7, eager=lambda: True).result == Reading(*pages).result


# Counters and bounds


def test_counters_are_of_whole_pages() -> None:
    reader = after(*LINK[:3])
    before = reader.stats.as_dict()
    assert reader.feed(LINK[3][:-1])
    assert reader.stats.as_dict() == before | {"bytes": sum(map(len, LINK[:4])) - 1}


LONG = b"\x0b\x06"  # six frames of 20 ms without a byte


SHORTER = b"\x0b\x05"
MONO = OpusHead.simple(1, 0)


def flood(count: int) -> list[bytes]:
    full = [LONG, SHORTER] * 63
    return [
        page(bytes(MONO), flags=2),
        headers()[1],
        *(page(*full, number=2 + each, granule=0) for each in range(count)),
    ]


def samples_of(items: list[Item]) -> int:
    return sum(item.samples for item in items if isinstance(item, AudioPacket))


def test_early_packets_keep_to_the_budget_of_the_bytes_that_have_come() -> None:
    reader, given, came = eager(), 0, 0
    for each in flood(60):
        for byte in each:
            came += 1
            items = reader.feed(bytes([byte]))
            given += samples_of(items)
            assert given <= BURST + came * SAMPLES_PER_BYTE
    assert given > BURST


def test_the_decoder_of_a_link_counts_too() -> None:
    many = OpusHead(0, 1, 255, 0, 48000, 0, 255, 1, 0, bytes(255))
    pages = [page(bytes(many), flags=2), headers()[1], page(*[b"\x0b\x01"] * 127, number=2)]
    reader, given, came, weight = after(*pages[:2]), 0, sum(map(len, pages[:2])), Budget().weight(many)
    for byte in pages[2][:-1]:
        came += 1
        given += samples_of(reader.feed(bytes([byte])))
        assert LINK_COST + given <= (BURST + came * SAMPLES_PER_BYTE) // weight
    assert 89000 < given < 92000


def test_packets_beyond_it_wait_for_their_page() -> None:
    pages = flood(60)
    assert Reading(*pages, step=100, eager=lambda: True).result == Reading(*pages).result


def test_pages_withdrawn_again_and_again_are_not_given_any_more() -> None:
    first, tags, *full = flood(2000)
    good = [raw_page(b"", b"", number=2 + each, granule=0) for each in range(2000)]
    pages = [first, tags, *(part for pair in zip(good, map(damaged, full[1:]), strict=False) for part in pair)]
    reading = Reading(*pages, step=50, eager=lambda: True)
    given = samples_of(reading.items)
    assert BURST / 2 < given <= BURST + sum(map(len, pages)) * SAMPLES_PER_BYTE
    assert reading.result == Reading(*pages).result


# Any bytes, any split, eager at any moments


@pytest.mark.parametrize(("step", "often"), [(1, 0.5), (100, 1.0), (1369, 0.5)])
def test_bodies_give_the_same_items_and_sound(step: int, often: float) -> None:
    chance = random.Random(step)
    for body in BODIES:
        whole, early = Reading(body), Reading(body, step=step, eager=lambda: chance.random() < often)
        assert early.result == whole.result
        if len(body) < 30_000 and whole.error is None:
            assert frames_of(early.items) == frames_of(whole.items)


@settings(max_examples=300)
@given(st.lists(PARTS, max_size=12), st.integers(1, 200), st.randoms(use_true_random=False))
def test_any_bytes_give_the_same_at_any_moments_of_eagerness(
    parts: list[bytes], step: int, chance: random.Random
) -> None:
    often = chance.choice((0.3, 0.9, 1.0))
    early = Reading(*parts, step=step, eager=lambda: chance.random() < often)
    check(standing(early.items))
    assert early.result == Reading(*parts).result


@settings(max_examples=100)
@given(
    st.integers(0, len(b"".join(LINK)) - 1),
    st.integers(1, 200),
    st.integers(0, 255),
)
def test_any_byte_may_be_wrong(at: int, step: int, value: int) -> None:
    body = bytearray(b"".join(LINK))
    body[at] = value
    early = Reading(bytes(body), step=step, eager=lambda: True)
    assert early.result == Reading(bytes(body)).result
