"""Speeches one after the other, on a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import oggstream
from oggstream.engine import loading as codec
from oggstream.errors import SourceBrokenError, UsageError
from oggstream.events import Event, SegmentEnded, SegmentStarted
from oggstream.sinks.null_sink import NullSink
from scripted import ScriptedSource, ScriptedStream, pages, spoken

if TYPE_CHECKING:
    from oggstream.options import SpeechOptions

pytestmark = pytest.mark.looptime

LATENCY, BLOCK = 0.02, 0.01


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()  # in virtual time nobody waits for the thread that would do it


def service(seconds: float = 2.0, wait: float = 0.3) -> ScriptedSource:
    """Answers every request after ``wait`` seconds with all of its audio."""
    return ScriptedSource([(wait, spoken(seconds))])


async def test_a_speech_is_awaited_for_its_report() -> None:
    async with oggstream.Player(source=service(), sink=NullSink()) as player:
        report = await player.say("One.")
    assert report.completed
    assert report.audio.seconds == 2.0


async def test_speeches_are_said_one_after_the_other_and_the_next_is_asked_for_meanwhile() -> None:
    sink = NullSink(record=True)
    events: list[Event] = []
    async with oggstream.Player(source=service(), sink=sink, on_event=events.append) as player:
        first, second = player.say("One."), player.say("Two.")
        reports = await first, await second
    assert [report.segments[0].text for report in reports] == ["One.", "Two."]
    assert reports[1].timing.first_packet == pytest.approx(0.6)
    starts = [event for event in events if isinstance(event, SegmentStarted)]
    ends = [event for event in events if isinstance(event, SegmentEnded)]
    assert 0 <= starts[1].at - ends[0].at < 0.15


async def test_an_interruption_takes_the_place_of_what_is_said() -> None:
    async with oggstream.Player(source=service(5.0), sink=NullSink()) as player:
        first, waiting = player.say("One."), player.say("Two.")
        await asyncio.sleep(1)
        last = player.say("Three.", interrupt=True)
        reports = await asyncio.gather(first, waiting, last)
    assert [report.stopped for report in reports] == [True, True, False]
    assert reports[2].completed


async def test_an_interruption_in_the_same_moment_lets_the_next_speech_go_on() -> None:
    async with oggstream.Player(source=service(), sink=NullSink()) as player:
        first, last = player.say("One."), player.say("Two.", interrupt=True)
        reports = await asyncio.gather(first, last)
    assert [report.stopped for report in reports] == [True, False]
    assert reports[1].completed


async def test_a_speech_that_waits_is_cancelled_without_touching_the_one_that_sounds() -> None:
    async with oggstream.Player(source=service(3.0), sink=NullSink()) as player:
        first, second, third = player.say("One."), player.say("Two."), player.say("Three.")
        await asyncio.sleep(1)
        second.cancel()
        reports = await asyncio.gather(first, second, third)
    assert [report.completed for report in reports] == [True, False, True]
    assert reports[1].stopped
    assert reports[0].timing.first_sample is not None
    assert reports[0].timing.end == pytest.approx(reports[0].timing.first_sample + 3.0)


async def test_stop_tells_what_was_heard() -> None:
    source = service(4.0)
    async with oggstream.Player(source=source, sink=NullSink()) as player:
        speech = player.say("one two three four five six seven eight nine ten eleven twelve")
        await asyncio.sleep(2.3)  # two seconds of four
        heard = await player.stop()
        report = await speech
    assert heard.text == "one two three four five six seven"[: heard.chars]
    assert heard.seconds == pytest.approx(2.0, abs=0.1)
    assert not heard.exact
    assert abs(len(heard.text.split()) - 6) <= 2
    assert report.stopped
    assert not report.completed


class SlowToClose(ScriptedSource):
    """Its answers go on for long, and take a second to be closed."""

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
        async with super().open(text, options) as stream:
            try:
                yield stream
            finally:
                await asyncio.sleep(1)


async def test_a_stopped_speech_is_silent_at_once_however_long_its_source_takes_to_close() -> None:
    sink = NullSink(record=True)
    source = SlowToClose([(0.0, spoken(4.0)), (60.0, b"")])
    async with oggstream.Player(source=source, sink=sink) as player:
        speech = player.say("One.")
        await asyncio.sleep(2)
        before = len(sink.recording)
        heard = await player.stop()
        assert (await speech).stopped
    assert len(sink.recording) - before <= 48000 * 2 * BLOCK
    assert heard.seconds < 2.1


async def test_stop_twice_and_with_nothing_to_stop_hears_nothing() -> None:
    async with oggstream.Player(source=service(), sink=NullSink()) as player:
        assert (await player.stop()).chars == 0
        speech = player.say("One.")
        await asyncio.sleep(1)
        first, second = await asyncio.gather(player.stop(), player.stop())
        assert (await speech).stopped
    assert first.seconds > 0
    assert second.text == ""


async def test_stop_while_a_speech_begins_closes_its_request() -> None:
    source = service()
    async with oggstream.Player(source=source, sink=NullSink()) as player:
        speech = player.say("One.")
        await asyncio.sleep(0.1)
        heard = await player.stop()
        assert (heard.text, heard.seconds) == ("", 0.0)
        assert (await speech).stopped
    assert source.opened == source.closed == 1


async def test_pause_holds_the_sound_and_resume_goes_on_with_the_next_sample() -> None:
    sink = NullSink(record=True)
    async with oggstream.Player(source=service(), sink=sink) as player:
        speech = player.say("One.")
        await asyncio.sleep(1)
        player.pause()
        held = player.position
        await asyncio.sleep(3)
        assert player.position - held <= 0.04 * 48000
        player.resume()
        report = await speech
    assert report.playout.stalls == 0
    assert report.timing.first_sample is not None
    assert report.timing.end == pytest.approx(report.timing.first_sample + 2.0 + 3.0, abs=0.03)


async def test_volume_is_a_gain_of_what_is_heard() -> None:
    sink = NullSink(record=True)
    async with oggstream.Player(source=service(), sink=sink) as player:
        player.volume = 0.5
        await player.say("One.")
        quiet = np.abs(sink.recording).max()
        with pytest.raises(UsageError, match="0 to 1"):
            player.volume = 2
    loud_sink = NullSink(record=True)
    await oggstream.play_stream("One.", source=service(), sink=loud_sink)
    assert quiet == pytest.approx(np.abs(loud_sink.recording).max() / 2, rel=1e-3)


async def test_a_speech_that_fails_raises_where_it_is_awaited_and_the_next_one_is_said() -> None:
    class Failing(ScriptedSource):
        def open(self, text: str, options: Any) -> Any:
            self.arrivals = [(0.1, SourceBrokenError("cut"))] if text == "One." else [(0.1, spoken(1.0))]
            return super().open(text, options)

    async with oggstream.Player(source=Failing([]), sink=NullSink()) as player:
        first, second = player.say("One."), player.say("Two.")
        with pytest.raises(SourceBrokenError):
            await first
        assert (await second).completed


async def test_a_player_that_is_not_open_says_nothing() -> None:
    player = oggstream.Player(source=service(), sink=NullSink())
    with pytest.raises(UsageError, match="async with"):
        await player.say("One.")


async def test_closing_it_stops_what_is_said() -> None:
    source = service(10.0)
    async with oggstream.Player(source=source, sink=NullSink()) as player:
        speech = player.say("One.")
        await asyncio.sleep(1)
    assert (await speech).stopped
    assert source.opened == source.closed


async def test_events_of_pieces_come_in_their_order() -> None:
    events: list[Event] = []
    head, tags, *audio = pages(spoken(2.0))
    source = ScriptedSource([(0.2, head + tags + b"".join(audio))])
    async with oggstream.Player(source=source, sink=NullSink(), on_event=events.append) as player:
        await player.say(["One sentence here, that is long enough. ", "And another one that follows it closely."])
    told = [(type(event), event.index) for event in events if isinstance(event, SegmentStarted | SegmentEnded)]
    assert told == [(SegmentStarted, 0), (SegmentEnded, 0), (SegmentStarted, 1), (SegmentEnded, 1)]
