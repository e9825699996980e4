from __future__ import annotations

import itertools

import numpy as np
import pytest

from oggstream.audio.mulaw import SILENCE, to_mulaw
from oggstream.body.samples import SampleFormat, to_float

# ITU-T G.711 table 2a: where the segments begin, and in which steps, of samples of 14 bits.
SEGMENTS = [(0, 1, 1), (1, 2, 15), (31, 4, 16), (95, 8, 16), (223, 16, 16), (479, 32, 16), (991, 64, 16)]
SEGMENTS += [(2015, 128, 16), (4063, 256, 16)]
DECISIONS = [start + step * number for start, step, count in SEGMENTS for number in range(count)]
ENDS = [*DECISIONS[1:], 8159]
VALUES = [0, *((low + high) // 2 for low, high in itertools.islice(zip(DECISIONS, ENDS, strict=True), 1, None))]


def octets(samples: list[int]) -> list[int]:
    """The octets of samples of 16 bits."""
    return list(to_mulaw(np.array(samples, np.float32) / np.float32(32768)))


def test_the_128_values_of_either_sign_are_those_of_the_recommendation() -> None:
    assert len(VALUES) == 128
    assert VALUES[-1] == 8031
    decoded = to_float(bytes(range(256)), SampleFormat("ulaw", 1)) * 8192
    assert list(decoded[:127:-1]) == VALUES
    assert list(decoded[127::-1]) == [-value for value in VALUES]


def test_each_interval_of_the_recommendation_has_its_octet() -> None:
    for number, (low, high) in enumerate(zip(DECISIONS, ENDS, strict=True)):
        last = min(4 * high - 1, 32767)
        assert octets([4 * low, last]) == [255 - number] * 2
        assert octets([-4 * low - 1, -last - 1]) == [127 - number] * 2


def test_what_was_mu_law_is_the_same_again() -> None:
    every = bytes(range(256))
    again = to_mulaw(to_float(every, SampleFormat("ulaw", 1)))
    assert [new for old, new in zip(every, again, strict=True) if old != new] == [SILENCE]  # of -0 and +0


@pytest.mark.parametrize(("value", "octet"), [(0.0, SILENCE), (1.0, 0x80), (9.0, 0x80), (-1.0, 0x00), (-9.0, 0x00)])
def test_silence_and_what_is_too_loud(value: float, octet: int) -> None:
    assert to_mulaw(np.array([value], np.float32)) == bytes([octet])


def test_no_sample_is_further_off_than_half_a_step_of_its_segment() -> None:
    samples = np.arange(-32124, 32125, dtype=np.float32)
    back = to_float(to_mulaw(samples / 32768), SampleFormat("ulaw", 1)) * 32768
    steps = 4 * 2.0 ** (np.floor(np.log2(np.abs(samples) / 4 + 33)) - 4)
    assert np.all(np.abs(back - samples) <= steps / 2 + 1)
