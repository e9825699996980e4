"""A text that grows: requested piece by piece, within bounds, and spoken without gaps. In virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.engine import loading as codec
from oggstream.errors import SourceBrokenError
from oggstream.events import Event, Progress, Retrying, SegmentEnded, SegmentStarted
from oggstream.options import PlaybackOptions
from oggstream.sinks.null_sink import NullSink
from scripted import SpeechService

pytestmark = pytest.mark.looptime

ANSWER = (
    "The tower was finished in the spring of that year. It stood at the edge of the town, where the road turns to the "
    "sea. Nobody had asked for it, and nobody used it. But in the evening, when the light came in low over the water, "
    "people walked out to look at it. Some of them brought their children. Others came alone and stayed until it was "
    "dark. After a while it was hard to say what the town had been before. "
)


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()  # in virtual time nobody waits for the thread that would do it


async def tokens(text: str, a_second: float) -> AsyncIterator[str]:
    """The words of a text as a model writes them."""
    for word in text.split():
        await asyncio.sleep(1 / a_second)
        yield word + " "


async def say(text: Any, service: SpeechService, **keywords: Any) -> tuple[oggstream.PlaybackReport, list[Event]]:
    events: list[Event] = []
    keywords.setdefault("sink", NullSink())
    report = await oggstream.play_stream(text, source=service, on_event=events.append, **keywords)
    return report, events


async def test_the_first_piece_is_asked_for_while_the_text_is_being_written() -> None:
    service = SpeechService()
    report, _ = await say(tokens(ANSWER, 30), service)
    assert report.timing.first_sample is not None
    assert report.timing.first_sample < 2.0  # the whole answer takes 2.7 s to write
    assert "".join(text for _, text in service.asked).split() == ANSWER.split() or len(service.asked) > 3


async def test_all_of_the_text_is_asked_for_in_order_and_once() -> None:
    service = SpeechService()
    report, _ = await say(tokens(ANSWER, 30), service)
    assert " ".join(text for _, text in service.asked).split() == ANSWER.split()
    assert [segment.text for segment in report.segments] == [text for _, text in service.asked]
    assert service.opened == service.closed


async def test_pieces_follow_each_other_to_the_sample() -> None:
    report, _ = await say(tokens(ANSWER * 2, 50), SpeechService())
    assert len(report.segments) > 8
    for before, after in zip(report.segments, report.segments[1:], strict=False):
        assert after.start_sample == before.end_sample
    assert report.segments[-1].end_sample == report.audio.samples


async def test_nothing_is_silent_between_the_pieces_of_a_service_at_three_times_real_time() -> None:
    report, events = await say(tokens(ANSWER * 2, 30), SpeechService(rate=3.0, first=0.5))
    assert report.playout.stalls == 0
    assert report.timing.end is not None
    assert report.timing.first_sample is not None
    spoken = report.timing.end - report.timing.first_sample
    assert spoken == pytest.approx(report.audio.seconds + report.playout.stretched_seconds, abs=0.01)
    told = [(type(event).__name__, event.index) for event in events if isinstance(event, SegmentStarted | SegmentEnded)]
    count = len(report.segments)
    assert told == [(kind, index) for index in range(count) for kind in ("SegmentStarted", "SegmentEnded")]


async def test_no_more_is_asked_for_than_the_bounds_allow() -> None:
    service = SpeechService(rate=20.0, first=0.1)
    unheard: list[float] = []

    def watch(event: Event) -> None:
        if isinstance(event, Progress):
            asked = sum(len(text) for _, text in service.asked) / service.pace
            unheard.append(asked - event.position / 48000)

    options = PlaybackOptions(ahead=12.0, requests=2)
    await oggstream.play_stream(ANSWER * 2, source=service, sink=NullSink(), options=options, on_event=watch)
    assert service.most_at_once <= 2
    assert 6 < max(unheard) <= 12.1


async def test_a_short_text_is_one_request_as_it_is() -> None:
    service = SpeechService()
    await say("Call **me** at 5, please.", service)
    assert [text for _, text in service.asked] == ["Call **me** at 5, please."]


async def test_a_short_text_is_made_speakable_where_that_is_asked_for() -> None:
    service = SpeechService()
    await say("# News\n\nSee [the site](https://example.org).", service, options=PlaybackOptions(speakable=True))
    assert [text.split() for _, text in service.asked] == [["News.", "See", "the", "site."]]


async def test_what_a_model_writes_is_made_speakable() -> None:
    service = SpeechService()
    await say(["This is **very** important. "], service)
    assert [text for _, text in service.asked] == ["This is very important."]


async def test_a_model_that_pauses_in_mid_sentence_is_not_waited_for() -> None:
    async def slow() -> AsyncIterator[str]:
        yield "It depends on the weather and on"
        await asyncio.sleep(20)
        yield " nothing else."

    service = SpeechService()
    await say(slow(), service)
    assert service.asked[0][0] == pytest.approx(0.7, abs=0.01)
    assert service.asked[-1][0] == pytest.approx(20.0, abs=0.8)


async def test_an_iterator_that_raises_has_its_error_raised_after_what_came_before_was_heard() -> None:
    async def failing() -> AsyncIterator[str]:
        yield "This much was written. "
        raise ZeroDivisionError("the model")

    with pytest.raises(ZeroDivisionError) as caught:
        await say(failing(), SpeechService())
    report = caught.value.report  # type: ignore[attr-defined]
    assert report.audio.samples > 0
    assert [segment.text for segment in report.segments] == ["This much was written."]


async def test_a_text_that_is_cancelled_at_its_own_end_does_not_leave_the_speech_hanging() -> None:
    async def cancelled() -> AsyncIterator[str]:
        yield "This much was written. "
        raise asyncio.CancelledError

    service = SpeechService()
    with pytest.raises(asyncio.CancelledError):
        await say(cancelled(), service)
    assert [text for _, text in service.asked] == ["This much was written."]


async def test_text_without_words_is_passed_over() -> None:
    service = SpeechService()
    report, _ = await say(["  ", "...", "", " \U0001f600 ", "\n\n"], service)
    assert service.asked == []
    assert report.completed
    assert report.audio.samples == 0


async def test_a_connection_lost_before_audio_is_asked_for_again() -> None:
    service = SpeechService(fails=lambda text, number: 0 if number == 2 else None)
    report, events = await say(tokens(ANSWER, 30), service)
    assert report.completed
    assert report.requests.retried == 1
    assert any(isinstance(event, Retrying) for event in events)
    assert report.segments[-1].end_sample == report.audio.samples


async def test_a_connection_lost_in_mid_piece_is_taken_up_at_a_pause_without_repeating() -> None:
    text = "When the connection is lost in mid-piece, it is taken up again at a pause, and nothing is repeated."
    service = SpeechService(rate=8.0, pauses=True, fails=lambda text, number: 37 if number == 1 else None)
    report, _ = await say(text, service)
    asked = [text for _, text in service.asked]
    assert asked == [text, "and nothing is repeated."]
    assert report.completed
    assert report.requests.retried == 1
    assert report.audio.seconds == pytest.approx(len(text) / 13.6 + 0.6, abs=0.25)  # the clauses and their pauses
    assert report.playout.stalls == 0
    assert service.opened == service.closed


async def test_what_cannot_be_mended_ends_the_speech_behind_what_came_and_tells_what_was_not_spoken() -> None:
    service = SpeechService(fails=lambda text, number: 2 if number >= 3 else None)
    with pytest.raises(SourceBrokenError) as caught:
        await say(ANSWER, service)
    error = caught.value
    assert error.report is not None
    assert error.unspoken
    assert ANSWER.endswith(error.unspoken)
    whole = len(service.asked[0][1]) + len(service.asked[1][1])
    assert 0 <= len(ANSWER) - len(error.unspoken) - whole < 40
    assert service.opened == service.closed


async def test_later_requests_are_cancelled_when_one_fails() -> None:
    service = SpeechService(rate=0.5, fails=lambda text, number: 2 if number == 1 else None)
    with pytest.raises(SourceBrokenError):
        await say(ANSWER, service)
    assert service.opened == service.closed


async def test_frames_of_a_growing_text_follow_each_other() -> None:
    position = 0
    async for frame in oggstream.stream_frames(tokens(ANSWER, 30), source=SpeechService()):
        assert frame.position == position
        position += len(frame.pcm)
    assert position == pytest.approx(len(ANSWER.strip()) / 13.6 * 48000, rel=0.05)


async def test_packets_of_a_growing_text_follow_each_other() -> None:
    position = 0
    async for packet in oggstream.stream_packets(tokens(ANSWER, 30), source=SpeechService()):
        assert packet.position == position
        position += packet.samples - packet.trim_start - packet.trim_end


async def test_a_chosen_pause_takes_the_place_of_the_services_silence() -> None:
    sink = NullSink(record=True)
    options = PlaybackOptions(pause=0.4)
    await say(
        ["This is the first of two sentences. ", "And this is the second of them."],
        SpeechService(),
        sink=sink,
        options=options,
    )
    loud = np.flatnonzero(np.abs(sink.recording[:, 0]) > 0.01)
    gaps = np.diff(loud) / 48000
    assert gaps.max() == pytest.approx(0.4, abs=0.02)
