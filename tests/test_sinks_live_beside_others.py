"""A broadcast beside a device and a file: `sink=[device, file, broadcast]`. In virtual time."""

from __future__ import annotations

import asyncio
import io
from contextlib import nullcontext
from typing import Any

import pytest

import oggstream
from oggstream.engine import loading as codec
from oggstream.errors import OutputError, SourceBrokenError
from oggstream.events import Event, WordStarted
from oggstream.options import PlaybackOptions
from oggstream.sinks.live.broadcast import Broadcast
from oggstream.sinks.live.live_item import Flushed, LiveItem, LivePacket, SpeechBegun, SpeechEnded, WordHeard
from oggstream.sinks.null_sink import NullSink
from oggstream.sinks.sink import Sink
from oggstream.sinks.wav_sink import WavSink
from scripted import ScriptedSource, SpeechService, every, pages, spoken

pytestmark = pytest.mark.looptime

TEXT = "When the connection is lost in mid-piece, it is taken up again at a pause, and nothing is repeated."


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()  # in virtual time nobody waits for the thread that would do it


def packets(items: list[LiveItem]) -> list[tuple[bytes, int, int, int]]:
    """What of them is sound."""
    return [
        (item.data, item.trim_start, item.trim_end, item.position) for item in items if isinstance(item, LivePacket)
    ]


def kinds(items: list[LiveItem]) -> list[type]:
    """Their kinds, packets and words left out."""
    return [type(item) for item in items if not isinstance(item, LivePacket | WordHeard)]


async def heard_by_a_taker(source: Any, *before: Any) -> tuple[oggstream.PlaybackReport, list[LiveItem]]:
    async with Broadcast() as broadcast:
        taker = broadcast.taker()
        report = await oggstream.play_stream(
            TEXT, source=source, sink=[*before, broadcast], options=PlaybackOptions(history=None)
        )
        return report, taker.take_all()


async def test_its_takers_get_the_packets_that_they_would_get_alone() -> None:
    arrivals = every(0.4, pages(spoken(5.0)))
    _, alone = await heard_by_a_taker(ScriptedSource(arrivals))
    report, beside = await heard_by_a_taker(ScriptedSource(arrivals), NullSink(rate=44100), WavSink(io.BytesIO()))
    assert packets(beside) == packets(alone)
    assert len(packets(beside)) == 251
    assert kinds(beside) == kinds(alone) == [SpeechBegun, SpeechEnded]
    assert [sink.name for sink in report.sinks] == ["null", "wav", "broadcast"]
    assert [sink.heard for sink in report.sinks] == [240000] * 3


async def test_a_lost_connection_is_mended_at_a_pause_that_nobody_was_given_yet() -> None:
    service = SpeechService(rate=8.0, pauses=True, fails=lambda text, number: 37 if number == 1 else None)
    report, items = await heard_by_a_taker(service, NullSink())
    assert [asked for _, asked in service.asked] == [TEXT, "and nothing is repeated."]
    assert report.completed
    assert not report.sinks[1].error
    given = sum(item.samples - item.trim_start - item.trim_end for item in items if isinstance(item, LivePacket))
    assert abs(given - report.audio.samples) <= 960


@pytest.mark.parametrize("beside", [False, True])
async def test_what_takers_were_given_is_not_given_again_even_if_the_speech_must_end_there(beside: bool) -> None:
    text = "This clause is all, and this one follows it without a single pause in it to the very end."
    service = SpeechService(rate=20.0, pauses=True, fails=lambda text, number: 9 if number == 1 else None)
    sinks: list[Sink] = [NullSink(), Broadcast()] if beside else [NullSink()]
    options = PlaybackOptions(history=None)
    with pytest.raises(SourceBrokenError) if beside else nullcontext():
        await oggstream.play_stream(text, source=service, sink=sinks, options=options)
    asked_again = [asked for _, asked in service.asked[1:]]
    assert asked_again == ([] if beside else [text.partition(", ")[2]])


async def test_an_interruption_reaches_the_device_and_the_takers_at_once() -> None:
    device = NullSink()
    async with (
        Broadcast() as broadcast,
        oggstream.Player(source=ScriptedSource([(0.1, spoken(5.0))]), sink=[device, broadcast]) as player,
    ):
        taker = broadcast.taker()
        first = player.say("One.")
        await asyncio.sleep(2.0)
        taken = taker.take_all()
        heard = await player.stop()
        rest = taker.take_all()
        assert (await first).stopped
        second = player.say("Two.")
        await second
        again = taker.take_all()
    assert kinds(taken) == [SpeechBegun]
    assert kinds(rest) == [Flushed]
    assert isinstance(rest[-1], Flushed)
    assert rest[-1].heard / 48000 == pytest.approx(heard.seconds, abs=0.05)
    assert kinds(again) == [SpeechBegun, SpeechEnded]
    assert {item.number for item in again} == {second.number}


async def test_speeches_of_a_player_follow_each_other_for_the_takers_too() -> None:
    async with (
        Broadcast() as broadcast,
        oggstream.Player(source=SpeechService(), sink=[NullSink(), broadcast, WavSink(io.BytesIO())]) as player,
    ):
        taker = broadcast.taker()
        speeches = [player.say(text) for text in ("One of several.", "Two.", "Three.")]
        reports = [await speech for speech in speeches]
        items = taker.take_all()
    assert kinds(items) == [SpeechBegun, SpeechEnded] * 3
    assert [item.number for item in items if isinstance(item, SpeechBegun)] == [speech.number for speech in speeches]
    assert all(report.sinks[1].heard == report.audio.samples for report in reports)


async def test_takers_are_told_the_words_when_the_leading_sink_comes_to_them() -> None:
    told: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, WordStarted):
            told.append(event.text)

    async with Broadcast() as broadcast:
        taker = broadcast.taker()
        source = ScriptedSource([(0.1, spoken(1.0))])
        await oggstream.play_stream("One two three.", source=source, sink=[NullSink(), broadcast], on_event=note)
        words = [item.text for item in taker.take_all() if isinstance(item, WordHeard)]
    assert words == told
    assert len(words) == 3


async def test_a_sink_that_cannot_take_a_word_is_left_out() -> None:
    class Deaf(NullSink):
        def tell(self, word: WordStarted) -> None:
            raise OutputError(f"what is {word.text}?")

    source = ScriptedSource([(0.1, spoken(1.0))])
    report = await oggstream.play_stream("One two three.", source=source, sink=[NullSink(), Deaf()])
    assert report.completed
    assert report.stream.warnings == ["null plays no more, the others do: what is One?"]


async def test_who_leads_may_be_the_broadcast_and_the_file_is_the_same() -> None:
    files = io.BytesIO(), io.BytesIO()
    arrivals = every(0.4, pages(spoken(3.0)))
    leaders: list[Sink] = [NullSink(), Broadcast()]
    for file, leader in zip(files, leaders, strict=True):
        async with WavSink(file) as sink:
            await oggstream.play_stream(TEXT, source=ScriptedSource(arrivals), sink=[leader, sink])
    assert files[0].getvalue() == files[1].getvalue()
    assert len(files[0].getvalue()) == 44 + 2 * 144000
