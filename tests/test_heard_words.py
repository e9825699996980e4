"""Told words are heard when their events say so, and `Heard` has those that were: both by a recording of the device."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import oggstream
from oggstream.engine import loading
from oggstream.events import Event, WordStarted
from oggstream.lab.kept_sink import KeptSink
from oggstream.options import PlaybackOptions
from oggstream.report import Heard, PlaybackReport
from pulse import sound_server
from toned import RATE, Burst, TonedSource, bursts, told

if TYPE_CHECKING:
    from pulse import SoundServer

__all__ = ["sound_server"]

TEXTS = ("Alpha be gamma delta. ", "Epsilon to eta, theta iota. ", "Kappa a mu.")
TEXT = "".join(TEXTS)
HOW: dict[str, tuple[float, dict[str, Any]]] = {
    "plain": (10.0, {}),
    "paused": (10.0, {"pause": 0.25}),
    "stretched": (0.8, {"start_buffer": 0.3, "slowest": 0.7}),
    "stalling": (0.6, {"start_buffer": 0.1, "slowest": 1.0, "conceal": False}),
}


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    loading._load_codec()


async def spoken(how: str, stop_after: float | None = None) -> tuple[PlaybackReport, Heard | None, list[Burst], int]:
    """Speak `TEXT`, and stop after so many seconds. What is in the recording: the bursts, and samples in all."""
    pace, given = HOW[how]
    sink = KeptSink()
    options = PlaybackOptions(history=None, **given)
    heard = None
    async with oggstream.Player(source=TonedSource(pace), sink=sink, options=options) as player:
        speech = player.say(list(TEXTS))
        if stop_after is not None:
            await asyncio.sleep(stop_after)
            heard = await player.stop()
        report = await speech
    recording = sink.recording[:, 0]
    return report, heard, bursts(recording), len(recording)


def middles(found: list[Burst]) -> list[float]:
    """Where half of each word has sounded, in samples of a recording, whose stalls part some words."""
    places: list[float] = []
    rest = list(found)
    for word in told(TEXT):
        length = word.end_sample - word.start_sample
        parts = [rest.pop(0)]
        while rest and sum(part.end - part.start for part in parts) < length - RATE // 100:
            parts.append(rest.pop(0))
        left = sum(part.end - part.start for part in parts) / 2
        while left > parts[0].end - parts[0].start:
            left -= parts[0].end - parts[0].start
            parts.pop(0)
        places.append(parts[0].start + left)
    assert not rest
    return places


@pytest.mark.looptime
@pytest.mark.parametrize("how", HOW)
async def test_what_was_heard_is_exactly_the_words_whose_middle_was_heard(how: str) -> None:
    report, _, found, _ = await spoken(how)
    assert report.completed
    assert report.timing.end is not None
    assert len(report.segments) == len(TEXTS)
    assert (report.playout.stretched_seconds > 0.1) == (how == "stretched")
    assert bool(report.playout.stalls) == (how == "stalling")
    places = middles(found)
    ends = [word.end for word in told(TEXT)]
    seeded = random.Random(how)
    for _ in range(25):
        _, heard, _, played = await spoken(how, seeded.uniform(0, report.timing.end))
        assert heard is not None
        said = max((end for end, place in zip(ends, places, strict=True) if place < played), default=0)
        assert (heard.text.rstrip(" .,"), heard.exact) == (TEXT[:said].rstrip(" .,"), True)
        assert heard.text == TEXT[: heard.chars]


NEAR = 0.005  # seconds
ATTEMPTS = 3  # a recording may have gaps of its own, on a busy machine


async def told_and_recorded(
    server: SoundServer, how: str, stop_after: float | None
) -> tuple[list[WordStarted], list[float]]:
    """The events of a speech on a real device, and when the words begin in its recording, both in seconds."""
    pace, given = HOW[how]
    events: list[WordStarted] = []

    def note(event: Event) -> None:
        if isinstance(event, WordStarted):
            events.append(event)

    options = PlaybackOptions(history=None, latency=0.05, **given)
    player = oggstream.Player(source=TonedSource(pace), options=options, on_event=note)
    async with server.recording() as recording, player:
        speech = player.say(list(TEXTS))
        if stop_after is not None:
            await asyncio.sleep(stop_after)
            await player.stop()
        await speech
    found = bursts(recording.samples[:, 0])
    return events, [burst.start / RATE for burst in found]


@pytest.mark.parametrize(
    ("how", "stop_after"),
    [("paused", None), ("stretched", None), ("plain", 1.85)],  # between two beginnings
    ids=["joined", "stretched", "interrupted"],
)
async def test_words_are_heard_within_5_ms_of_when_their_events_say(
    sound_server: SoundServer, how: str, stop_after: float | None
) -> None:
    for _ in range(ATTEMPTS):
        events, begun = await told_and_recorded(sound_server, how, stop_after)
        off = np.array([event.at for event in events]) - begun if len(events) == len(begun) else np.array([9.0, 0.0])
        if np.ptp(off) <= 2 * NEAR:
            break
    assert len(events) == len(begun)
    words = [TEXT[word.start : word.end] for word in told(TEXT)]
    assert [event.text for event in events] == words[: len(events)]
    assert (len(events) == len(words)) == (stop_after is None)
    assert np.abs(off - np.median(off)).max() <= NEAR
