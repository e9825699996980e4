"""One speech on several sinks, each to the sample as if it were alone. In virtual time."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import sys
import weakref
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.audio.frame import RATE
from oggstream.audio.ring import PcmRing
from oggstream.engine import loading as codec
from oggstream.engine.output.follower import PATIENCE_SECONDS
from oggstream.errors import DeviceError, SourceBrokenError
from oggstream.events import Event, Started, Warned, WordStarted
from oggstream.options import PlaybackOptions
from oggstream.sinks.null_sink import NullSink
from oggstream.sinks.opus_sink import OpusSink
from oggstream.sinks.sink import Sink, SinkFormat, SinkTraits
from oggstream.sinks.wav_sink import WavSink
from scripted import Arrival, ScriptedSource, SpeechService, every, pages, spoken

pytestmark = pytest.mark.looptime

TEXT = "Thirteen chars and as many as it takes for three seconds."
Pcm = np.ndarray[Any, np.dtype[np.float32]]


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()  # in virtual time nobody waits for the thread that would do it
    codec._load_resampler()


def dribbling(body: bytes, seconds: float, chunk: int = 100) -> list[Arrival]:
    """A body over a link that takes so long."""
    return [(at / len(body) * seconds, body[at : at + chunk]) for at in range(0, len(body), chunk)]


def stalling(body: bytes) -> list[Arrival]:
    """Its first second, then nothing for three, then the rest."""
    parts = pages(body)
    return [(0.1, b"".join(parts[:3])), (3.5, b"".join(parts[3:]))]


def damaged(body: bytes, page: int, at: float) -> bytes:
    """One byte of a page changed, at a share of its length."""
    parts = pages(body)
    place = round(at * len(parts[page]))
    parts[page] = parts[page][:place] + bytes([parts[page][place] ^ 0x55]) + parts[page][place + 1 :]
    return b"".join(parts)


ARRIVALS: dict[str, list[Arrival]] = {
    "at once": [(0.1, spoken(3.0))],
    "early": dribbling(spoken(3.0), 2.5),
    "slow": dribbling(spoken(3.0), 4.5),
    "stalling": stalling(spoken(3.0)),
    "damaged early": dribbling(damaged(spoken(4.0), page=3, at=0.95), 3.5),
    "stereo": every(0.1, pages(spoken(2.0, channels=2))),
}


async def speak(sink: Any, arrivals: Sequence[Arrival], **options: Any) -> oggstream.PlaybackReport:
    return await oggstream.play_stream(
        TEXT, source=ScriptedSource(arrivals), sink=sink, options=PlaybackOptions(history=None, **options)
    )


async def written(make: Callable[[io.BytesIO], Any], arrivals: Sequence[Arrival], *, before: Sequence[Sink]) -> bytes:
    """What a sink that writes holds after a speech that was heard on other sinks ``before`` it."""
    file = io.BytesIO()
    async with make(file) as sink:
        await speak([*before, sink], arrivals)
    return file.getvalue()


def sound(sink: NullSink) -> Pcm:
    """What a simulated device played, from the first sound on."""
    played = sink.recording
    return played[int(np.flatnonzero(played[:, 0])[0]) :]


@pytest.mark.parametrize("arrivals", ARRIVALS.values(), ids=ARRIVALS.keys())
@pytest.mark.parametrize("make", [WavSink, OpusSink])
async def test_a_file_beside_a_device_is_the_file_that_it_would_be_alone(
    make: Callable[[io.BytesIO], Any], arrivals: list[Arrival]
) -> None:
    alone = await written(make, arrivals, before=[])
    assert len(alone) > 5000
    assert await written(make, arrivals, before=[NullSink()]) == alone
    assert await written(make, arrivals, before=[NullSink(channels=2, rate=44100), WavSink(io.BytesIO())]) == alone


@pytest.mark.parametrize("arrivals", [ARRIVALS["at once"], ARRIVALS["early"], ARRIVALS["damaged early"]])
@pytest.mark.parametrize("shape", [{}, {"channels": 2, "rate": 44100}])
async def test_a_second_device_plays_what_it_would_play_alone(arrivals: list[Arrival], shape: dict[str, int]) -> None:
    alone, first, second = (NullSink(record=True, **shape) for _ in range(3))
    await speak(alone, arrivals, slowest=1.0)
    await speak([NullSink(), first, second], arrivals, slowest=1.0)
    for sink in (first, second):
        length = min(len(sound(sink)), len(sound(alone)))
        assert length > 2.9 * alone.recording.shape[0] / 5
        assert np.array_equal(sound(sink)[:length], sound(alone)[:length])


async def test_the_leading_sink_plays_when_and_what_it_would_alone() -> None:
    alone, leading = NullSink(record=True), NullSink(record=True)
    one = await speak(alone, ARRIVALS["slow"])
    many = await speak([leading, WavSink(io.BytesIO()), NullSink(rate=16000)], ARRIVALS["slow"])
    assert np.array_equal(alone.recording, leading.recording)
    assert one.timing.first_sample == pytest.approx(many.timing.first_sample)
    assert one.playout == many.playout
    assert many.sink == "null"


async def test_the_report_speaks_of_each() -> None:
    report = await speak([NullSink(), WavSink(io.BytesIO()), OpusSink(io.BytesIO())], ARRIVALS["stalling"])
    assert [sink.name for sink in report.sinks] == ["null", "wav", "opus"]
    assert [sink.samples for sink in report.sinks] == [144000] * 3
    assert [sink.heard for sink in report.sinks] == [144000] * 3
    assert [sink.stalls for sink in report.sinks] == [1, 0, 0]
    assert report.sinks[0].first_sample == report.timing.first_sample
    assert not any(sink.error for sink in report.sinks)


async def test_what_is_told_of_a_speech_is_told_once_by_the_clock_of_the_leading_sink() -> None:
    events: dict[str, list[Event]] = {}
    of: dict[str, list[Sink]] = {"one": [NullSink()], "three": [NullSink(), NullSink(), WavSink(io.BytesIO())]}
    for name, sinks in of.items():
        events[name] = []
        source = ScriptedSource(ARRIVALS["early"])
        options = PlaybackOptions(history=None)
        await oggstream.play_stream(TEXT, source=source, sink=sinks, options=options, on_event=events[name].append)
    told = {
        name: [(type(event).__name__, round(event.at, 6)) for event in them if isinstance(event, Started | WordStarted)]
        for name, them in events.items()
    }
    assert told["one"] == told["three"]
    assert len(told["one"]) > 5


async def test_a_file_that_leads_does_not_hurry_a_device_that_follows() -> None:
    device, file = NullSink(record=True), io.BytesIO()
    began = asyncio.get_running_loop().time()
    report = await speak([WavSink(file), device], ARRIVALS["at once"])
    assert asyncio.get_running_loop().time() - began > 3.0
    assert report.timing.end == pytest.approx(0.1, abs=0.05)
    assert len(np.flatnonzero(sound(device)[:, 0])) > 0.99 * 144000 - 500
    assert report.sinks[1].heard == 144000


# A connection that is lost.


async def decoded(body: bytes) -> Pcm:
    async def chunks() -> AsyncIterator[bytes]:
        yield body

    return np.concatenate([frame.pcm async for frame in oggstream.decode_stream(chunks())])


async def test_what_a_device_may_still_take_back_is_not_in_a_file_beside_it() -> None:
    text = "When the connection is lost in mid-piece, it is taken up again at a pause, and nothing is repeated."
    file, packets = io.BytesIO(), io.BytesIO()
    options = PlaybackOptions(history=None)
    service = SpeechService(rate=8.0, pauses=True, fails=lambda text, number: 37 if number == 1 else None)
    async with WavSink(file) as wav, OpusSink(packets) as opus:
        sinks: list[Sink] = [NullSink(), wav, NullSink(), opus]
        report = await oggstream.play_stream(text, source=service, sink=sinks, options=options)
    assert [asked for _, asked in service.asked] == [text, "and nothing is repeated."]
    assert report.completed
    assert report.playout.stalls == 0
    kept = [each.samples for each in report.sinks]
    assert max(kept) - min(kept) <= 960  # of the packet in whose silence it is cut
    assert len(file.getvalue()) == 44 + 2 * kept[1]
    assert 0 <= len(await decoded(packets.getvalue())) - kept[1] < 2000  # one link: a pause between its two bodies


@pytest.mark.parametrize("how", ["stalling", "early"])
async def test_a_connection_that_cannot_be_mended_leaves_the_file_that_it_would_leave_alone(how: str) -> None:
    came = [arrival for arrival in ARRIVALS[how] if arrival[0] < 1.0]
    files = io.BytesIO(), io.BytesIO()
    others: tuple[list[Sink], list[Sink]] = ([], [NullSink()])
    for file, before in zip(files, others, strict=True):
        async with WavSink(file) as sink:
            with pytest.raises(SourceBrokenError) as caught:
                await speak([*before, sink], [*came, (1.0, SourceBrokenError("cut"))])
    assert caught.value.report is not None
    assert files[0].getvalue() == files[1].getvalue()
    assert len(files[0].getvalue()) == 44 + 2 * caught.value.report.sinks[1].samples > 44


# One that fails.


class Failing(NullSink):
    """A simulated device that raises ``error`` in one of its methods."""

    traits = SinkTraits(name="failing")

    def __init__(self, where: str, error: Exception, *, at_once: bool = False) -> None:
        super().__init__()
        self.where, self.error = where, error
        self.traits = SinkTraits(name="failing", at_once=at_once)

    def fail(self, where: str) -> None:
        if where == self.where:
            raise self.error

    async def prepare(self) -> SinkFormat:
        self.fail("prepare")
        return await super().prepare()

    def start(self, ring: PcmRing) -> None:
        self.fail("start")
        super().start(ring)
        ring.on_write = lambda: self.fail("write")

    def check(self) -> None:
        if self._ring is not None and self._ring.read > 2 * RATE:  # more than the first page
            self.fail("check")

    async def drain(self) -> None:
        self.fail("drain")
        await super().drain()


@pytest.mark.parametrize("error", [DeviceError("it is gone"), ZeroDivisionError("of a sink of one's own")])
@pytest.mark.parametrize("where", ["prepare", "start", "write", "check", "drain"])
async def test_a_sink_that_fails_is_left_out_and_the_others_go_on(where: str, error: Exception) -> None:
    file, failing = io.BytesIO(), Failing(where, error)
    warnings: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Warned):
            warnings.append(event.message)

    async with WavSink(file) as sink:
        report = await oggstream.play_stream(
            TEXT, source=ScriptedSource(ARRIVALS["slow"]), sink=[NullSink(), failing, sink], on_event=note
        )
    assert report.completed
    assert [each.heard for each in (report.sinks[0], report.sinks[2])] == [144000] * 2
    assert len(file.getvalue()) == 44 + 2 * 144000
    told = str(error) if isinstance(error, DeviceError) else f"ZeroDivisionError: {error}"
    assert warnings == report.stream.warnings == [f"failing plays no more, the others do: {told}"]
    assert report.sinks[1].error is not None
    assert report.sinks[1].error.message == str(error)
    assert report.error is None


async def test_the_error_of_the_leading_sink_ends_the_speech() -> None:
    file = io.BytesIO()
    async with WavSink(file) as sink:
        with pytest.raises(DeviceError, match="gone") as caught:
            await speak([Failing("check", DeviceError("gone")), sink], ARRIVALS["slow"])
    assert caught.value.report is not None
    assert 44 < len(file.getvalue()) < 44 + 2 * 144000


async def test_a_full_disk_is_a_warning() -> None:
    class Full(io.BytesIO):
        def write(self, data: Any, /) -> int:
            raise OSError(28, "No space left on device")

    report = await speak([NullSink(), WavSink(Full())], ARRIVALS["at once"])
    assert report.completed
    assert report.stream.warnings == ["wav plays no more, the others do: cannot write output: No space left on device"]


class Stuck(NullSink):
    """A device that asks for nothing after its first second."""

    def _tick(self) -> None:
        if self._blocks < 100:
            super()._tick()


async def test_a_sink_that_does_not_go_on_is_waited_for_only_so_long() -> None:
    began = asyncio.get_running_loop().time()
    report = await speak([NullSink(), Stuck()], ARRIVALS["at once"])
    ended = asyncio.get_running_loop().time() - began
    assert report.timing.end is not None
    assert ended - report.timing.end == pytest.approx(PATIENCE_SECONDS, abs=0.3)
    assert report.stream.warnings == ["null plays no more, the others do: it does not go on"]
    assert report.sinks[1].heard < 60000


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes")
@pytest.mark.parametrize("opened", [False, True])
async def test_a_pipe_that_nobody_reads_holds_nothing_up(tmp_path: Path, opened: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK) if opened else -1
    device = NullSink(record=True)
    report = await speak([device, f"wav:{tmp_path / 'pipe'}"], ARRIVALS["at once"])
    assert report.timing.end is not None
    assert asyncio.get_running_loop().time() - report.timing.end < PATIENCE_SECONDS + 1.0
    assert report.stream.warnings == ["wav plays no more, the others do: it does not go on"]
    assert len(sound(device)) >= 143_500
    if not opened:  # let go of the thread that waits for a reader
        reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    os.close(reader)


async def test_a_sink_too_far_behind_is_left_out_before_a_device_has_to_wait() -> None:
    source = SpeechService(rate=20.0)
    options = PlaybackOptions(history=None, queue_bytes=2000)
    report = await oggstream.play_stream(TEXT * 5, source=source, sink=[NullSink(), Stuck()], options=options)
    assert report.completed
    assert report.playout.stalls == 0
    assert report.stream.warnings == ["null plays no more, the others do: it is too slow"]


async def test_a_device_behind_a_file_holds_the_service_up_as_it_would_alone() -> None:
    source = SpeechService(rate=20.0)
    options = PlaybackOptions(history=None, queue_bytes=4000)
    report = await oggstream.play_stream(
        TEXT * 5, source=source, sink=[WavSink(io.BytesIO()), NullSink()], options=options
    )
    assert report.completed
    assert report.stream.warnings == []
    assert report.sinks[1].heard == report.audio.samples


# Several speeches.


async def test_speeches_follow_each_other_on_every_sink() -> None:
    file, devices = io.BytesIO(), [NullSink(record=True), NullSink(record=True)]
    async with WavSink(file) as sink, oggstream.Player(source=SpeechService(), sink=[*devices, sink]) as player:
        reports = [await speech for speech in [player.say("One of several."), player.say("Two."), player.say("Three.")]]
    total = sum(report.audio.samples for report in reports)
    assert len(file.getvalue()) == 44 + 2 * total
    assert all(report.completed for report in reports)
    assert np.array_equal(sound(devices[0])[:total], sound(devices[1])[:total])


async def test_a_speech_waits_for_the_one_before_it_on_the_same_sink_and_on_no_other() -> None:
    late = Late(record=True)
    async with oggstream.Player(source=ScriptedSource([(0.1, spoken(2.0))]), sink=[NullSink(), late]) as player:
        first, second = player.say("One."), player.say("Two.")
        one, two = await first, await second
    assert one.timing.end is not None
    assert two.timing.first_sample is not None
    assert two.timing.first_sample - one.timing.end < 0.2
    assert one.sinks[1].heard == two.sinks[1].heard == 96000
    assert late.starts[1] - late.starts[0] >= 2.0


async def test_a_device_behind_a_file_plays_all_speeches_though_the_file_has_them_long_before() -> None:
    device = NullSink()
    async with oggstream.Player(
        source=ScriptedSource([(0.1, spoken(8.0))]), sink=[WavSink(io.BytesIO()), device]
    ) as player:
        reports = [await speech for speech in [player.say("One."), player.say("Two."), player.say("Three.")]]
    assert [report.stream.warnings for report in reports] == [[]] * 3
    assert [report.sinks[1].heard for report in reports] == [8 * 48000] * 3


async def test_the_rings_of_all_sinks_are_freed_with_the_speech() -> None:
    sinks: list[Sink] = [NullSink(), NullSink(), WavSink(io.BytesIO())]
    async with oggstream.Player(source=ScriptedSource([(0.1, spoken(0.5))]), sink=sinks) as player:
        gc.disable()
        try:
            speech = player.say("One.")
            await speech
            rings = [weakref.ref(ring) for ring in speech.rings]
            del speech
            await player.say("Two.")  # sinks keep the ring that they played last
            assert [ring() for ring in rings] == [None] * 3
        finally:
            gc.enable()


class Late(NullSink):
    """A device that takes a second to open."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.starts: list[float] = []

    async def prepare(self) -> SinkFormat:
        if not self.starts:
            await asyncio.sleep(1.5)
        return await super().prepare()

    def start(self, ring: PcmRing) -> None:
        self.starts.append(asyncio.get_running_loop().time())
        super().start(ring)


async def test_stopping_silences_all_and_a_file_holds_what_came() -> None:
    file, devices = io.BytesIO(), [NullSink(record=True), NullSink(record=True)]
    async with (
        WavSink(file) as sink,
        oggstream.Player(source=ScriptedSource([(0.1, spoken(5.0))]), sink=[*devices, sink]) as player,
    ):
        speech = player.say("One.")
        await asyncio.sleep(2.0)
        heard = await player.stop()
        report = await speech
    assert 1.5 < heard.seconds < 2.0
    assert report.stopped
    for device in devices:
        assert len(sound(device)) / 48000 == pytest.approx(heard.seconds, abs=0.05)
    assert len(file.getvalue()) == 44 + 2 * 240000


async def test_an_interruption_takes_the_place_of_what_is_said_on_all_sinks() -> None:
    devices = [NullSink(record=True), NullSink(record=True)]
    async with oggstream.Player(source=ScriptedSource([(0.1, spoken(3.0))]), sink=devices) as player:
        first = player.say("One.")
        await asyncio.sleep(1.0)
        second = player.say("Two.", interrupt=True)
        assert (await first).stopped
        assert (await second).completed
    assert np.array_equal(devices[0].recording, devices[1].recording)


async def test_pause_and_volume_are_those_of_all() -> None:
    devices = [NullSink(record=True), NullSink(record=True)]
    async with oggstream.Player(source=ScriptedSource([(0.1, spoken(3.0))]), sink=devices) as player:
        player.volume = 0.25
        speech = player.say("One.")
        await asyncio.sleep(1.0)
        loudest = [float(np.abs(device.recording).max()) for device in devices]
        player.pause()
        await asyncio.sleep(2 * PATIENCE_SECONDS)
        player.volume = 0.5
        player.resume()
        report = await speech
    assert [sink.heard for sink in report.sinks] == [144000] * 2
    assert loudest[0] == loudest[1] < 0.1
    assert np.array_equal(devices[0].recording, devices[1].recording)


async def test_a_text_without_sound_waits_for_no_sink() -> None:
    class Unopened(NullSink):
        async def prepare(self) -> SinkFormat:
            await asyncio.Event().wait()
            return await super().prepare()

    report = await oggstream.play_stream(iter(()), source=SpeechService(), sink=[NullSink(), Unopened()])
    assert report.audio.samples == 0
    assert not report.stream.warnings


async def test_cancelling_leaves_no_task_and_the_file_that_it_would_leave_alone() -> None:
    files, second = (io.BytesIO(), io.BytesIO()), NullSink(record=True)
    others: tuple[list[Sink], list[Sink]] = ([], [NullSink(), second])
    for file, before in zip(files, others, strict=True):
        async with WavSink(file) as sink:
            task = asyncio.create_task(speak([*before, sink], ARRIVALS["slow"]))
            await asyncio.sleep(2.0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert np.abs(second.recording[-100:]).max() < 0.01
    assert files[0].getvalue() == files[1].getvalue()
    assert len(files[0].getvalue()) == 44 + 2 * (48000 - 312)  # its first page


async def test_a_speech_of_many_pieces_is_whole_on_all() -> None:
    file = io.BytesIO()
    text = iter(["The first sentence is said. The second one is longer than that. ", "And here is a third. "] * 2)
    async with WavSink(file) as sink:
        report = await oggstream.play_stream(text, source=SpeechService(), sink=[NullSink(), sink, NullSink()])
    assert len(report.segments) > 2
    assert [each.heard for each in report.sinks] == [report.audio.samples] * 3
    assert len(file.getvalue()) == 44 + 2 * report.audio.samples
