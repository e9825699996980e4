from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, strategies as st

from oggstream.audio.convert import Converter
from oggstream.audio.frame import PcmFrame
from oggstream.audio.layout import mix_matrix
from oggstream.audio.ring import PcmRing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pcm = NDArray[np.float32]


def noise(samples: int, channels: int = 1, seed: int = 1) -> Pcm:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (samples, channels)).astype(np.float32)


def tone(samples: int, rate: int, frequency: float = 440.0) -> Pcm:
    values: Pcm = np.sin(2 * np.pi * frequency / rate * np.arange(samples)).astype(np.float32)[:, None]
    return values


def frames(pcm: Pcm, size: int = 960, rate: int = 48000) -> list[PcmFrame]:
    return [PcmFrame(pcm[at : at + size], at * 48000 // rate, rate) for at in range(0, len(pcm), size)]


def convert(converter: Converter, given_frames: list[PcmFrame]) -> Pcm:
    parts = [part for frame in given_frames for part in converter.convert(frame)] + converter.finish()
    assert all(part.dtype == np.float32 and part.flags.c_contiguous and len(part) for part in parts)
    return np.concatenate(parts) if parts else np.empty((0, converter.channels), np.float32)


def test_a_frame_that_is_right_passes_without_a_copy() -> None:
    pcm = noise(960, 2)
    assert [part is pcm for part in Converter(2).convert(PcmFrame(pcm, 0))] == [True]


def test_a_slice_across_the_grain_is_made_contiguous() -> None:
    pcm = noise(960, 4)[:, ::2]
    (part,) = Converter(2).convert(PcmFrame(pcm, 0))
    assert part.flags.c_contiguous
    assert np.array_equal(part, pcm)


def test_an_empty_frame_gives_nothing() -> None:
    assert Converter(2).convert(PcmFrame(noise(0), 0)) == []
    assert Converter(2, 44100).convert(PcmFrame(noise(0), 0)) == []


def test_mono_goes_to_both_channels() -> None:
    pcm = noise(960)
    assert np.array_equal(convert(Converter(2), [PcmFrame(pcm, 0)]), np.hstack((pcm, pcm)))


def test_mono_goes_to_the_front_of_many_channels() -> None:
    pcm = noise(960)
    out = convert(Converter(6), [PcmFrame(pcm, 0)])
    assert np.array_equal(out[:, :2], np.hstack((pcm, pcm)))
    assert not out[:, 2:].any()


def test_stereo_to_mono_is_half_the_sum() -> None:
    pcm = noise(960, 2)
    out = convert(Converter(1), [PcmFrame(pcm, 0)])
    assert np.array_equal(out[:, 0], (pcm[:, 0] + pcm[:, 1]) / 2)


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_surround_is_mixed_by_the_layouts(channels: int) -> None:
    pcm = noise(960, channels)
    out = convert(Converter(2), [PcmFrame(pcm, 0)])
    assert out == pytest.approx(pcm @ np.array(mix_matrix(channels, 2), np.float32), abs=1e-6)


def test_channels_may_change_from_frame_to_frame() -> None:
    mono, stereo = noise(960), noise(960, 2)
    out = convert(Converter(2), [PcmFrame(mono, 0), PcmFrame(stereo, 960), PcmFrame(mono, 1920)])
    assert np.array_equal(out, np.vstack((np.hstack((mono, mono)), stereo, np.hstack((mono, mono)))))


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 32000, 44100, 88200, 96000, 192000])
def test_another_rate_has_the_same_sound_at_the_same_time(rate: int) -> None:
    out = convert(Converter(1, rate), frames(tone(24000, 48000)))
    expected = tone(rate // 2, rate)
    assert len(out) == len(expected)
    edge = rate // 50  # what a filter does where sound begins and ends
    assert np.abs(out - expected)[edge:-edge].max() < 2e-4


@given(sizes=st.lists(st.integers(0, 3000), min_size=1, max_size=12), rate=st.sampled_from([16000, 44100, 96000]))
def test_the_sizes_of_frames_do_not_change_what_comes_out(sizes: list[int], rate: int) -> None:
    pcm = noise(sum(sizes))
    cuts = np.cumsum([0, *sizes])
    pieces = [PcmFrame(pcm[a:b], int(a)) for a, b in pairwise(cuts)]
    split, whole = convert(Converter(1, rate), pieces), convert(Converter(1, rate), [PcmFrame(pcm, 0)])
    assert len(split) == len(whole)
    assert abs(len(whole) - len(pcm) * rate / 48000) <= 0.5
    assert split == pytest.approx(whole, abs=1e-6)


def test_a_resampled_stream_holds_back_little() -> None:
    converter = Converter(2, 44100)
    first = sum(map(len, converter.convert(PcmFrame(noise(960), 0))))
    assert 882 - first < 0.005 * 44100


def test_frames_may_change_their_rate() -> None:
    parts = [*frames(tone(12000, 24000), 480, 24000), *frames(tone(24000, 48000), 960)]
    out = convert(Converter(1), parts)
    assert len(out) == 48000
    assert np.array_equal(out[24000:], tone(24000, 48000))


def test_what_is_held_back_comes_once_and_a_new_stream_may_follow() -> None:
    converter = Converter(1, 44100)
    pcm = noise(4800)
    first = convert(converter, frames(pcm))
    assert converter.finish() == []
    assert np.array_equal(convert(converter, frames(pcm)), first)


def test_finishing_without_a_frame_gives_nothing() -> None:
    assert Converter(1, 44100).finish() == []


def test_what_comes_out_can_be_written_to_a_ring() -> None:
    ring = PcmRing(2, 44100)
    for part in Converter(2, 44100).convert(PcmFrame(noise(4800), 0)):
        assert ring.write(part) == len(part)
