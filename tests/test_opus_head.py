from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import FormatError
from oggstream.opus.head import OpusHead

MONO = bytes.fromhex("4f707573486561640101380180bb00000000 00".replace(" ", ""))


def table_head(family: int, channels: int, streams: int, coupled: int, table: bytes) -> bytes:
    return b"OpusHead\x01" + bytes([channels]) + bytes(8) + bytes([family, streams, coupled]) + table


def test_fields_are_read() -> None:
    head = OpusHead.parse(MONO, serial=77)
    assert head == OpusHead(77, 1, 1, 312, 48000, 0, 0, 1, 0, b"\x00")


def test_stereo_of_family_0_is_one_coupled_stream() -> None:
    head = OpusHead.parse(MONO.replace(b"Head\x01\x01", b"Head\x01\x02"))
    assert (head.streams, head.coupled, head.mapping) == (1, 1, b"\x00\x01")


def test_output_gain_is_signed_and_in_256ths_of_a_decibel() -> None:
    assert OpusHead.parse(MONO[:16] + b"\x00\xfa\x00").output_gain_db == -6


@pytest.mark.parametrize("version", range(16))
def test_minor_versions_are_read(version: int) -> None:
    assert OpusHead.parse(MONO[:8] + bytes([version]) + MONO[9:]).version == version


def test_octets_past_the_end_are_accepted() -> None:
    assert OpusHead.parse(MONO + b"more") == OpusHead.parse(MONO)


def test_family_1_has_a_table() -> None:
    head = OpusHead.parse(table_head(1, 6, 4, 2, bytes([0, 4, 1, 2, 3, 5])))
    assert (head.channels, head.streams, head.coupled, head.mapping) == (6, 4, 2, bytes([0, 4, 1, 2, 3, 5]))


def test_silent_channel_is_accepted() -> None:
    assert OpusHead.parse(table_head(1, 2, 1, 0, b"\x00\xff")).mapping == b"\x00\xff"


@pytest.mark.parametrize("family", [2, 200, 255])
def test_other_families_have_a_table_and_up_to_255_channels(family: int) -> None:
    head = OpusHead.parse(table_head(family, 255, 255, 0, bytes(range(255))))
    assert head.channels == head.streams == 255


def test_family_3_has_a_matrix_in_place_of_the_table() -> None:
    matrix = bytes(range(2 * 3 * 2))
    head = OpusHead.parse(table_head(3, 2, 2, 1, matrix + b"more"))
    assert (head.demixing, head.mapping) == (matrix, b"\x00\x01")


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "OpusHead expected"),
        (b"OpusTags", "OpusHead expected"),
        (MONO[:18], "18 bytes"),
        (MONO[:8] + b"\x10" + MONO[9:], "version 16"),
        (MONO[:9] + b"\x00" + MONO[10:], "0 channels"),
        (MONO[:9] + b"\x03" + MONO[10:], "3 channels"),
        (table_head(1, 9, 9, 0, bytes(range(9))), "9 channels"),
        (table_head(255, 0, 1, 0, b""), "0 channels"),
        (MONO[:18] + b"\x01\x01", "no channel mapping table"),
        (table_head(1, 1, 0, 0, b"\x00"), "0 streams"),
        (table_head(1, 2, 1, 2, b"\x00\x01"), "2 are coupled"),
        (table_head(255, 1, 200, 100, b"\x00"), "200 streams"),
        (table_head(1, 2, 1, 1, b"\x00"), "1 entries, 2 expected"),
        (table_head(1, 2, 1, 1, b"\x00\x02"), "index 2"),
        (table_head(3, 2, 2, 1, bytes(11)), "matrix of 11 bytes, 12 expected"),
    ],
)
def test_head_that_cannot_be_played_is_refused_by_what_is_wrong(data: bytes, found: str) -> None:
    with pytest.raises(FormatError, match=found):
        OpusHead.parse(data)


def test_simple_head_is_the_same_as_a_parsed_one() -> None:
    assert bytes(OpusHead.simple(1, 312)) == MONO
    assert OpusHead.simple(1, 312) == OpusHead.parse(MONO)


@st.composite
def heads(draw: st.DrawFn) -> OpusHead:
    family = draw(st.sampled_from([0, 1, 2, 3, 255]))
    channels = draw(st.integers(1, {0: 2, 1: 8}.get(family, 20)))
    streams, coupled = (1, channels - 1) if family == 0 else (draw(st.integers(1, 100)), 0)
    coupled = coupled or draw(st.integers(0, streams if family else 0))
    indices = st.one_of(st.integers(0, streams + coupled - 1), st.just(255))
    listed = family in (1, 2, 255)
    mapping = bytes(draw(st.lists(indices, min_size=channels, max_size=channels)) if listed else range(channels))
    size = 2 * (streams + coupled) * channels
    demixing = draw(st.binary(min_size=size, max_size=size)) if family == 3 else None
    return OpusHead(
        serial=draw(st.integers(0, 2**32 - 1)),
        version=draw(st.integers(0, 15)),
        channels=channels,
        pre_skip=draw(st.integers(0, 65535)),
        input_sample_rate=draw(st.integers(0, 2**32 - 1)),
        output_gain=draw(st.integers(-32768, 32767)),
        mapping_family=family,
        streams=streams,
        coupled=coupled,
        mapping=mapping,
        demixing=demixing,
    )


@given(heads())
def test_written_head_reads_the_same(head: OpusHead) -> None:
    assert OpusHead.parse(bytes(head), head.serial) == head


@given(st.one_of(st.binary(max_size=60), st.binary(max_size=60).map(b"OpusHead".__add__)))
def test_any_bytes_give_a_head_or_a_format_error(data: bytes) -> None:
    try:
        head = OpusHead.parse(data)
    except FormatError:
        return
    assert len(head.mapping) == head.channels
