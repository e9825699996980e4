"""Tones in MP3 and AAC."""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import pytest

from bodies import tone


@cache
def encoded(codec: str, rate: int = 24000, channels: int = 1) -> bytes:
    """A tone of a second, encoded by PyAV; skips the test without it."""
    av: Any = pytest.importorskip("av", reason="PyAV is not installed (the extra codec)")
    try:
        context = av.CodecContext.create({"mp3": "libmp3lame", "aac": "aac"}[codec], "w")
    except av.FFmpegError:
        pytest.skip(f"PyAV has no encoder for {codec}")
    context.sample_rate, context.layout, context.bit_rate = rate, {1: "mono", 2: "stereo"}[channels], 64000
    context.format, context.time_base = "fltp", Fraction(1, rate)
    context.open()
    pcm = np.ascontiguousarray(tone(rate, rate, channels).T.astype(np.float32) / 32768)
    body = b""
    size = context.frame_size
    for at in [*range(0, rate - size, size), None]:
        frame = None
        if at is not None:
            frame = av.AudioFrame.from_ndarray(
                np.ascontiguousarray(pcm[:, at : at + size]), "fltp", context.layout.name
            )
            frame.sample_rate, frame.pts, frame.time_base = rate, at, Fraction(1, rate)
        for packet in context.encode(frame):
            data = bytes(packet)
            body += adts(data, rate, channels) if codec == "aac" else data
    return body


def adts(data: bytes, rate: int, channels: int) -> bytes:
    """A frame of AAC-LC with its ADTS header (ISO 13818-7 section 6.2)."""
    index = [96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000].index(rate)
    size = len(data) + 7
    bits = (0xFFF1 << 40) | 1 << 38 | index << 34 | channels << 30 | size << 13 | 0x7FF << 2
    return bits.to_bytes(7, "big") + data
