from __future__ import annotations

from hypothesis import given, strategies as st

from ogg_build import slow_crc
from oggstream.ogg.crc import checksum, field_of, mirrored


@given(st.binary(max_size=600))
def test_checksum_is_the_one_that_the_polynomial_defines(data: bytes) -> None:
    assert checksum(data) == slow_crc(data)


def test_checksum_of_nothing_is_zero() -> None:
    assert checksum(b"") == 0


@given(st.binary(min_size=27, max_size=300), st.integers(0, 20))
def test_field_counts_as_zero_bytes_wherever_the_page_lies(page: bytes, before: int) -> None:
    blank = page[:22] + bytes(4) + page[26:]
    mirror = mirrored(bytes(before) + page + b"behind")
    assert field_of(mirror, before, before + len(page)) == slow_crc(blank).to_bytes(4, "little")


@given(st.binary(max_size=50))
def test_mirror_of_the_mirror_is_the_thing(data: bytes) -> None:
    assert mirrored(mirrored(data)) == data
