from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pulse
from fake_sounddevice import HOST_ERROR, INVALID_DEVICE, FakeSoundDevice, FakeStream, PortAudioError, sounddevice
from oggstream.audio.convert import Converter
from oggstream.audio.frame import PcmFrame
from oggstream.audio.ring import FADE_SECONDS, PcmRing
from oggstream.errors import DeviceError
from oggstream.events import Event, Recorder, Warned, using
from oggstream.sinks import device_sink as device_module, native, portaudio
from oggstream.sinks.device_sink import DeviceSink
from oggstream.sinks.sink import PreparedSink, SinkFormat
from pulse import SoundServer, sound_server

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["sound_server", "sounddevice"]
from speech_server import until

RATE = 48000
FADE = round(FADE_SECONDS * RATE)


@pytest.fixture(params=["c", "python"], autouse=True)
def callback(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Who reads the rings: each test is run with both."""
    if request.param == "python":
        monkeypatch.setenv(native.SWITCH, "1")
    else:
        monkeypatch.delenv(native.SWITCH, raising=False)
        try:
            native.library()
        except native.Missing as missing:
            pytest.skip(f"no callback in C: {missing}")
    return str(request.param)


def noise(seconds: float, channels: int = 2, seed: int = 1) -> NDArray[np.float32]:
    """Sound without a silent sample, loud to its edges."""
    values = np.random.default_rng(seed).uniform(0.1, 0.9, (round(seconds * RATE), channels))
    return values.astype(np.float32)


def steady(device: str | None = None, *, blocksize: int = 0) -> DeviceSink:
    """A sink with so much latency that a busy machine does not disturb the recording."""
    return DeviceSink(device, latency=0.2, blocksize=blocksize)


def begun(sink_format: SinkFormat, pcm: NDArray[np.float32]) -> PcmRing:
    """A ring that holds ``pcm`` and may be heard."""
    assert sink_format.channels is not None
    ring = PcmRing(sink_format.channels, sink_format.rate)
    ring.write(pcm)
    ring.begin()
    return ring


async def play(sink: DeviceSink, pcm: NDArray[np.float32]) -> PcmRing:
    """Play it to its end, as the engine does: write as there is room."""
    ring = begun(await sink.prepare(), pcm)
    sink.start(ring)
    while ring.written < len(pcm):
        await asyncio.sleep(0.01)
        ring.write(pcm[ring.written :])
    ring.finish()
    await sink.drain()
    return ring


# On a real device: a sound server, its loudspeaker recorded.


async def test_what_is_heard_is_what_was_written_sample_for_sample(sound_server: SoundServer) -> None:
    pcm = noise(2.5)
    sink = steady()
    async with sound_server.recording() as recording:
        ring = await play(sink, pcm)
        await sink.aclose()
    assert np.array_equal(recording.sound, pcm)
    assert (ring.stalls, sink.underflows) == (0, 0)


@pytest.mark.parametrize("blocksize", [64, 480, 1000])
async def test_blocks_of_any_size_are_heard_whole(sound_server: SoundServer, blocksize: int) -> None:
    pcm = noise(0.5)
    sink = steady(blocksize=blocksize)
    async with sound_server.recording() as recording:
        await play(sink, pcm)
        await sink.aclose()
    assert np.array_equal(recording.sound, pcm)


async def test_the_next_ring_plays_on_the_open_stream(sound_server: SoundServer) -> None:
    first, second = noise(0.3), noise(0.3, seed=2)
    sink = steady()
    async with sound_server.recording() as recording:
        await play(sink, first)
        stream = sink._stream._stream
        await play(sink, second)
        assert sink._stream._stream is stream
        await sink.aclose()
    sound = recording.sound
    assert np.array_equal(sound[: len(first)], first)
    assert np.array_equal(sound[-len(second) :], second)
    assert not sound[len(first) : -len(second)].any()


async def test_two_sinks_sound_at_once(sound_server: SoundServer) -> None:
    one, other = steady("speaker"), steady("speaker")
    async with sound_server.recording() as recording:
        await asyncio.gather(play(one, 0.5 * noise(0.3)), play(other, 0.5 * noise(0.3)))
        await asyncio.gather(one.aclose(), other.aclose())
    assert (recording.sound != 0).sum() >= 2 * 0.3 * RATE
    assert recording.sound.max() > 0.5


async def test_a_stall_is_silence_between_whole_samples(sound_server: SoundServer) -> None:
    first, second = noise(0.2), noise(0.2, seed=2)
    sink = steady()
    async with sound_server.recording() as recording:
        ring = begun(await sink.prepare(), first)
        sink.start(ring)
        await asyncio.sleep(0.4)
        ring.write(second)
        ring.finish()
        await sink.drain()
        await sink.aclose()
    sound = recording.sound
    assert np.array_equal(sound[: len(first)], first)
    assert np.array_equal(sound[-len(second) + FADE :], second[FADE:])
    assert ring.stalls == 1
    assert len(sound) == len(first) + ring.stalled_samples + len(second)


async def test_aborting_fades_within_a_block_without_a_click(sound_server: SoundServer) -> None:
    level = np.full((2 * RATE, 2), 0.5, np.float32)
    sink = steady()
    async with sound_server.recording() as recording:
        ring = begun(await sink.prepare(), level)
        sink.start(ring)
        await asyncio.sleep(0.3)
        heard = ring.read
        sink.abort()
        await sink.drain()
        assert sink._stream.output is not None
        block = round(sink._stream.output.played / sink.callbacks)
        assert ring.read - heard <= 2 * block + FADE
        await asyncio.sleep(0.2)
        await sink.aclose()
    sound = recording.sound[:, 0]
    assert (sound[: -FADE + 1] == 0.5).all()
    steepest = 0.5 * math.pi / 2 / FADE
    assert np.abs(np.diff(sound)).max() <= steepest * 1.01
    assert sound[-1] < 2 * steepest


async def test_closing_in_mid_speech_fades_too(sound_server: SoundServer) -> None:
    sink = steady()
    async with sound_server.recording() as recording:
        sink.start(begun(await sink.prepare(), np.full((2 * RATE, 2), 0.5, np.float32)))
        await asyncio.sleep(0.3)
        await sink.aclose()
    assert np.abs(np.diff(recording.sound[:, 0])).max() < 0.01
    assert recording.sound[-1, 0] < 0.01


async def test_the_ring_in_place_of_one_that_plays_comes_after_its_fade(sound_server: SoundServer) -> None:
    sink = steady()
    async with sound_server.recording() as recording:
        form = await sink.prepare()
        sink.start(begun(form, np.full((RATE, 2), 0.5, np.float32)))
        await asyncio.sleep(0.2)
        after = noise(0.2)
        ring = begun(form, after)
        ring.finish()
        sink.start(ring)
        await sink.drain()
        await sink.aclose()
    sound = recording.sound
    assert np.array_equal(sound[-len(after) :], after)
    old = sound[: -len(after), 0]
    assert np.abs(np.diff(old[old > 0])).max() < 0.01
    assert old[-1] < 0.01


async def test_a_device_of_one_channel_hears_mono_as_it_is(
    sound_server: SoundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sounddevice as real

    query = real.query_devices

    def mono(*args: Any) -> Any:
        found = query(*args)
        return {**found, "max_output_channels": 1} if isinstance(found, dict) else found

    monkeypatch.setattr(real, "query_devices", mono)
    sink, pcm = steady("intercom"), noise(0.3, channels=1)
    assert await sink.prepare() == SinkFormat(1, RATE)
    async with sound_server.recording("intercom", channels=1) as recording:
        await play(sink, pcm)
        await sink.aclose()
    assert np.array_equal(recording.sound, pcm)


async def test_a_device_at_44100_hz_only_hears_the_resampled_stream(
    sound_server: SoundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sounddevice as real

    opened = real._StreamBase.__init__

    def picky(stream: Any, **parameters: Any) -> Any:
        if parameters["samplerate"] != 44100:
            raise real.PortAudioError("Error opening RawOutputStream: Invalid sample rate", -9997)
        return opened(stream, **parameters)

    monkeypatch.setattr(real._StreamBase, "__init__", picky)
    sink = steady("cd")
    assert await sink.prepare() == SinkFormat(2, 44100)
    converter = Converter(2, 44100)
    parts = [*converter.convert(PcmFrame(noise(0.5, channels=1), 0)), *converter.finish()]
    expected = np.concatenate(parts)
    async with sound_server.recording("cd", rate=44100) as recording:
        await play(sink, expected)
        await sink.aclose()
    sound = recording.sound
    assert len(sound) == len(expected)
    assert np.abs(sound - expected.clip(-1, 1)).max() <= 1 / 32768  # the loudspeaker has 16 bits


async def test_a_device_that_vanishes_is_an_error(sound_server: SoundServer) -> None:
    sink = steady()
    sink.start(begun(await sink.prepare(), noise(2)))
    draining = asyncio.create_task(sink.drain())
    await asyncio.sleep(0.2)
    sound_server.stop()
    with pytest.raises(DeviceError, match="the output device stopped playing"):
        await draining
    await sink.aclose()


async def test_a_machine_without_a_device_is_a_device_error(
    sound_server: SoundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound_server.stop()
    pulse.sounddevice()
    with pytest.raises(DeviceError, match="there is no output device"):
        await DeviceSink().prepare()


# On a device that does what it is told.


async def opened(sink: DeviceSink, sounddevice: FakeSoundDevice) -> FakeStream:
    await sink.prepare()
    return sounddevice.streams[-1]


async def test_preparing_opens_the_device_once(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink(latency=0.05, blocksize=480)
    assert isinstance(sink, PreparedSink)
    assert [*await asyncio.gather(sink.prepare(), sink.prepare())] == [SinkFormat(2, RATE)] * 2
    (stream,) = sounddevice.streams
    assert (stream.latency, stream.blocksize, stream.active) == (0.05, 480, True)
    await sink.aclose()
    assert stream.closed


async def test_an_open_device_plays_silence(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    assert stream.ask() == [0.0] * 960
    assert (sink.callbacks, sink.underflows) == (1, 0)
    await sink.aclose()


async def test_times_are_those_of_the_converter(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    ring = begun(SinkFormat(2, RATE), noise(0.1))
    sink.start(ring)
    before = asyncio.get_running_loop().time()
    stream.ask()
    after = asyncio.get_running_loop().time()
    at = ring.time_of(0)
    assert at is not None
    assert before + stream.lead <= at <= after + stream.lead
    await sink.aclose()


async def test_a_device_without_a_clock_is_taken_at_its_latency(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink(latency=0.04)
    stream = await opened(sink, sounddevice)
    stream.lead = 0.0
    ring = begun(SinkFormat(2, RATE), noise(0.1))
    sink.start(ring)
    before = asyncio.get_running_loop().time()
    stream.ask()
    at = ring.time_of(0)
    assert at is not None
    assert at >= before + 0.04
    await sink.aclose()


async def test_underflows_are_counted_when_the_device_tells(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    stream.ask()
    stream.ask(underflow=True)
    assert (sink.callbacks, sink.underflows) == (2, 1)
    await sink.aclose()


async def test_a_lead_in_is_silence_since_the_device_was_opened(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink(lead_in=0.05)
    stream = await opened(sink, sounddevice)
    for _ in range(3):
        stream.ask()
    ring = begun(SinkFormat(2, RATE), noise(0.1))
    sink.start(ring)
    assert not any(stream.ask())
    assert not any(stream.ask())
    assert all(stream.ask())
    assert (ring.stalls, ring.stalled_samples) == (0, 0)
    await sink.aclose()


async def test_a_ring_before_the_device_is_open_is_refused(sounddevice: FakeSoundDevice) -> None:
    with pytest.raises(DeviceError, match=r"not open: await prepare\(\) first"):
        DeviceSink().start(PcmRing(2))


async def test_a_ring_of_another_format_is_refused(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    await sink.prepare()
    with pytest.raises(DeviceError, match=r"needs the format SinkFormat\(channels=2, rate=48000\)"):
        sink.start(PcmRing(1))
    await sink.aclose()


async def test_an_opening_that_failed_is_tried_again(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    sounddevice.refusal = PortAudioError("x", HOST_ERROR, (0, -16, "Device or resource busy"))
    with pytest.raises(DeviceError, match="busy"):
        await sink.prepare()
    sounddevice.refusal = None
    await sink.prepare()
    await sink.aclose()


async def test_an_opening_that_was_cancelled_goes_on_for_the_next_one(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    sounddevice.opening.clear()
    preparing = asyncio.create_task(sink.prepare())
    await asyncio.sleep(0.01)
    preparing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await preparing
    sounddevice.opening.set()
    await sink.prepare()
    assert len(sounddevice.streams) == 1
    await sink.aclose()


async def test_closing_while_the_device_opens_closes_it(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    sounddevice.opening.clear()
    preparing = asyncio.create_task(sink.prepare())
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(sink.aclose())
    await asyncio.sleep(0.01)
    sounddevice.opening.set()
    await closing
    await asyncio.wait({preparing})
    assert [stream.closed for stream in sounddevice.streams] == [True]


async def test_a_device_that_never_opens_is_given_up(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "OPEN_SECONDS", 0.02)
    monkeypatch.setattr(device_module, "CLOSE_SECONDS", 0.02)
    sink = DeviceSink()
    sounddevice.opening.clear()
    with pytest.raises(DeviceError, match=r"did not open the device within 0\.02 s"):
        await sink.prepare()
    await sink.aclose()
    sounddevice.opening.set()


async def test_a_device_that_never_closes_is_left_with_a_warning(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "CLOSE_SECONDS", 0.02)
    events: list[Event] = []
    sink = DeviceSink()
    await sink.prepare()
    sounddevice.closing.clear()
    with using(Recorder(asyncio.get_running_loop().time, 0.0, events.append)):
        await sink.aclose()
    assert [event.message for event in events if isinstance(event, Warned)] == [
        "the audio system did not close the device within 0.02 s"
    ]
    sounddevice.closing.set()


async def test_closing_that_is_cancelled_closes_all_the_same(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    sink.start(begun(SinkFormat(2, RATE), noise(0.1)))
    closing = asyncio.create_task(sink.aclose())
    await asyncio.sleep(0.01)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert stream.closed


async def test_closing_may_come_at_any_time_and_twice_and_the_device_may_be_opened_again(
    sounddevice: FakeSoundDevice,
) -> None:
    sink = DeviceSink()
    await sink.aclose()
    for _ in range(2):
        stream = await opened(sink, sounddevice)
        await sink.aclose()
        await sink.aclose()
        assert stream.closed


async def test_draining_without_a_ring_ends_at_once() -> None:
    await DeviceSink().drain()


async def test_a_device_that_stops_asking_is_noticed(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oggstream.sinks.device_clock.SILENT_SECONDS", 0.05)
    monkeypatch.setattr(device_module, "RETURN_SECONDS", 0.05)
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    ring = begun(SinkFormat(2, RATE), noise(0.1))
    sink.start(ring)
    stream.ask()
    with pytest.raises(DeviceError, match="the output device stopped playing and did not come back"):
        await sink.drain()
    await sink.aclose()


async def test_aborting_twice_and_after_the_end_does_nothing_more(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    sink.abort()
    ring = begun(SinkFormat(2, RATE), noise(0.005))
    ring.finish()
    sink.start(ring)
    stream.ask()
    assert ring.done
    sink.abort()
    sink.abort()
    assert not ring.cutting
    await sink.drain()
    await sink.aclose()


async def test_a_ring_that_was_cut_before_it_was_heard_is_drained_at_once(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    sink.start(PcmRing(2))
    sink.abort()
    stream.ask()
    await sink.drain()
    await sink.aclose()


async def test_the_old_ring_fades_in_one_block_and_the_next_block_is_the_new_one(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    old = begun(SinkFormat(2, RATE), np.ones((4800, 2), np.float32))
    new = begun(SinkFormat(2, RATE), np.full((4800, 2), 0.25, np.float32))
    sink.start(old)
    assert stream.ask() == [1.0] * 960
    sink.start(new)
    fading = stream.ask()
    assert 1 > fading[0] > fading[2 * FADE - 4] > 0
    assert not any(fading[2 * FADE - 1 :])
    assert stream.ask() == [0.25] * 960
    await sink.aclose()


async def test_a_device_that_opens_when_nobody_wants_it_any_more_is_closed(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    sink._latest.wanted = False
    sink._stream.open(sink._latest, asyncio.get_running_loop().time)
    assert sounddevice.streams[0].closed
    assert sink._stream.output is None


# A device that vanishes.


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What is warned of."""
    said: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Warned):
            said.append(event.message)

    with using(Recorder(lambda: 0.0, 0.0, note)):
        yield said


async def reopened(sink: DeviceSink, sounddevice: FakeSoundDevice, number: int = 1) -> FakeStream:
    """Look after the sink, as the engine does, until it plays on a further stream."""
    while len(sounddevice.streams) <= number or not sounddevice.streams[number].active:
        sink.check()
        await asyncio.sleep(0.001)
    stream = sounddevice.streams[number]
    while sink._loss is not None:
        stream.ask(1)
        sink.check()
        await asyncio.sleep(0.001)
    return stream


@pytest.mark.realtime
async def test_a_lost_device_is_opened_again_and_goes_on_from_what_was_heard_last(
    sounddevice: FakeSoundDevice, warnings: list[str]
) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    ring = begun(SinkFormat(2, RATE), np.full((RATE, 2), 0.5, np.float32))
    sink.start(ring)
    for _ in range(20):
        stream.ask()
        await asyncio.sleep(0.01)
    assert sink._stream.output is not None
    assert sink._stream.output.called is not None
    heard = ring.heard_at(sink._stream.output.called)
    assert ring.read - heard > 0
    stream.vanish()
    stream = await reopened(sink, sounddevice)
    assert ring.read == heard
    sound = stream.ask()
    assert 0 < sound[0] < sound[100] < sound[2 * FADE - 2] == 0.5
    assert ring.read == heard + 480
    assert (ring.stalls, ring.stalled_samples) == (0, 0)
    assert ring.heard_at(asyncio.get_running_loop().time()) == heard
    assert len(warnings) == 1
    assert "the output device stopped playing; it went on after" in warnings[0]
    assert sink.callbacks > 21
    assert sounddevice.listings == 2
    await sink.aclose()
    assert [each.closed for each in sounddevice.streams] == [True, True]


@pytest.mark.realtime
async def test_a_ring_that_begins_while_the_device_is_lost_is_heard_whole(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    stream.vanish()
    sink.check()
    sink.start(begun(SinkFormat(2, RATE), np.full((RATE, 2), 0.5, np.float32)))
    stream = await reopened(sink, sounddevice)
    assert stream.ask() == [0.5] * 960
    await sink.aclose()


@pytest.mark.realtime
async def test_a_device_that_refuses_at_first_is_asked_again(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    stream.vanish()
    sounddevice.refusal = PortAudioError("gone", INVALID_DEVICE)
    while not sounddevice.listings > 2:
        sink.check()
        await asyncio.sleep(0.001)
    sounddevice.refusal = None
    await reopened(sink, sounddevice)
    await sink.aclose()


@pytest.mark.realtime
async def test_it_comes_back_in_the_format_of_the_ring_or_not_at_all(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "RETURN_SECONDS", 0.1)
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    sink.start(begun(SinkFormat(2, RATE), noise(0.1)))
    sounddevice.tried.clear()
    sounddevice.takes = [(1, RATE)]
    stream.vanish()
    with pytest.raises(DeviceError, match="and did not come back"):
        await sink.drain()
    assert set(sounddevice.tried) == {(2, RATE)}
    await sink.aclose()


@pytest.mark.realtime
async def test_a_device_that_does_not_return_is_an_error_and_may_be_opened_later(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "RETURN_SECONDS", 0.1)
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    sink.start(begun(SinkFormat(2, RATE), noise(0.1)))
    sounddevice.refusal = PortAudioError("gone", INVALID_DEVICE)
    stream.vanish()
    with pytest.raises(DeviceError, match="the output device stopped playing and did not come back"):
        await sink.drain()
    with pytest.raises(DeviceError, match="the output device stopped playing"):
        sink.check()
    with pytest.raises(DeviceError, match="is not open"):
        sink.start(PcmRing(2))
    sounddevice.refusal = None
    assert await sink.prepare() == SinkFormat(2, RATE)
    sink.check()
    await sink.aclose()
    assert all(each.closed for each in sounddevice.streams)


@pytest.mark.realtime
async def test_an_audio_system_that_hangs_when_the_device_is_gone_is_an_error_too(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "RETURN_SECONDS", 0.1)
    monkeypatch.setattr(device_module, "CLOSE_SECONDS", 0.1)
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    sink.start(begun(SinkFormat(2, RATE), noise(0.1)))
    sounddevice.closing.clear()
    stream.vanish()
    with pytest.raises(DeviceError, match="did not come back"):
        await sink.drain()
    await sink.aclose()
    sounddevice.closing.set()


@pytest.mark.realtime
async def test_closing_while_the_device_is_lost_closes_what_comes_back(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    stream.vanish()
    sounddevice.opening.clear()
    sink.check()
    await asyncio.sleep(0.01)
    closing = asyncio.create_task(sink.aclose())
    await asyncio.sleep(0.01)
    sounddevice.opening.set()
    await closing
    assert all(each.closed for each in sounddevice.streams)


async def test_another_default_output_is_followed_when_asked(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch, warnings: list[str]
) -> None:
    monkeypatch.setattr(device_module, "FOLLOW_SECONDS", 0.0)
    names = iter(["Speakers", None, "Speakers"])
    monkeypatch.setattr(portaudio, "default_output", lambda: next(names, "Headset"))
    sink = DeviceSink(follow_default=True)
    stream = await opened(sink, sounddevice)
    ring = begun(SinkFormat(2, RATE), np.full((RATE, 2), 0.5, np.float32))
    sink.start(ring)
    while len(sounddevice.streams) == 1:
        stream.ask(48)
        sink.check()
        await asyncio.sleep(0.001)
    await reopened(sink, sounddevice)
    assert "the default output is 'Headset' now" in warnings[0]
    assert sounddevice.streams[0].closed
    await sink.aclose()


async def test_the_default_output_is_not_looked_at_unless_asked(
    sounddevice: FakeSoundDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(portaudio, "default_output", lambda: pytest.fail("looked"))
    for sink in (DeviceSink(), DeviceSink("Speakers", follow_default=True)):
        await opened(sink, sounddevice)
        sink.check()
        await asyncio.sleep(0.01)
        await sink.aclose()


async def test_a_real_speaker_that_is_unplugged_and_comes_back_goes_on(
    sound_server: SoundServer, warnings: list[str]
) -> None:
    level = np.full((3 * RATE, 2), 0.5, np.float32)
    sink = DeviceSink("speaker")
    ring = begun(await sink.prepare(), level)
    sink.start(ring)
    await asyncio.sleep(0.3)
    sound_server.unplug("speaker")
    await asyncio.sleep(0.1)
    sound_server.plug_in("speaker")
    async with sound_server.recording() as recording:
        while not warnings:
            sink.check()
            await asyncio.sleep(0.02)
        before = ring.read
        ring.finish()
        await sink.drain()
        await sink.aclose()
    assert 0.2 * RATE < before < RATE
    assert ring.stalls == 0
    assert len(recording.sound) >= ring.written - before
    assert recording.sound.max() == 0.5


async def test_a_real_speaker_that_stays_away_is_an_error(
    sound_server: SoundServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(device_module, "RETURN_SECONDS", 0.5)
    sink = DeviceSink("speaker")
    sink.start(begun(await sink.prepare(), noise(1)))
    for speaker in pulse.SPEAKERS:
        sound_server.unplug(speaker)
    with pytest.raises(DeviceError, match="the output device stopped playing and did not come back"):
        await sink.drain()
    await sink.aclose()


# The interpreter.


async def test_the_switch_interval_is_shortened_while_a_callback_in_python_needs_it(
    sounddevice: FakeSoundDevice, callback: str
) -> None:
    usual = sys.getswitchinterval()
    one, other = DeviceSink(switch_interval=0.001), DeviceSink(switch_interval=0.0005)
    await one.prepare()
    await other.prepare()
    assert sys.getswitchinterval() == pytest.approx(0.0005 if callback == "python" else usual)
    await other.aclose()
    assert sys.getswitchinterval() == pytest.approx(0.001 if callback == "python" else usual)
    await one.aclose()
    assert sys.getswitchinterval() == usual


async def test_the_sink_says_who_reads_the_rings(sounddevice: FakeSoundDevice, callback: str) -> None:
    sink = DeviceSink()
    assert sink.callback == callback
    await sink.prepare()
    assert sink.callback == callback
    await sink.aclose()


# Being idle.


async def settled(sink: DeviceSink) -> None:
    """Return when a stream that was let go is closed."""
    await until(lambda: sink._closing is not None and sink._closing.done())


async def test_an_idle_sink_lets_the_device_go_and_opens_what_is_the_default_then(
    sounddevice: FakeSoundDevice,
) -> None:
    sink = DeviceSink(idle_close=0.02)
    stream = await opened(sink, sounddevice)
    await settled(sink)
    assert stream.closed
    sounddevice.default.device["output"] = 2
    assert await sink.prepare() == SinkFormat(1, RATE)
    assert sounddevice.streams[-1].device == 2
    assert sounddevice.listings == 2  # PortAudio lists its devices once
    await sink.aclose()


async def test_a_ring_for_a_device_that_was_let_go_is_played_as_soon_as_it_is_open_again(
    sounddevice: FakeSoundDevice,
) -> None:
    events: list[Event] = []
    sink = DeviceSink(idle_close=0.02)
    form = await sink.prepare()
    await settled(sink)
    with using(Recorder(asyncio.get_running_loop().time, 0.0, events.append)):
        sink.start(begun(form, noise(0.01)))
        await until(lambda: len(sounddevice.streams) == 2 and sounddevice.streams[1].active)
        sounddevice.streams[1].ask()
        while sink._loss is not None:
            sink.check()
            await asyncio.sleep(0.01)
    assert any(sounddevice.streams[1].ask())
    assert not events
    await sink.aclose()


async def test_a_sink_that_plays_or_is_paused_is_not_idle(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink(idle_close=0.02)
    stream = await opened(sink, sounddevice)
    ring = begun(SinkFormat(2, RATE), noise(1.0))
    sink.start(ring)
    ring.paused = True
    await asyncio.sleep(0.05)
    assert not stream.closed
    await sink.aclose()


async def test_a_sink_may_keep_the_device_for_good(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink(idle_close=None)
    stream = await opened(sink, sounddevice)
    assert sink._idle is None
    assert not stream.closed
    await sink.aclose()


async def test_all_calls_of_two_sinks_come_from_one_thread(sounddevice: FakeSoundDevice) -> None:
    sinks = [DeviceSink(), DeviceSink()]
    await asyncio.gather(*(sink.prepare() for sink in sinks))
    await asyncio.gather(*(sink.aclose() for sink in sinks))
    assert len({thread for _, thread in sounddevice.calls}) == 1
    assert [what for what, _ in sounddevice.calls].count("close") == 2


# Running dry.


async def played(sink: DeviceSink, stream: FakeStream, pcm: NDArray[np.float32]) -> PcmRing:
    """Start a ring of two seconds at most, and let the device take its first block."""
    ring = begun(SinkFormat(2, RATE), pcm)
    sink.start(ring)
    stream.ask()
    return ring


def dry(stream: FakeStream, times: int) -> None:
    for _ in range(times):
        stream.ask(underflow=True)


LOUD = np.full((RATE, 2), 0.5, np.float32)


async def test_a_device_that_runs_dry_again_and_again_is_opened_at_once_with_more_latency(
    sounddevice: FakeSoundDevice, warnings: list[str]
) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    assert stream.latency == 0.02
    await played(sink, stream, LOUD)
    dry(stream, 3)
    sink.check()
    assert not stream.closed
    dry(stream, 1)
    stream = await reopened(sink, sounddevice)
    assert stream.latency == 0.04
    assert "the output device ran dry: it gets 40 ms of latency; it went on after" in warnings[0]
    assert sink.underflows == 4
    assert 0 < stream.ask()[-1] <= 0.5
    await sink.aclose()


async def test_a_few_underruns_wait_for_a_pause_in_the_speech(
    sounddevice: FakeSoundDevice, warnings: list[str]
) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    pcm = LOUD.copy()
    pcm[2400:24000] = 0
    await played(sink, stream, pcm)
    dry(stream, 2)
    sink.check()
    assert not stream.closed
    for _ in range(5):
        stream.ask()
    stream = await reopened(sink, sounddevice)
    assert stream.latency == 0.04
    assert warnings == []
    await sink.aclose()


async def test_behind_the_last_sample_is_a_pause_too(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    ring = await played(sink, stream, LOUD[:960])
    dry(stream, 2)
    ring.finish()
    await sink.drain()
    await until(lambda: len(sounddevice.streams) == 2)
    sink.start(begun(SinkFormat(2, RATE), LOUD))
    stream = await reopened(sink, sounddevice)
    assert stream.latency == 0.04
    assert stream.ask() == [0.5] * 960
    await sink.aclose()


async def test_the_next_sink_begins_with_the_latency_that_the_device_needed(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    await played(sink, stream, LOUD)
    dry(stream, 4)
    await reopened(sink, sounddevice)
    await sink.aclose()
    again = DeviceSink()
    assert (await opened(again, sounddevice)).latency == 0.04
    await again.aclose()


async def test_a_latency_that_was_asked_for_stays(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink(latency=0.03)
    stream = await opened(sink, sounddevice)
    await played(sink, stream, LOUD)
    dry(stream, 9)
    sink.check()
    assert [each.latency for each in sounddevice.streams] == [0.03]
    assert sink._loss is None
    await sink.aclose()


async def test_calls_that_come_too_late_are_underruns_that_the_system_does_not_tell(
    sounddevice: FakeSoundDevice,
) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    for _ in range(30):
        stream.ask()
    assert sink.underflows == 0
    stream.time += 0.07
    stream.ask()
    stream.ask(underflow=True)
    stream.time += 3600  # the machine was asleep
    stream.ask()
    assert sink.underflows == 2
    output = sink._stream.output
    assert output is not None
    assert output.longest_gap == pytest.approx(0.08)
    await sink.aclose()


async def test_the_first_calls_may_come_in_a_rush_and_late(sounddevice: FakeSoundDevice) -> None:
    sink = DeviceSink()
    stream = await opened(sink, sounddevice)
    for _ in range(5):
        stream.ask()
        stream.time += 0.07
    assert sink.underflows == 0
    await sink.aclose()
