from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import FormatError
from oggstream.opus.toc import FRAME_SAMPLES, frame_sizes, multistream_samples, packet_info, packet_samples

SILK_20 = 0x08
CELT_2_5 = 0x80
CELT_20 = 0x98
SILK_60 = 0x18


def code(number: int, config: int = SILK_20) -> bytes:
    return bytes([config | number])


def with_samples(data: bytes, samples: int) -> None:
    assert packet_samples(data) == samples
    assert packet_info(data).samples == samples


def refused(data: bytes, rule: str) -> None:
    assert packet_samples(data) == 0
    with pytest.raises(FormatError, match=rule):
        packet_info(data)


@pytest.mark.parametrize(
    ("configs", "mode", "bandwidth", "sizes"),
    [
        (range(4), "silk", "narrowband", (10, 20, 40, 60)),
        (range(4, 8), "silk", "mediumband", (10, 20, 40, 60)),
        (range(8, 12), "silk", "wideband", (10, 20, 40, 60)),
        (range(12, 14), "hybrid", "superwideband", (10, 20)),
        (range(14, 16), "hybrid", "fullband", (10, 20)),
        (range(16, 20), "celt", "narrowband", (2.5, 5, 10, 20)),
        (range(20, 24), "celt", "wideband", (2.5, 5, 10, 20)),
        (range(24, 28), "celt", "superwideband", (2.5, 5, 10, 20)),
        (range(28, 32), "celt", "fullband", (2.5, 5, 10, 20)),
    ],
)
def test_configurations_are_those_of_table_2(
    configs: range, mode: str, bandwidth: str, sizes: tuple[float, ...]
) -> None:
    for config, size in zip(configs, sizes, strict=True):
        for stereo in (False, True):
            info = packet_info(bytes([config << 3 | stereo << 2, 1, 2]))
            assert info == (mode, bandwidth, stereo, size * 48, (2,))


def test_toc_byte_alone_is_a_packet() -> None:
    with_samples(b"\x08", 960)
    assert packet_info(b"\x08").frame_sizes == (0,)


def test_empty_packet_breaks_r1() -> None:
    refused(b"", "R1")


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_frame_of_1275_bytes_is_the_longest(number: int) -> None:
    header, body = {0: (b"", 1275), 1: (b"", 2 * 1275), 2: (b"\xfb", 251 + 1275), 3: (b"\x01", 1275)}[number]
    assert packet_samples(code(number) + header + bytes(body)) in (960, 1920)
    refused(code(number) + header + bytes(body + (2 if number == 1 else 1)), "R2")


def test_code_1_is_two_frames_of_one_size() -> None:
    with_samples(code(1) + bytes(8), 1920)
    refused(code(1) + bytes(7), "R3")


def test_code_2_has_the_length_of_its_first_frame() -> None:
    with_samples(code(2) + b"\x03" + bytes(8), 1920)
    assert packet_info(code(2) + b"\x03" + bytes(8)).frame_sizes == (3, 5)
    refused(code(2), "R4")
    refused(code(2) + b"\x09" + bytes(8), "R4")


def test_lengths_from_252_take_two_bytes() -> None:
    assert packet_info(code(2) + b"\xfc\x01" + bytes(300)).frame_sizes == (256, 44)
    refused(code(2) + b"\xfc", "R4")


def test_code_3_with_equal_frames() -> None:
    with_samples(code(3) + b"\x03" + bytes(9), 2880)
    refused(code(3) + b"\x03" + bytes(10), "R6")
    refused(code(3), "R6")


def test_code_3_with_lengths() -> None:
    assert packet_info(code(3) + b"\x83\x01\x02" + bytes(9)).frame_sizes == (1, 2, 6)
    refused(code(3) + b"\x83\x01", "R7")
    refused(code(3) + b"\x83\x09\x02" + bytes(9), "R7")


def test_code_3_with_padding() -> None:
    assert packet_info(code(3) + b"\x42\x04" + bytes(10)).frame_sizes == (3, 3)
    assert packet_info(code(3) + b"\x41\xff\x02" + bytes(260)).frame_sizes == (4,)
    assert packet_info(code(3) + b"\xc2\x01\x02" + bytes(10)).frame_sizes == (2, 7)
    refused(code(3) + b"\x41\x0b" + bytes(10), "R6")
    refused(code(3) + b"\x41\xff", "R6")
    refused(code(3) + b"\x41", "R6")


def test_code_3_has_between_one_frame_and_120_ms() -> None:
    refused(code(3) + b"\x00", "R5")
    with_samples(code(3) + b"\x06", 5760)
    refused(code(3) + b"\x07", "R5")
    with_samples(code(3, CELT_2_5) + bytes([48]), 5760)
    refused(code(3, CELT_2_5) + bytes([49]), "R5")
    with_samples(code(3, SILK_60) + b"\x02", 5760)


def test_packet_beyond_61440_bytes_is_not_taken() -> None:
    short = code(3) + b"\x41" + b"\xff" * 200 + b"\x00" + bytes(200 * 254)
    with_samples(short, 960)
    long = code(3) + b"\x41" + b"\xff" * 300 + b"\x00" + bytes(300 * 254)
    assert packet_samples(long) == 0


def test_self_delimited_packets_say_where_they_end() -> None:
    behind = b"behind"
    cases = {
        code(0) + b"\x02" + bytes(2): [2],
        code(1) + b"\x02" + bytes(4): [2, 2],
        code(2) + b"\x01\x02" + bytes(3): [1, 2],
        code(3) + b"\x03\x02" + bytes(6): [2, 2, 2],
        code(3) + b"\x83\x01\x00\x02" + bytes(3): [1, 0, 2],
        code(3) + b"\x42\x03\x02" + bytes(7): [2, 2],
    }
    for packet, sizes in cases.items():
        assert frame_sizes(b"before" + packet + behind, 6, self_delimited=True) == (sizes, 6 + len(packet))


def test_self_delimited_packet_that_is_cut_is_refused() -> None:
    with pytest.raises(FormatError):
        frame_sizes(code(0), self_delimited=True)
    with pytest.raises(FormatError):
        frame_sizes(code(1) + b"\x03" + bytes(5), self_delimited=True)


def test_packets_of_several_streams_have_one_duration() -> None:
    one, other = code(0) + b"\x02ab", code(0, CELT_20) + b"cde"
    assert multistream_samples(one + one + other, 3) == 960
    assert multistream_samples(one + code(0, CELT_2_5) + b"cde", 2) == 0
    assert multistream_samples(one, 2) == 0
    assert multistream_samples(one[:2], 2) == 0


@given(st.binary(max_size=40))
def test_any_bytes_have_a_duration_or_break_a_rule(data: bytes) -> None:
    samples = packet_samples(data)
    assert samples in range(0, 5761, 120)
    if samples:
        assert packet_info(data).samples == samples
    else:
        refused(data, r"^R\d")


@given(st.binary(min_size=1, max_size=60), st.booleans())
def test_frames_lie_within_the_packet(data: bytes, self_delimited: bool) -> None:  # drawn
    try:
        sizes, end = frame_sizes(data, self_delimited=self_delimited)
    except FormatError:
        return
    assert sum(sizes) < end <= len(data)
    assert end == len(data) or self_delimited
    assert 0 < len(sizes) * FRAME_SAMPLES[data[0]] <= 5760


@given(st.binary(min_size=1, max_size=60), st.binary(max_size=5))
def test_what_follows_a_self_delimited_packet_does_not_change_it(data: bytes, more: bytes) -> None:
    try:
        found = frame_sizes(data, self_delimited=True)
    except FormatError:
        return
    assert frame_sizes(data + more, self_delimited=True) == found
