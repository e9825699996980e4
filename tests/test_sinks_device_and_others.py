"""A device beside others, in real time: `DeviceSink` on a driver that does what it is told."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import numpy as np
import pytest

import oggstream
from fake_sounddevice import FakeSoundDevice, sounddevice
from oggstream.errors import DeviceError
from oggstream.options import PlaybackOptions
from oggstream.sinks.device_sink import DeviceSink
from oggstream.sinks.null_sink import NullSink
from oggstream.sinks.sink import Sink
from oggstream.sinks.wav_sink import WavSink
from patience import PATIENCE
from scripted import ScriptedSource, spoken

__all__ = ["sounddevice"]

OPTIONS = PlaybackOptions(history=None, slowest=1.0, conceal=False)


@asynccontextmanager
async def playing(driver: FakeSoundDevice, *, until: float = 1e9) -> AsyncIterator[list[float]]:
    """A block whose devices ask for sound, and vanish after ``until`` samples of it; gives the left channel."""
    heard: list[float] = []

    async def play() -> None:
        while True:
            await asyncio.sleep(0.002)
            for stream in driver.streams:
                if stream.active and len(heard) > until:
                    stream.vanish()
                elif stream.active:
                    heard.extend(stream.ask(480)[::2])

    task = asyncio.create_task(play())
    try:
        yield heard
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("leads", [True, False])
async def test_a_device_plays_to_the_sample_what_a_file_beside_it_holds(
    sounddevice: FakeSoundDevice, leads: bool
) -> None:
    file, device = io.BytesIO(), DeviceSink()
    source = ScriptedSource([(0.0, spoken(0.5))])
    async with asyncio.timeout(PATIENCE), WavSink(file) as wav, device, playing(sounddevice) as heard:
        sinks: list[Sink] = [device, wav] if leads else [NullSink(), wav, device]
        report = await oggstream.play_stream("Hello.", source=source, sink=sinks, options=OPTIONS)
    assert report.completed
    assert not report.stream.warnings
    assert {sink.name: sink.heard for sink in report.sinks}["device"] == 24000
    samples = np.frombuffer(file.getvalue()[44:], np.int16)
    assert len(samples) == 24000
    sound = np.rint(np.array(heard, np.float32) * 32768).astype(np.int16)
    begins = int(np.flatnonzero(sound)[0]) - int(np.flatnonzero(samples)[0])
    assert np.array_equal(sound[begins : begins + 24000], samples)


async def test_a_device_that_vanishes_is_left_out_where_it_follows_and_ends_the_speech_where_it_leads(
    sounddevice: FakeSoundDevice,
) -> None:
    for leads in (False, True):
        file, device = io.BytesIO(), DeviceSink()
        source = ScriptedSource([(0.0, spoken(1.0))])
        async with asyncio.timeout(PATIENCE), WavSink(file) as wav, device, playing(sounddevice, until=9600):
            sinks: list[Sink] = [device, wav] if leads else [NullSink(), device, wav]
            speech = oggstream.play_stream("Hello.", source=source, sink=sinks, options=OPTIONS)
            if leads:
                with pytest.raises(DeviceError):
                    await speech
            else:
                report = await speech
                assert report.sinks[1].error is not None
                assert report.sinks[0].heard == report.sinks[2].heard == 48000
