"""The resampler against soxr's best, on sweeps, whatever the sizes of the pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import soxr
from hypothesis import given, strategies as st

from oggstream.audio.convert import Converter
from oggstream.audio.frame import PcmFrame
from oggstream.audio.resample import MOST_TERMS, SIDE, _filter, resampler

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

PAIRS = [
    (22050, 48000),
    (24000, 48000),
    (44100, 48000),
    (16000, 48000),
    (8000, 48000),
    (48000, 44100),
    (24000, 44100),
    (96000, 48000),
    (48000, 16000),
]


def sweep(rate: int, top: float, seconds: float = 1.0) -> Sound:
    """From 20 Hz to ``top`` Hz."""
    times = np.arange(int(rate * seconds)) / rate
    phase = 20 * times + (top - 20) / (2 * seconds) * times**2
    return (0.5 * np.sin(2 * np.pi * phase)).astype(np.float32)[:, None]


def signal_to_noise(sound: Sound, reference: NDArray[np.float64]) -> float:
    noise = sound.astype(np.float64) - reference
    return float(10 * np.log10((reference**2).mean() / (noise**2).mean()))


def resampled(pcm: Sound, pair: tuple[int, int], sizes: list[int]) -> list[Sound]:
    """The pieces that come out for pieces of these sizes, over and over."""
    one = resampler(*pair, pcm.shape[1])
    parts, at, turn = [], 0, 0
    while at < len(pcm):
        parts.append(one.feed(pcm[at : at + sizes[turn % len(sizes)]]))
        at += sizes[turn % len(sizes)]
        turn += 1
    return [*parts, one.finish()]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("top", [0.45, 0.5])  # of the lower rate: to where filters are flat, and to the very end
def test_a_sweep_is_soxr_at_its_best(pair: tuple[int, int], top: float) -> None:
    source = sweep(pair[0], min(pair) * top)
    best = soxr.resample(source.astype(np.float64), *pair, "VHQ")
    for sizes in ([len(source)], [pair[0] // 50], [1, 17, 480, 3, 1111]):
        out = np.concatenate(resampled(source, pair, sizes))
        assert len(out) == len(best)
        assert signal_to_noise(out, best) > 105


@pytest.mark.parametrize("pair", PAIRS)
def test_seams_leave_no_trace(pair: tuple[int, int]) -> None:
    source = sweep(pair[0], min(pair) * 0.45, 0.3)
    whole = np.concatenate(resampled(source, pair, [len(source)])).astype(np.float64)
    assert signal_to_noise(np.concatenate(resampled(source, pair, [7, 480, 1])), whole) > 125


@pytest.mark.parametrize("pair", PAIRS)
def test_only_half_the_filter_is_held_back(pair: tuple[int, int]) -> None:
    one = resampler(*pair, 1)
    most = given = 0.0
    for number in range(1, 400):
        given += len(one.feed(np.zeros((pair[0] // 1000, 1), np.float32)))
        most = max(most, number * (pair[0] // 1000) / pair[0] - given / pair[1])
    assert most <= (SIDE + 2) / min(pair)


def test_the_first_sound_comes_with_the_first_frame() -> None:
    one = resampler(24000, 48000, 1)
    assert len(one.feed(np.zeros((480, 1), np.float32))) == 960 - 2 * SIDE


def test_channels_stay_apart() -> None:
    left, right = sweep(24000, 5000, 0.1), sweep(24000, 900, 0.1)
    both = np.concatenate(resampled(np.hstack((left, right)), (24000, 48000), [480]))
    assert both.flags.c_contiguous
    for channel, alone in enumerate((left, right)):
        assert both[:, channel] == pytest.approx(
            np.concatenate(resampled(alone, (24000, 48000), [480]))[:, 0], abs=1e-6
        )


@given(
    sizes=st.lists(st.integers(0, 700), min_size=1, max_size=6),
    total=st.integers(0, 3000),
    pair=st.sampled_from([*PAIRS, (48000, 47999), (11025, 48000), (48000, 8000), (2, 1), (1, 3)]),
)
def test_the_length_is_right_to_the_sample(sizes: list[int], total: int, pair: tuple[int, int]) -> None:
    parts = resampled(np.ones((total, 2), np.float32), pair, [*sizes, 100])
    assert all(part.dtype == np.float32 and part.shape[1] == 2 for part in parts)
    assert abs(sum(map(len, parts)) - total * pair[1] / pair[0]) <= 0.5


def test_a_ratio_of_large_numbers_is_left_to_soxr() -> None:
    pair = (48000, 47999)
    source = sweep(48000, 10000, 0.5)
    out = np.concatenate(resampled(source, pair, [480]))
    assert signal_to_noise(out, soxr.resample(source.astype(np.float64), *pair, "VHQ")) > 80
    assert max(pair) > MOST_TERMS


def test_the_filter_is_made_once_and_is_small() -> None:
    for up, down in ((2, 1), (640, 147), (147, 640), (1, 8), (1023, 1024)):
        matrix = _filter(up, down).matrix
        assert matrix is _filter(up, down).matrix
        assert matrix.nbytes < 6 << 20
        assert matrix.sum(axis=1) == pytest.approx(1, abs=2e-5)


def test_a_converter_can_be_made_ready_for_a_rate() -> None:
    pcm = sweep(24000, 5000, 0.1)
    ready, other = Converter(1), Converter(1)
    ready.expect(24000)
    made = ready._resampler
    assert made is not None
    frame = PcmFrame(pcm, 0, 24000)
    out = np.concatenate(ready.convert(frame) + ready.finish())
    assert np.array_equal(out, np.concatenate(other.convert(frame) + other.finish()))
    ready.expect(48000)
    assert ready._resampler is None
    assert ready.convert(PcmFrame(pcm, 0))[0] is pcm


def test_what_is_expected_in_mid_stream_changes_nothing() -> None:
    converter = Converter(1)
    parts = converter.convert(PcmFrame(sweep(24000, 5000, 0.1), 0, 24000))
    converter.expect(48000)
    assert sum(map(len, parts + converter.finish())) == 4800
