from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import pytest

from oggstream.audio.ring import PcmRing
from oggstream.errors import DeviceError
from oggstream.sinks.device import DeviceSink
from pulse import SoundServer, sound_server

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["sound_server"]

RATE = 48000


def noise(seconds: float, channels: int = 2, seed: int = 1) -> NDArray[np.float32]:
    """Sound without a silent sample, loud to its edges."""
    values = np.random.default_rng(seed).uniform(0.1, 0.9, (round(seconds * RATE), channels))
    return values.astype(np.float32)


async def play(sink: DeviceSink, pcm: NDArray[np.float32]) -> PcmRing:
    """Play it to its end, as the engine does: begin early, write as there is room."""
    form = await sink.prepare()
    assert form.channels is not None
    ring = PcmRing(form.channels, form.rate, 0.5)
    sink.start(ring)
    written = ring.write(pcm)
    ring.begin()
    while written < len(pcm):
        await asyncio.sleep(0.01)
        written += ring.write(pcm[written:])
    ring.finish()
    await sink.drain()
    return ring


async def test_what_is_heard_is_what_was_written_sample_for_sample(sound_server: SoundServer) -> None:
    pcm = noise(1.5)
    sink = DeviceSink()
    async with sound_server.recording() as recording:
        ring = await play(sink, pcm)
        await sink.aclose()
    assert np.array_equal(recording.sound, pcm)
    assert (ring.stalls, sink.underflows) == (0, 0)


async def test_the_next_ring_plays_on_the_open_stream(sound_server: SoundServer) -> None:
    first, second = noise(0.3), noise(0.3, seed=2)
    sink = DeviceSink()
    async with sound_server.recording() as recording:
        await play(sink, first)
        stream = sink._stream
        await play(sink, second)
        assert sink._stream is stream
        await sink.aclose()
    sound = recording.sound
    assert np.array_equal(sound[: len(first)], first)
    assert np.array_equal(sound[-len(second) :], second)
    assert not sound[len(first) : -len(second)].any()
