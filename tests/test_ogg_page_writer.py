from __future__ import annotations

import struct

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import UsageError
from oggstream.ogg.packet import PacketReader
from oggstream.ogg.page import Page, PageReader
from oggstream.ogg.page_writer import PageWriter, segments


def pages_of(data: bytes) -> list[Page]:
    reader = PageReader()
    found = reader.feed(data) + reader.finish()
    assert all(isinstance(part, Page) for part in found)
    return [part for part in found if isinstance(part, Page)]


def test_a_page_is_laid_out_byte_by_byte() -> None:
    page = PageWriter(0x01020304, sequence=5).page([b"abc", b""], 960, bos=True)
    assert page[:6] == b"OggS\x00\x02"
    assert page[6:14] == struct.pack("<q", 960)
    assert page[14:22] == b"\x04\x03\x02\x01\x05\x00\x00\x00"
    assert page[26:] == b"\x02\x03\x00abc"


def test_the_checksum_is_that_of_a_known_page() -> None:
    # The first page of a real stream: serial number 0, a mono head.
    head = b"OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
    page = PageWriter(0).page([head], 0, bos=True)
    assert _bitwise_crc(page[:22] + bytes(4) + page[26:]) == struct.unpack_from("<I", page, 22)[0]


def _bitwise_crc(data: bytes) -> int:
    """RFC 3533's CRC as the text has it, bit by bit."""
    crc = 0
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1) ^ (0x104C11DB7 if crc & 0x80000000 else 0)
    return crc


def test_pages_are_numbered_on_and_round() -> None:
    writer = PageWriter(1, sequence=0xFFFFFFFF)
    assert [page.number for page in pages_of(writer.page([b"a"], 1) + writer.page([b"b"], 2))] == [0xFFFFFFFF, 0]


@pytest.mark.parametrize("length", [0, 1, 254, 255, 256, 509, 510, 511])
def test_a_length_divisible_by_255_ends_with_a_zero(length: int) -> None:
    page = PageWriter(1).page([bytes(length)], 0)
    lacing = page[27 : 27 + page[26]]
    assert sum(lacing) == length
    assert lacing[-1] == length % 255
    assert len(lacing) == segments(length)


def test_no_packets_make_a_nil_page() -> None:
    (page,) = pages_of(PageWriter(1).page([], 7, eos=True))
    assert (page.lacing, page.granule, page.eos) == (b"", 7, True)


@pytest.mark.parametrize("length", [255 * 255 - 1, 255 * 255, 255 * 255 + 1, 200_000])
def test_a_long_packet_continues_on_further_pages_without_position_until_it_ends(length: int) -> None:
    pages = pages_of(PageWriter(1).page([bytes(length)], 960, bos=True, eos=True))
    assert [page.granule for page in pages] == [-1] * (len(pages) - 1) + [960]
    assert [page.continued for page in pages] == [number > 0 for number in range(len(pages))]
    assert [page.bos for page in pages] == [number == 0 for number in range(len(pages))]
    assert [page.eos for page in pages] == [number == len(pages) - 1 for number in range(len(pages))]
    assert sum(len(page.body) for page in pages) == length


def test_several_packets_that_need_more_than_a_page_are_refused() -> None:
    with pytest.raises(UsageError, match="256 segments"):
        PageWriter(1).page([b"x"] * 256, 0)


@given(st.lists(st.lists(st.binary(max_size=700), max_size=60), max_size=5))
def test_packets_are_read_back_as_written(groups: list[list[bytes]]) -> None:
    writer = PageWriter(9)
    data = b"".join(writer.page(group, 0) for group in groups)
    reader = PacketReader(0)
    back = []
    for page in pages_of(data):
        found = reader.feed(page, -1)
        assert found is not None
        back += found.packets
    assert back == [packet for group in groups for packet in group]
