"""One utterance from request to last sample, on a virtual clock."""

from __future__ import annotations

import asyncio
import errno
import gc
import io
import weakref
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import oggstream
from bodies import tone, wav
from oggstream.engine import loading as codec
from oggstream.engine.output.watch import Watch
from oggstream.errors import DeviceError, OutputError, SourceBrokenError, SourceTimeoutError, WrongContainerError
from oggstream.events import (
    Event,
    FirstPacket,
    RequestSent,
    Resumed,
    Retrying,
    SegmentEnded,
    SegmentStarted,
    Stalled,
    Started,
    Transcribed,
    emit,
)
from oggstream.ogg.crc import checksum
from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.sinks.null_sink import NullSink
from oggstream.sinks.wav_sink import WavSink
from oggstream.sources.traits import SourceTraits
from patience import PATIENCE
from scripted import ScriptedSource, ScriptedStream, every, pages, spoken

if TYPE_CHECKING:
    from oggstream.audio.ring import PcmRing
    from oggstream.report import PlaybackReport

pytestmark = pytest.mark.looptime


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()  # in virtual time nobody waits for the thread that would do it


async def speak(source: ScriptedSource, **keywords: Any) -> tuple[PlaybackReport, NullSink, list[Event]]:
    events: list[Event] = []
    sink = NullSink(record=True)
    report = await oggstream.play_stream("Hello.", source=source, sink=sink, on_event=events.append, **keywords)
    return report, sink, events


def the(kind: type[Event], events: list[Event]) -> Event:
    return next(event for event in events if type(event) is kind)


async def decoded(body: bytes) -> np.ndarray[Any, np.dtype[np.float32]]:
    async def chunks() -> Any:
        yield body

    async with aclosing(oggstream.decode_stream(chunks())) as frames:
        return np.concatenate([frame.pcm async for frame in frames])


async def test_what_is_played_is_what_was_decoded_to_the_sample() -> None:
    body = spoken(5.0)
    report, sink, _ = await speak(ScriptedSource(every(0.1, pages(body))))
    played = sink.recording
    start = int(np.flatnonzero(played[:, 0])[0])
    reference = await decoded(body)
    first = int(np.flatnonzero(reference[:, 0])[0])
    assert np.array_equal(played[start - first :][: len(reference)], reference)
    assert report.audio.samples == len(reference) == 240000
    assert report.completed
    assert report.playout.stalls == 0


async def test_a_second_of_audio_starts_the_moment_its_page_is_there() -> None:
    report, _, events = await speak(ScriptedSource(every(0.5, pages(spoken(3.0)), start=1.0)))
    assert the(Started, events).at == the(FirstPacket, events).at == report.timing.start == 2.0
    assert report.timing.first_sample is not None
    assert 2.02 <= report.timing.first_sample <= 2.03  # the next block of 10 ms, and 20 ms to the converter


async def test_pages_of_one_packet_start_when_the_start_buffer_is_filled() -> None:
    source = ScriptedSource(every(0.010, pages(spoken(1.0, packets_per_page=1))))
    report, _, _ = await speak(source, options=PlaybackOptions(start_buffer=0.1))
    # Two pages of headers, then packet n at 10 (n + 2) ms. The pre-skip takes 6.5 ms off the first: six are needed.
    assert report.timing.first_packet == pytest.approx(0.020)
    assert report.timing.start == pytest.approx(0.070)


async def test_a_short_speech_starts_when_it_has_ended() -> None:
    report, _, _ = await speak(ScriptedSource(every(0.2, pages(spoken(0.05)))))
    assert report.completed
    assert report.audio.samples == 2400
    assert report.timing.start == pytest.approx(0.4)


async def test_times_are_of_the_converter_and_the_end_is_the_last_sample() -> None:
    report, _, events = await speak(ScriptedSource(every(0.01, pages(spoken(2.0, silence=0.5)))))
    timing = report.timing
    assert timing.first_sample is not None
    assert timing.end == pytest.approx(timing.first_sample + 2.0)
    assert timing.first_audible == pytest.approx(timing.first_sample + 0.5, abs=0.01)
    assert the(SegmentStarted, events).at == timing.first_sample
    assert the(SegmentEnded, events).at == timing.end
    assert asyncio.get_running_loop().time() >= timing.end


async def test_an_empty_buffer_is_counted_as_a_stall_and_told() -> None:
    head, tags, *audio = pages(spoken(3.0))
    source = ScriptedSource([(0, head + tags), (0, audio[0]), (1.5, audio[1]), (1.6, audio[2] + audio[3])])
    report, _, events = await speak(source)
    assert report.playout.stalls == 1
    hidden = report.playout.concealed_seconds
    assert report.playout.stall_seconds + hidden == pytest.approx(0.51, abs=0.011)
    assert hidden == pytest.approx(0.06, abs=0.011)
    assert [type(event) for event in events if isinstance(event, Stalled | Resumed)] == [Stalled, Resumed]
    resumed = the(Resumed, events)
    assert isinstance(resumed, Resumed)
    assert resumed.position == 48000 - 312
    assert resumed.at == pytest.approx(1.53, abs=0.011)
    assert report.timing.end == pytest.approx(resumed.at + (144000 - resumed.position) / 48000)


async def test_a_stall_ends_when_the_resume_buffer_is_filled() -> None:
    head, tags, *audio = pages(spoken(3.0, packets_per_page=10))
    slow = every(0.2, audio[2:], start=1.0)
    source = ScriptedSource([(0, head + tags + audio[0] + audio[1]), *slow])
    _, _, events = await speak(source, options=PlaybackOptions(resume_buffer=0.5))
    assert the(Resumed, events).at == pytest.approx(1.4 + 0.02, abs=0.02)  # the third of 0.2 s


async def test_what_was_received_is_heard_before_the_error_is_raised() -> None:
    head, tags, *audio = pages(spoken(3.0))
    source = ScriptedSource([(0, head + tags + audio[0]), (0.1, SourceBrokenError("cut"))])
    sink = NullSink(record=True)
    with pytest.raises(SourceBrokenError) as caught:
        await oggstream.play_stream("One two three, four five six seven.", source=source, sink=sink)
    assert np.count_nonzero(sink.recording) > 40000
    report = caught.value.report
    assert report is not None
    assert not report.completed
    assert report.audio.samples == 48000 - 312
    assert report.error is not None
    assert report.error.request_id == "req-1"
    # 0.99 s are 13.5 characters, which end in "three": better twice than not at all.
    assert caught.value.unspoken == "three, four five six seven."


async def test_a_connection_lost_before_audio_is_tried_again_and_then_raised_with_the_whole_text_unspoken() -> None:
    source = ScriptedSource([(0.5, SourceBrokenError("cut"))])
    with pytest.raises(SourceBrokenError) as caught:
        await oggstream.play_stream("Hello.", source=source, sink=NullSink())
    assert caught.value.unspoken == "Hello."
    assert caught.value.report is not None
    assert caught.value.report.timing.first_sample is None
    assert asyncio.get_running_loop().time() == 1.5
    assert source.opened == source.closed == 3


async def test_no_byte_for_the_first_byte_timeout_is_an_error() -> None:
    source = ScriptedSource([(100.0, spoken(1.0))])
    with pytest.raises(SourceTimeoutError, match="7 s before any audio"):
        await oggstream.play_stream("Hi", source=source, sink=NullSink(), options=PlaybackOptions(first_byte_timeout=7))
    assert asyncio.get_running_loop().time() == 7.0
    assert source.closed == 1


async def test_no_headers_for_the_first_byte_timeout_is_an_error() -> None:
    source = ScriptedSource([], headers_after=100)
    with pytest.raises(SourceTimeoutError, match="60 s"):
        await oggstream.play_stream("Hi", source=source, sink=NullSink())
    assert source.closed == 1


async def test_a_time_out_amid_retries_tells_what_they_were_for() -> None:
    class Refusing(ScriptedSource):
        def open(self, text: str, options: oggstream.SpeechOptions) -> Any:
            emit(Retrying, delay=90.0, reason="HTTP 503")
            return super().open(text, options)

    with pytest.raises(SourceTimeoutError, match="60 s before any audio, and before that: HTTP 503; try again"):
        await oggstream.play_stream("Hi", source=Refusing([], headers_after=100), sink=NullSink())


async def test_a_service_that_falls_silent_in_mid_speech_is_an_error_after_what_it_sent_was_heard() -> None:
    head, tags, first, *_ = pages(spoken(3.0))
    source = ScriptedSource([(0, head + tags + first), (100.0, b"")])
    with pytest.raises(SourceTimeoutError, match="10 s in mid-speech") as caught:
        await oggstream.play_stream("Hi", source=source, sink=NullSink())
    assert caught.value.report is not None
    assert caught.value.report.audio.samples == 48000 - 312
    assert caught.value.report.playout.stalls == 1


async def test_a_response_that_is_closed_late_is_no_stall() -> None:
    report, _, _ = await speak(ScriptedSource([(0, spoken(1.0)), (3.0, b"")]))
    assert report.playout.stalls == 0
    assert report.playout.stall_seconds == 0


@pytest.mark.parametrize("make", [spoken, lambda seconds: wav(tone(round(24000 * seconds)).tobytes())])
async def test_a_whole_stream_whose_connection_stays_open_ends_when_it_is_heard(make: Any) -> None:
    report, _, _ = await speak(ScriptedSource([(0.5, make(2.0)), (500.0, b"")]))
    assert report.completed
    assert report.stream.complete
    assert report.timing.end == pytest.approx(2.5, abs=0.2)


async def test_a_link_that_follows_while_the_one_before_is_heard_is_heard_too() -> None:
    report, _, _ = await speak(ScriptedSource([(0.5, spoken(2.0)), (2.0, spoken(2.0)), (500.0, b"")]))
    assert report.audio.seconds == pytest.approx(4.0)


async def test_what_needs_no_end_is_read_to_its_end() -> None:
    source = ScriptedSource([(0.5, spoken(1.0)), (8.0, spoken(1.0)), (9.0, b"")])
    source.traits = SourceTraits(whole=True)
    assert (await speak(source))[0].audio.seconds == pytest.approx(2.0)


async def test_a_stream_without_its_last_page_is_not_complete() -> None:
    *most, _ = pages(spoken(2.0))
    report, _, _ = await speak(ScriptedSource([(0.5, b"".join(most))]))
    assert report.completed
    assert not report.stream.complete


async def test_a_wrong_container_names_the_request() -> None:
    with pytest.raises(WrongContainerError) as caught:
        await oggstream.play_stream("Hi", source=ScriptedSource([(0, b"ID3\x04" + bytes(400))]), sink=NullSink())
    assert caught.value.request_id == "req-1"


async def test_hours_that_come_at_once_are_read_no_further_than_the_queue_holds() -> None:
    body = pages(spoken(20.0))
    source = ScriptedSource(every(0.0, body))
    options = PlaybackOptions(queue_bytes=sum(map(len, body[2:7])))
    seen: list[float] = []
    report = await oggstream.play_stream(
        "Hi", source=source, sink=NullSink(), options=options, on_event=lambda event: seen.append(event.at)
    )
    assert report.completed
    assert report.audio.samples == 960000
    assert report.playout.peak_buffer_seconds < 9


async def test_a_device_that_cannot_be_opened_closes_the_request() -> None:
    class Broken(NullSink):
        async def prepare(self) -> Any:
            raise DeviceError("no device")

    source = ScriptedSource(every(1.0, pages(spoken(3.0))))
    with pytest.raises(DeviceError) as caught:
        await oggstream.play_stream("Hi", source=source, sink=Broken())
    assert source.closed == 1
    assert caught.value.report is not None
    assert not caught.value.report.completed


async def test_a_device_that_vanishes_in_mid_speech_is_an_error_while_more_is_still_to_come() -> None:
    class Vanishing(NullSink):
        def check(self) -> None:
            if asyncio.get_running_loop().time() > 1.5:
                raise DeviceError("gone")

    source = ScriptedSource(every(2.0, pages(spoken(9.0))))
    with pytest.raises(DeviceError, match="gone"):
        await oggstream.play_stream("Hi", source=source, sink=Vanishing())
    assert source.closed == 1
    assert asyncio.get_running_loop().time() < 5


async def test_a_sink_that_fails_in_the_middle_stops_the_request() -> None:
    class Full(NullSink):
        def start(self, ring: PcmRing) -> None:
            super().start(ring)
            ring.on_write = self.fail

        def fail(self) -> None:
            raise OutputError("disk full")

    source = ScriptedSource(every(1.0, pages(spoken(3.0))))
    with pytest.raises(OutputError):
        await oggstream.play_stream("Hi", source=source, sink=Full())
    assert source.closed == 1


class FullDisk(io.BytesIO):
    """A file for which there is room for three seconds."""

    def write(self, data: Any) -> int:
        if self.tell() > 300_000:
            raise OSError(errno.ENOSPC, "no space")
        return super().write(data)


async def test_a_sink_that_fails_while_more_arrives_ends_the_speech_at_once() -> None:
    source = ScriptedSource([(1.0, spoken(20.0))])
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(OutputError, match="no space"):
            await oggstream.play_stream("Hello.", source=source, sink=WavSink(FullDisk()))
    assert source.closed == 1


async def test_a_listener_that_raises_ends_the_speech_with_its_own_exception() -> None:
    def listener(event: Event) -> None:
        if isinstance(event, FirstPacket):
            raise ZeroDivisionError

    source = ScriptedSource(every(0.1, pages(spoken(3.0))))
    with pytest.raises(ZeroDivisionError):
        await oggstream.play_stream("Hi", source=source, sink=NullSink(), on_event=listener)
    assert source.closed == 1


KINDS = [RequestSent, FirstPacket, Started, SegmentStarted, Stalled, Resumed]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_cancelling_at_any_event_leaves_no_task_no_response_and_no_sound(kind: type[Event]) -> None:
    head, tags, *audio = pages(spoken(3.0))
    source = ScriptedSource([(0, head + tags), (0.1, audio[0]), (1.5, audio[1]), (1.6, audio[2]), (9.0, audio[3])])
    sink = NullSink(record=True)
    reached = asyncio.Event()

    def listener(event: Event) -> None:
        if type(event) is kind:
            reached.set()

    others = asyncio.all_tasks()
    speaking = asyncio.create_task(oggstream.play_stream("Hi", source=source, sink=sink, on_event=listener))
    await reached.wait()
    speaking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await speaking
    assert source.closed == source.opened == 1
    assert asyncio.all_tasks() == others
    heard = len(sink.recording)
    await asyncio.sleep(5)
    assert len(sink.recording) == heard  # the simulated device is not asked for more
    if heard:
        assert abs(sink.recording[-1]).max() < 0.01  # and what it got last has faded


class PlainSink:
    """The four methods of the protocol and nothing else."""

    def __init__(self) -> None:
        self.ring: PcmRing | None = None
        self.taken = 0

    def start(self, ring: PcmRing) -> None:
        self.ring = ring

    async def drain(self) -> None:
        assert self.ring is not None
        block = memoryview(bytearray(480 * self.ring.frame_bytes))
        while not self.ring.done:
            self.taken += self.ring.read_into(block, asyncio.get_running_loop().time())
            await asyncio.sleep(0.01)

    def abort(self) -> None: ...

    async def aclose(self) -> None: ...


async def test_a_sink_of_four_methods_gets_the_streams_own_channels_at_48_khz() -> None:
    sink = PlainSink()
    report = await oggstream.play_stream("Hi", source=ScriptedSource([(0, spoken(1.0, channels=2))]), sink=sink)
    assert sink.ring is not None
    assert (sink.ring.channels, sink.ring.rate) == (2, 48000)
    assert sink.taken == 48000
    assert report.sink == "PlainSink"


async def test_two_at_once_are_independent() -> None:
    one, two = ScriptedSource([(0.0, spoken(1.0))]), ScriptedSource([(0.5, spoken(2.0))])
    first, second = await asyncio.gather(speak(one), speak(two))
    assert first[0].audio.samples == 48000
    assert second[0].audio.samples == 96000
    assert first[0].timing.first_packet == 0.0
    assert second[0].timing.first_packet == 0.5


async def test_a_device_at_44100_hz_hears_it_all_at_the_right_times() -> None:
    sink = NullSink(channels=2, rate=44100, record=True)
    report = await oggstream.play_stream("Hi", source=ScriptedSource([(0.0, spoken(2.0))]), sink=sink)
    assert report.audio.samples == 96000
    assert report.timing.first_sample is not None
    assert report.timing.end == pytest.approx(report.timing.first_sample + 2.0, abs=0.0001)
    assert sink.recording.shape[1] == 2


async def test_a_chain_that_changes_channels_plays_on() -> None:
    body = spoken(1.0) + spoken(1.0, channels=2, serial=8)
    report, _, _ = await speak(ScriptedSource([(0.0, body)]))
    assert report.audio.samples == 96000
    assert report.audio.channels == 1
    assert report.stream.links == 2


async def test_the_same_arrivals_give_the_same_report() -> None:
    reports = []
    for _ in range(2):
        report, _, _ = await speak(ScriptedSource(every(0.3, pages(spoken(2.0)))))
        timing = report.as_dict()["timing"]
        del timing["process_start"]
        reports.append({name: round(at, 5) for name, at in timing.items()})
    assert reports[0] == reports[1]


def _without_audio(page: bytes) -> bytes:
    """A page of the same place in the stream, but without packets."""
    empty = bytearray(page[:27])
    empty[22:26] = bytes(4)
    empty[26] = 0
    empty[22:26] = checksum(bytes(empty)).to_bytes(4, "little")
    return bytes(empty)


async def test_a_hole_at_the_very_end_is_concealed_at_its_length() -> None:
    head, tags, *audio = pages(spoken(3.0))
    body = head + tags + audio[0] + audio[1] + _without_audio(audio[3])
    report, _, _ = await speak(ScriptedSource([(0.0, body)]))
    assert report.stream.holes == 1
    assert report.playout.concealed_seconds > 0
    assert report.audio.samples > 96000
    frames = [frame async for frame in oggstream.stream_frames("Hi", source=ScriptedSource([(0.0, body)]))]
    assert sum(len(frame.pcm) for frame in frames) == report.audio.samples


async def test_a_context_that_outlives_a_speech_does_not_keep_it() -> None:
    contexts: list[Context] = []
    sink = NullSink()
    held: list[weakref.ref[PcmRing]] = []
    start = sink.start

    def note(ring: PcmRing) -> None:
        held.append(weakref.ref(ring))
        start(ring)

    sink.start = note  # type: ignore[method-assign]
    source = ScriptedSource(every(0.1, pages(spoken(0.5))))
    await oggstream.play_stream("Hello.", source=source, sink=sink, on_event=lambda _: contexts.append(copy_context()))
    await sink.aclose()
    gc.collect()
    assert contexts
    assert held[0]() is None


@pytest.mark.parametrize("arrivals", [[], [(0.5, SourceBrokenError("cut"))]], ids=["well", "failing"])
async def test_what_a_speech_held_goes_with_it_and_waits_for_no_garbage_collector(arrivals: list[Any]) -> None:
    class Sink(NullSink):
        def start(self, ring: PcmRing) -> None:
            self.seen = weakref.ref(ring)
            super().start(ring)

    head, tags, *audio = pages(spoken(3.0))
    source = ScriptedSource([(0, head + tags + audio[0] + audio[1]), *arrivals])
    sink = Sink()
    gc.collect()
    gc.disable()
    try:
        with suppress(SourceBrokenError):
            await oggstream.play_stream("Hello there.", source=source, sink=sink)
        for _, error in arrivals:  # which the script keeps
            error.__traceback__ = None
        sink.abort()
        await asyncio.sleep(0)
        assert sink.seen() is None
    finally:
        gc.enable()


class Repeating(ScriptedSource):
    """Says each piece after a wait of its own, and tells its own transcript."""

    def __init__(self, waits: list[float]) -> None:
        super().__init__([])
        self.waits = waits

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
        self.opened += 1
        number = self.opened
        async with ScriptedSource([(self.waits[number % len(self.waits)], spoken(1.0))]).open(text, options) as stream:
            yield stream
            emit(Transcribed, text=text, spoken=f"{text} ({number})")


async def test_pieces_of_the_same_text_have_their_own_transcript_and_first_packet() -> None:
    source = Repeating([0.5, 0.2, 0.3])
    text = "\n\n".join(["This is a sentence that is said more than once, and it is long enough for a request."] * 9)
    report = await oggstream.play_stream(text, source=source, sink=NullSink())
    texts = [segment.text for segment in report.segments]
    assert len(texts) > len(set(texts))
    assert [segment.spoken for segment in report.segments] == [f"{text} ({n})" for n, text in enumerate(texts, 1)]
    first = report.segments[0].first_packet
    assert (first, report.timing.first_packet) == (0.2, 0.2)
    assert report.segments[1].first_packet == 0.3


async def test_underflows_are_those_of_the_speech() -> None:
    class Dry(NullSink):
        underflows = 7

        def start(self, ring: PcmRing) -> None:
            super().start(ring)
            self.underflows += 2

    sink = Dry()
    for _ in range(2):
        report = await oggstream.play_stream("Hello.", source=ScriptedSource(every(0.1, pages(spoken(0.5)))), sink=sink)
        assert report.playout.device_underflows == 2


@pytest.mark.parametrize("conceal", [True, False])
async def test_a_text_that_pauses_costs_a_look_every_tenth_of_a_second_and_no_more(
    monkeypatch: pytest.MonkeyPatch, conceal: bool
) -> None:
    looks: list[float] = []
    look = Watch.look

    def noted(watch: Watch, outlet: Any) -> None:
        looks.append(asyncio.get_running_loop().time())
        look(watch, outlet)

    monkeypatch.setattr(Watch, "look", noted)

    async def text() -> AsyncIterator[str]:
        yield "One sentence. "
        await asyncio.sleep(30)
        yield "Another one."

    report = await oggstream.play_stream(
        text(),
        source=ScriptedSource([(0.1, spoken(1.0))]),
        sink=NullSink(),
        options=PlaybackOptions(conceal=conceal),
    )
    assert report.completed
    quiet = [at for at in looks if 5 <= at < 30]
    assert 0 < len(quiet) <= 251
