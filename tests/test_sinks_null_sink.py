from __future__ import annotations

import asyncio

import numpy as np
import pytest

from oggstream.audio.ring import PcmRing
from oggstream.sinks.null_sink import NullSink
from oggstream.sinks.sink import PreparedSink, SinkFormat


def filled(seconds: float = 0.1, channels: int = 1, rate: int = 48000) -> PcmRing:
    """A ring that holds all it will ever hold."""
    ring = PcmRing(channels, rate)
    ring.write(sound(seconds, channels, rate))
    ring.begin()
    ring.finish()
    return ring


def sound(seconds: float, channels: int = 1, rate: int = 48000) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    count = round(seconds * rate)
    return (1 + np.arange(count * channels, dtype=np.float32)).reshape(count, channels)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_it_takes_what_the_stream_has_unless_it_is_told_its_format() -> None:
    assert await NullSink().prepare() == SinkFormat(None, 48000)
    assert await NullSink(channels=2, rate=44100).prepare() == SinkFormat(2, 44100)
    assert isinstance(NullSink(), PreparedSink)


@pytest.mark.looptime
async def test_the_last_sample_is_heard_after_the_sound_and_the_latency() -> None:
    sink, ring, begun = NullSink(latency=0.02), filled(0.1), now()
    sink.start(ring)
    await sink.drain()
    assert now() - begun == pytest.approx(0.12, abs=1e-5)
    assert ring.time_of(0) == begun + 0.02
    assert ring.time_of(4800) == pytest.approx(begun + 0.12)
    assert ring.done


@pytest.mark.looptime
async def test_blocks_are_taken_at_every_period() -> None:
    sink, ring = NullSink(period=0.02), PcmRing(1)
    sink.start(ring)
    ring.write(sound(1.0))
    ring.begin()
    await asyncio.sleep(0.07)
    assert ring.read == 3 * 960
    assert sink.callbacks == 4
    sink.abort()


@pytest.mark.looptime
async def test_what_was_played_is_recorded_silence_included() -> None:
    sink, ring = NullSink(record=True), PcmRing(2)
    sink.start(ring)
    await asyncio.sleep(0.005)
    ring.write(sound(0.015, 2))
    ring.begin()
    ring.finish()
    await sink.drain()
    played = sink.recording
    assert played.shape == (3 * 480, 2)
    assert not played[:480].any()
    assert np.array_equal(played[480:1200], sound(0.015, 2))
    assert not played[1200:].any()


async def test_nothing_is_recorded_unless_asked() -> None:
    assert NullSink().recording.shape == (0, 1)


@pytest.mark.looptime
async def test_a_stall_is_silence_of_whole_blocks() -> None:
    sink, ring = NullSink(), PcmRing(1)
    ring.write(sound(0.01))
    ring.begin()
    sink.start(ring)
    await asyncio.sleep(0.035)
    ring.write(sound(0.01))
    ring.finish()
    await sink.drain()
    assert (ring.stalls, ring.stalled_samples) == (1, 3 * 480)
    assert [position for position, _ in ring.runs] == [0, 480]


@pytest.mark.looptime
async def test_two_runs_are_equal_to_the_sample() -> None:
    async def run() -> tuple[bytes, list[float]]:
        sink, ring, begun = NullSink(record=True), PcmRing(1), now()
        sink.start(ring)
        for _ in range(20):
            ring.write(sound(0.007))
            ring.begin()
            await asyncio.sleep(0.0113)
        ring.finish()
        await sink.drain()
        return sink.recording.tobytes(), [round(at - begun, 9) for _, at in ring.runs]

    assert await run() == await run()


@pytest.mark.looptime
async def test_another_rate_has_blocks_of_the_same_time() -> None:
    sink, ring, begun = NullSink(rate=44100), filled(0.1, rate=44100), now()
    sink.start(ring)
    await sink.drain()
    assert now() - begun == pytest.approx(0.12, abs=1e-5)
    assert sink.callbacks == 10


async def test_a_loop_that_was_blocked_makes_up_for_it() -> None:
    loop = asyncio.get_running_loop()
    sink, ring = NullSink(), filled(0.5)
    sink.start(ring)
    origin, late = sink._origin, 0.1
    clock = loop.time
    try:
        loop.time = lambda: clock() + late  # type: ignore[method-assign]
        sink._tick()
    finally:
        loop.time = clock  # type: ignore[method-assign]
    assert ring.read >= 9 * 480
    assert ring.time_of(0) == origin + 0.02
    assert ring.runs == ring._line
    sink.abort()


@pytest.mark.looptime
async def test_aborting_fades_within_a_block_and_stays_silent() -> None:
    sink, ring = NullSink(record=True), PcmRing(1)
    sink.start(ring)
    ring.write(np.ones((48000, 1), np.float32))
    ring.begin()
    await asyncio.sleep(0.025)
    sink.abort()
    await sink.drain()
    played = sink.recording[:, 0]
    assert (played[480:1440] == 1).all()
    assert (np.diff(played[1440:1680]) < 0).all()
    assert not played[1679:].any()
    sink.abort()


@pytest.mark.looptime
@pytest.mark.parametrize("period", [0.001, 0.002])
async def test_aborting_takes_as_many_short_blocks_as_the_fade_needs(period: float) -> None:
    sink, ring = NullSink(record=True, period=period), PcmRing(1)
    ring.write(np.ones((4800, 1), np.float32))
    ring.begin()
    sink.start(ring)
    sink.abort()
    assert sink.recording[-1, 0] == 0
    assert np.abs(np.diff(sink.recording[:, 0])).max() < 0.01


@pytest.mark.looptime
async def test_draining_ends_when_the_sink_is_aborted() -> None:
    sink, ring = NullSink(), PcmRing(1)
    sink.start(ring)
    draining = asyncio.create_task(sink.drain())
    await asyncio.sleep(0.1)
    sink.abort()
    await asyncio.wait_for(draining, 0.001)


@pytest.mark.looptime
async def test_cancelling_the_wait_changes_nothing_that_is_played() -> None:
    sink, ring, begun = NullSink(), filled(0.1), now()
    sink.start(ring)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sink.drain(), 0.05)
    await sink.drain()
    assert now() - begun == pytest.approx(0.12, abs=1e-5)


@pytest.mark.looptime
async def test_the_next_ring_may_be_started_after_the_end_and_after_an_abort() -> None:
    sink = NullSink()
    for _ in range(2):
        ring = filled(0.05)
        sink.start(ring)
        await sink.drain()
        assert ring.done
    sink.abort()
    ring = filled(0.05)
    sink.start(ring)
    await sink.drain()
    assert ring.done


@pytest.mark.looptime
async def test_a_ring_in_place_of_one_that_plays_leaves_no_timer_of_the_old_one() -> None:
    sink, old, new, begun = NullSink(), filled(1.0), filled(0.05), now()
    sink.start(old)
    await asyncio.sleep(0.005)
    sink.start(new)
    await asyncio.sleep(0.006)
    assert (old.read, new.read) == (480, 480)
    await sink.drain()
    assert now() - begun == pytest.approx(0.075, abs=1e-5)


async def test_closing_may_come_at_any_time_and_twice() -> None:
    sink = NullSink()
    await sink.aclose()
    sink.start(filled())
    await sink.aclose()
    await sink.aclose()
    await sink.drain()
    assert sink._timer is None
