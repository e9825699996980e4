"""Slower or faster at the same pitch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, strategies as st

from oggstream.voice.stretch import Stretcher

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 22050


def stretched(samples: NDArray[np.int16], factor: float, piece: int = 1323) -> NDArray[np.int16]:
    stretcher = Stretcher(RATE, factor)
    parts = [stretcher.feed(samples[at : at + piece]) for at in range(0, len(samples), piece)]
    return np.concatenate([*parts, stretcher.finish()])


def tone(frequency: float, seconds: float = 1.0) -> NDArray[np.int16]:
    return (10000 * np.sin(2 * np.pi * frequency * np.arange(int(RATE * seconds)) / RATE)).astype(np.int16)


def loudest_frequency(samples: NDArray[np.int16]) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum)) * RATE / len(samples)


@pytest.mark.parametrize("factor", [0.5, 0.56, 0.8, 1.0, 1.1, 1.5, 1.83, 3.0])
def test_a_tone_changes_its_length_and_keeps_its_pitch_and_level(factor: float) -> None:
    source = tone(200)
    result = stretched(source, factor)
    assert len(result) == round(len(source) * factor)
    assert loudest_frequency(result) == pytest.approx(200, abs=3)
    middle = result[2000:-3000].astype(float)
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(10000 / np.sqrt(2), rel=0.05)


@pytest.mark.parametrize("factor", [0.56, 1.83])
def test_no_sample_jumps_where_segments_meet(factor: float) -> None:
    source = tone(200) // 2 + tone(333) // 2 + tone(477) // 2  # at no distance the same again
    result = stretched(source, factor)[:-1500].astype(int)
    assert np.abs(np.diff(result)).max() < 1.2 * np.abs(np.diff(source.astype(int))).max()


@given(st.lists(st.integers(0, 3000), max_size=12), st.floats(0.5, 2))
def test_pieces_of_any_length_give_the_exact_length(pieces: list[int], factor: float) -> None:
    stretcher = Stretcher(RATE, factor)
    made = sum(len(stretcher.feed(np.zeros(piece, np.int16))) for piece in pieces)
    assert made + len(stretcher.finish()) == round(sum(pieces) * factor)


@given(st.integers(1, 4000))
def test_the_pieces_do_not_change_the_sound(piece: int) -> None:
    source = tone(150, 0.4) + tone(333, 0.4) // 3
    np.testing.assert_array_equal(stretched(source, 1.4, piece), stretched(source, 1.4))


@pytest.mark.parametrize("factor", [0.56, 1.83])
def test_little_is_held_back_however_long_it_goes_on(factor: float) -> None:
    stretcher = Stretcher(RATE, factor)
    for _ in range(100):
        stretcher.feed(tone(200, 0.06))
        assert len(stretcher._input) < RATE * 0.2


def test_loud_sound_is_clipped_not_wrapped() -> None:
    square = np.where(np.arange(RATE) % 100 < 50, 32767, -32768).astype(np.int16)
    result = stretched(square, 1.5)
    assert result.max() <= 32767
    assert np.sqrt(np.mean(result[:-2000].astype(float) ** 2)) > 25000
