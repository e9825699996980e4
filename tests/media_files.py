"""Sound files of kinds that FFmpeg reads, made with PyAV; a test that wants one is skipped without it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from bodies import tone

RATE = 48000


class Kind(NamedTuple):
    """How FFmpeg calls container, codec and samples; how far sound may be from what was encoded, of full scale."""

    container: str
    codec: str
    sample: str
    error: float


KINDS = {
    "flac": Kind("flac", "flac", "s16", 0.0),
    "m4a": Kind("mp4", "aac", "fltp", 0.02),
    "webm": Kind("webm", "libopus", "s16", 0.02),
    "aiff": Kind("aiff", "pcm_s16be", "s16", 0.0),
    "au": Kind("au", "pcm_s16be", "s16", 0.0),
    "caf": Kind("caf", "pcm_s16le", "s16", 0.0),
}


def make(folder: Path, ending: str, channels: int = 1) -> Path:
    """A file of that kind with a second of `tone`."""
    av: Any = pytest.importorskip("av", reason="PyAV is not installed (the extra codec)")
    kind, layout = KINDS[ending], {1: "mono", 2: "stereo"}[channels]
    path = folder / f"tone.{ending}"
    with av.open(str(path), "w", format=kind.container) as output:
        stream = output.add_stream(kind.codec, rate=RATE)
        stream.codec_context.layout, stream.codec_context.format = layout, kind.sample
        resampler = av.AudioResampler(kind.sample, layout, RATE)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples(channels)).reshape(1, -1), "s16", layout)
        frame.sample_rate, frame.pts = RATE, 0
        for converted in [*resampler.resample(frame), None]:
            output.mux(stream.encode(converted))
    return path


def samples(channels: int = 1) -> Any:
    """What is encoded: int16 of shape (samples, channels)."""
    return np.asarray(tone(RATE, RATE, channels), np.int16)
