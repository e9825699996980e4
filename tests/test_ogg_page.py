from __future__ import annotations

import struct

import pytest
from hypothesis import given, strategies as st

from ogg_build import damaged, page, raw_page
from oggstream.ogg.page import BAD_CHECKSUM, BAD_VERSION, CUT, MAX_PAGE, NO_PAGE, Page, PageReader, Skipped

FIRST = page(b"first", number=1, granule=960)
SECOND = page(b"second", b"third", number=2, granule=2880)


def read(data: bytes, step: int = 0) -> list[Page | Skipped]:
    reader = PageReader()
    found = []
    for at in range(0, len(data), step or len(data) or 1):
        found += reader.feed(data[at : at + (step or len(data))])
    return found + reader.finish()


def bodies(found: list[Page | Skipped]) -> list[bytes]:
    return [part.body for part in found if isinstance(part, Page)]


def damage(found: list[Page | Skipped]) -> list[Skipped]:
    return [part for part in found if isinstance(part, Skipped)]


def test_page_says_what_its_header_says() -> None:
    data = raw_page(b"\xff\x01", bytes(256), number=0xFFFFFFFE, granule=-1, serial=0xDEADBEEF, flags=7)
    (found,) = read(b"junk" + data)[1:]
    assert found == Page(4, len(data), 7, -1, 0xDEADBEEF, 0xFFFFFFFE, b"\xff\x01", bytes(256))
    assert (found.continued, found.bos, found.eos, found.ends_packet) == (True, True, True, True)


def test_page_without_flags_and_without_an_end_of_a_packet() -> None:
    (found,) = read(raw_page(b"\xff", bytes(255)))
    assert isinstance(found, Page)
    assert (found.continued, found.bos, found.eos, found.ends_packet) == (False, False, False, False)


def test_page_is_given_with_its_last_byte() -> None:
    reader = PageReader()
    assert reader.feed(FIRST[:-1]) == []
    assert bodies(reader.feed(FIRST[-1:])) == [b"first"]


def test_empty_input_gives_nothing() -> None:
    assert read(b"") == []
    assert PageReader().feed(b"") == []


def test_nil_page_is_a_page() -> None:
    assert bodies(read(raw_page(b"", b""))) == [b""]


def test_longest_page_is_read() -> None:
    data = raw_page(b"\xff" * 255, bytes(255 * 255))
    assert len(data) == MAX_PAGE
    assert bodies(read(data, 1369)) == [bytes(255 * 255)]


def test_junk_is_skipped_and_told() -> None:
    found = read(b"12345" + FIRST + b"678" + SECOND + b"9")
    assert bodies(found) == [b"first", b"secondthird"]
    end = 8 + len(FIRST) + len(SECOND)
    assert damage(found) == [Skipped(0, 5, NO_PAGE), Skipped(5 + len(FIRST), 3, NO_PAGE), Skipped(end, 1, NO_PAGE)]


def test_flipped_bit_costs_one_page_only() -> None:
    bad = damaged(FIRST)
    found = read(bad + SECOND)
    assert bodies(found) == [b"secondthird"]
    assert damage(found) == [Skipped(0, len(bad), BAD_CHECKSUM)]


@pytest.mark.parametrize("at", range(len(FIRST)))
def test_every_flipped_bit_is_noticed(at: int) -> None:
    assert bodies(read(damaged(FIRST, at) + SECOND)) == [b"secondthird"]


def test_other_version_is_no_page() -> None:
    found = read(raw_page(b"\x01", b"x", version=1) + SECOND)
    assert bodies(found) == [b"secondthird"]
    assert [part.reason for part in damage(found)] == [BAD_VERSION]


def test_capture_pattern_inside_a_page_is_data() -> None:
    inner = page(b"not a page of its own")
    assert bodies(read(page(inner) + SECOND)) == [inner, b"secondthird"]


def test_page_inside_a_damaged_page_is_found() -> None:
    inner = page(b"inner")
    found = read(damaged(page(b"outer", inner, b"outer"), 6) + SECOND)
    assert bodies(found) == [b"inner", b"secondthird"]


def test_false_capture_that_claims_too_much_hides_no_page_behind_it() -> None:
    false = struct.pack("<4sBBqIIIB", b"OggS", 0, 0, 0, 1, 0, 0, 255)
    found = read(false + FIRST + SECOND)
    assert bodies(found) == [b"first", b"secondthird"]
    assert damage(found) == [Skipped(0, len(false), CUT)]


def test_cut_page_is_told_at_the_end() -> None:
    found = read(FIRST + SECOND[:-1])
    assert bodies(found) == [b"first"]
    assert damage(found) == [Skipped(len(FIRST), len(SECOND) - 1, CUT)]


@pytest.mark.parametrize("kept", range(1, len(SECOND)))
def test_every_cut_gives_what_came_before(kept: int) -> None:
    found = read(FIRST + SECOND[:kept])
    assert bodies(found) == [b"first"]
    assert sum(part.size for part in damage(found)) == kept


def test_bad_checksums_and_skipped_bytes_are_counted() -> None:
    reader = PageReader()
    reader.feed(damaged(FIRST) + damaged(FIRST) + SECOND)
    assert reader.bad_checksums == 2
    assert reader.skipped == 2 * len(FIRST)


def test_what_is_held_back_stays_below_one_page() -> None:
    reader = PageReader()
    held = 0
    for _ in range(300):
        reader.feed(b"OggS\x00\xff\xff" * 100)
        held = max(held, len(reader._buffer), len(reader._mirror))
    assert held <= MAX_PAGE + 700


PIECES = st.one_of(
    st.sampled_from([b"OggS", b"OggS\x00", b"Ogg", FIRST, SECOND, damaged(FIRST), FIRST[:30], SECOND[9:]]),
    st.binary(max_size=40),
    st.binary(max_size=300).map(page),
    st.tuples(st.just(b"OggS\x00"), st.binary(min_size=30, max_size=60)).map(b"".join),
)


@given(st.lists(PIECES, max_size=12).map(b"".join), st.integers(1, 90))
def test_split_changes_nothing(data: bytes, step: int) -> None:
    assert read(data, step) == read(data)


@given(st.lists(PIECES, max_size=12).map(b"".join))
def test_pages_and_damage_cover_every_byte_once(data: bytes) -> None:
    at = 0
    for part in read(data):
        assert part.offset == at
        assert part.size > 0
        at += part.size
    assert at == len(data)


@given(st.lists(st.binary(max_size=100), max_size=6), st.data())
def test_pages_in_junk_without_capture_patterns_are_all_found(packets: list[bytes], data: st.DataObject) -> None:
    junk = st.binary(max_size=30).map(lambda noise: noise.replace(b"O", b"o"))
    body = b"".join(data.draw(junk) + page(packet) for packet in packets)
    assert bodies(read(body)) == packets


def test_input_of_many_pieces_is_the_same_as_one() -> None:
    body = b"".join(page(bytes(5000), number=number) for number in range(60))
    assert read(body) == read(body, 1000)
