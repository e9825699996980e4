"""The volume of the options."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import oggstream
from oggstream.playout.volume import at_volume
from oggstream.sinks.wav_sink import WavSink
from scripted import ScriptedSource, spoken


def test_at_one_samples_stay_what_they_are() -> None:
    pcm = np.ones((4, 1), np.float32)
    assert at_volume(pcm, 1.0) is pcm


@pytest.mark.parametrize("volume", [0.0, 0.5, 2.0])
def test_below_the_knee_it_is_a_factor(volume: float) -> None:
    pcm = np.linspace(-0.39, 0.39, 101, dtype=np.float32).reshape(-1, 1)
    assert np.allclose(at_volume(pcm, volume), pcm * volume)
    assert at_volume(pcm, volume).dtype == np.float32


def test_above_it_peaks_are_rounded_off_and_stay_in_order_below_full_scale() -> None:
    pcm = np.linspace(-1, 1, 2001, dtype=np.float32).reshape(-1, 1)
    loud = at_volume(pcm, 3.0)
    assert np.abs(loud).max() <= 1
    assert (np.diff(loud[:, 0]) >= 0).all()
    assert np.abs(np.diff(loud[:, 0])).max() < 0.0031  # no corner: no step is larger than the factor makes it


async def test_frames_and_what_is_written_have_it(tmp_path: Path) -> None:
    async def peak(volume: float) -> float:
        options = oggstream.PlaybackOptions(volume=volume)
        stream = oggstream.stream_frames("Hi", source=ScriptedSource([(0, spoken(0.3))]), options=options)
        return float(max([np.abs(frame.pcm).max() async for frame in stream]))

    whole = await peak(1.0)
    assert await peak(0.25) == pytest.approx(whole / 4)
    assert await peak(0) == 0

    async def written(volume: float) -> float:
        options = oggstream.PlaybackOptions(volume=volume, history=None)
        async with WavSink(tmp_path / "x.wav") as sink:
            report = await oggstream.play_stream(
                "Hi", source=ScriptedSource([(0, spoken(0.3))]), sink=sink, options=options
            )
        assert report.timing.first_audible is not None  # what is heard is told by the speech, not by the volume
        data = (tmp_path / "x.wav").read_bytes()[44:]
        return float(np.abs(np.frombuffer(data, np.int16).astype(int)).max())

    assert await written(0.25) == pytest.approx(whole / 4 * 32768, abs=2)
