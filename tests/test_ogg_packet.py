from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from ogg_build import lace, page, raw_page, spread
from oggstream.ogg import packet as packet_module
from oggstream.ogg.packet import LOST_PAGE, NO_BEGINNING, NO_END, PacketReader, PagePackets, split
from oggstream.ogg.page import Page, PageReader


def parsed(*pages: bytes) -> list[Page]:
    return [part for part in PageReader().feed(b"".join(pages)) if isinstance(part, Page)]


def read(*pages: bytes, first: int = 0, reached: int = 0) -> list[PagePackets | None]:
    reader = PacketReader(first)
    return [reader.feed(each, reached) for each in parsed(*pages)]


def whole(*pages: bytes) -> list[bytes]:
    return [packet for packets in read(*pages) if packets for packet in packets.packets]


LONG = bytes(range(256)) * 3


@given(st.lists(st.binary(max_size=1600), min_size=1, max_size=8), st.integers(1, 12))
def test_packets_come_out_as_they_went_in_however_pages_cut_them(packets: list[bytes], segments: int) -> None:
    if sum(map(len, packets)) // 255 + len(packets) > 250:
        return
    assert whole(*spread(packets, segments)) == packets


@pytest.mark.parametrize("size", [0, 1, 254, 255, 256, 509, 510, 511, 765])
def test_lengths_about_multiples_of_255_are_exact(size: int) -> None:
    assert split(lace(bytes(size)), bytes(size)) == ([bytes(size)], b"")


def test_multiple_of_255_without_its_final_zero_has_not_ended() -> None:
    assert split(b"\x03\xff\xff", b"abc" + bytes(510)) == ([b"abc"], bytes(510))
    assert whole(raw_page(b"\xff", bytes(255))) == []


def test_final_zero_may_be_on_the_next_page() -> None:
    pages = raw_page(b"\xff", bytes(255)), raw_page(b"\x00\x01", b"x", number=1, flags=1)
    assert whole(*pages) == [bytes(255), b"x"]


def test_packet_may_span_many_pages() -> None:
    assert whole(*spread([LONG], 1)) == [LONG]


def test_lost_page_is_a_gap() -> None:
    assert read(page(b"a"), page(b"c", number=2)) == [PagePackets([b"a"], None), PagePackets([b"c"], LOST_PAGE)]


def test_lost_middle_of_a_packet_drops_all_of_it() -> None:
    pages = spread([LONG, b"next"], 1)
    del pages[1]
    found = read(*pages)
    assert [packets.gap for packets in found if packets] == [None, LOST_PAGE, NO_BEGINNING, None]
    assert whole(*pages) == [b"next"]


def test_continued_packet_without_beginning_is_dropped() -> None:
    found = read(raw_page(b"\x03\x04", b"endnext", flags=1))
    assert found == [PagePackets([b"next"], NO_BEGINNING)]


def test_page_in_the_middle_of_a_packet_without_beginning_gives_nothing() -> None:
    pages = raw_page(b"\xff", bytes(255), flags=1), raw_page(b"\x03\x04", b"endnext", number=1, flags=1)
    assert read(*pages) == [PagePackets([], NO_BEGINNING), PagePackets([b"next"], NO_BEGINNING)]


def test_packet_whose_end_does_not_come_is_not_glued_to_the_next() -> None:
    pages = raw_page(b"\x01\xff", b"a" + bytes(255)), page(b"next", number=1)
    assert read(*pages) == [PagePackets([b"a"], None), PagePackets([b"next"], NO_END)]


def test_packet_whose_end_does_not_come_is_missed_once() -> None:
    pages = raw_page(b"\xff", bytes(255)), page(b"a", number=1), page(b"b", number=2)
    late = raw_page(b"\x03\x04", b"endnext", number=3, flags=1)
    assert [packets.gap for packets in read(*pages, late) if packets] == [None, NO_END, None, NO_BEGINNING]


def test_packet_is_not_glued_across_a_lost_page() -> None:
    pages = raw_page(b"\xff", bytes(255)), raw_page(b"\x03\x04", b"endnext", number=2, flags=1)
    assert read(*pages)[1] == PagePackets([b"next"], LOST_PAGE)


def test_nil_page_within_a_packet_does_not_tear_it() -> None:
    pages = raw_page(b"\xff", bytes(255)), page(number=1), raw_page(b"\x01", b"x", number=2, flags=1)
    assert whole(*pages) == [bytes(255) + b"x"]


def test_repeated_page_is_told_apart() -> None:
    again = page(b"a", number=0, granule=960)
    assert read(again, page(b"b", number=1), again, reached=960)[2] is None


def test_late_page_is_told_apart_and_changes_nothing() -> None:
    pages = page(b"a"), page(b"c", number=2), page(b"b", number=1, granule=960), page(b"d", number=3)
    assert read(*pages, reached=960)[2:] == [None, PagePackets([b"d"], None)]


def test_restarted_numbers_with_new_positions_are_played() -> None:
    pages = page(b"a", number=7), page(b"b", number=0, granule=1920), page(b"c", number=1, granule=2880)
    assert read(*pages, first=7, reached=960) == [PagePackets([letter], None) for letter in (b"a", b"b", b"c")]


def test_restarted_numbers_drop_the_packet_that_was_open() -> None:
    pages = raw_page(b"\xff", bytes(255), number=7), page(b"b", number=0, granule=1920)
    assert read(*pages, first=7, reached=960)[1] == PagePackets([b"b"], NO_END)


def test_numbers_count_modulo_two_to_the_32() -> None:
    pages = page(b"a", number=0xFFFFFFFF), page(b"b", number=0)
    assert [packets.gap for packets in read(*pages, first=0xFFFFFFFF) if packets] == [None, None]


def test_lost_page_across_the_end_of_the_numbers_is_a_gap() -> None:
    pages = page(b"a", number=0xFFFFFFFF), page(b"b", number=1)
    assert read(*pages, first=0xFFFFFFFF)[1] == PagePackets([b"b"], LOST_PAGE)


def test_long_packet_is_cut_and_costs_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_module, "MAX_PACKET", 600)
    reader = PacketReader(0)
    for each in parsed(*spread([bytes(5000), b"next"], 1))[:-2]:
        reader.feed(each, 0)
    assert reader._parts is not None
    assert (len(reader._parts), reader._size) == (3, 600)
    assert whole(*spread([bytes(5000), b"next"], 1)) == [bytes(600), b"next"]
