"""The words of a stream are placed where their sound is heard, whatever happened to it on the way.

Each word of the test streams begins with an impulse, so that the recording itself says where it is.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.annotations import Annotation, Word
from oggstream.engine import loading as codec
from oggstream.errors import SourceBrokenError
from oggstream.events import Event, Transcribed, WordStarted, emit
from oggstream.lab.kept_sink import KeptSink
from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.report import PlaybackReport
from scripted import ScriptedSource, pages, said, spoken

pytestmark = pytest.mark.looptime

RATE = 48000
TEXT = "one two three"
STARTS = (4800, 16000, 30001)
PLAIN = PlaybackOptions(history=None, start_buffer=0.0)


@pytest.fixture(scope="module", autouse=True)
def _codec() -> None:
    codec._load_codec()


def words(starts: Iterable[int] = STARTS, text: str = TEXT, length: int = 4000) -> list[Annotation]:
    found: list[Annotation] = []
    at = 0
    for word, start in zip(text.split(), starts, strict=True):
        at = text.index(word, at)
        told = Word(text=word, start=at, end=at + len(word), start_sample=start, end_sample=start + length)
        found.append(told)
    return found


def wav(pcm: np.ndarray[Any, Any], rate: int = RATE) -> bytes:
    data = pcm.astype("<i2").tobytes()
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE") + form + struct.pack("<4sI", b"data", len(data)) + data
    )


def impulses(starts: Iterable[int] = STARTS, samples: int = 40000, rate: int = RATE) -> bytes:
    """A body of soft sound with an impulse at each of ``starts`` (48 kHz)."""
    pcm = 600 * np.sin(np.arange(samples * rate // RATE) / 17)
    for start in starts:
        pcm[round(start * rate / RATE)] = 30000
    return wav(pcm, rate)


def chunks(body: bytes, told: list[Annotation], *, after: bool = False, rate: float = 0.0) -> list[tuple[float, Any]]:
    """The body in pieces, with the words before the sound or behind it; ``rate``: bytes a second."""
    size = 4000
    parts: list[tuple[float, Any]] = [
        (at / rate if rate else 0.0, body[at : at + size]) for at in range(0, len(body), size)
    ]
    notes: list[tuple[float, Any]] = [(parts[-1][0] if after else 0.0, note) for note in told]
    return [*parts, *notes] if after else [*notes, *parts]


async def play(
    *bodies: list[tuple[float, Any]], text: Any = TEXT, options: PlaybackOptions = PLAIN
) -> tuple[PlaybackReport, np.ndarray[Any, Any], list[Event], float]:
    """Play a body for each piece; return the report, the recording, the events and when its first sample is heard."""

    class Several(ScriptedSource):
        def open(self, text: str, options: Any) -> Any:
            self.arrivals = bodies[min(len(self.texts), len(bodies) - 1)]
            return super().open(text, options)

    sink, events = KeptSink(), list[Event]()
    report = await oggstream.play_stream(text, source=Several([]), sink=sink, options=options, on_event=events.append)
    assert report.timing.first_sample is not None
    assert sink._zero is not None
    return report, sink.recording[:, 0], events, report.timing.first_sample


def found(pcm: np.ndarray[Any, Any]) -> list[int]:
    """Where the impulses are."""
    loud = np.flatnonzero(abs(pcm) > 0.5)
    return [int(at) for at, before in zip(loud, [-100, *loud], strict=False) if at - before > 50]


def starts_of(report: PlaybackReport) -> list[int]:
    return [word.start_sample for segment in report.segments for word in segment.words]


async def test_words_are_reported_at_their_samples_and_characters() -> None:
    report, pcm, _, _ = await play(chunks(impulses(), words()))
    first = report.segments[0].words[1]
    assert (first.text, first.start, first.end, first.end_sample) == ("two", 4, 7, 20000)
    assert starts_of(report) == list(STARTS)
    begin = found(pcm)[0] - STARTS[0]
    assert [at - begin for at in found(pcm)] == list(STARTS)
    assert report.segments[0].words_from == "service"


async def test_words_that_come_behind_their_sound_are_as_exact() -> None:
    report, _, _, _ = await play(chunks(impulses(), words(), after=True))
    assert starts_of(report) == list(STARTS)


class Reader(ScriptedSource):
    """Tells at the end of its answer what it has read, as the Realtime API does."""

    def __init__(self, text: str, read: str) -> None:
        super().__init__([(0, said(read))])
        self._told = (text, read)

    @asynccontextmanager
    async def open(self, text: str, options: SpeechOptions) -> AsyncIterator[Any]:
        async with super().open(text, options) as stream:
            emit(Transcribed, text=self._told[0], spoken=self._told[1])
            yield stream


@pytest.mark.parametrize(
    ("read", "heard"),
    [
        ("One two, three four.", ["One", "two", "three", "four"]),
        ("One, three four.", ["One", "three", "four"]),
        ("Certainly! One two, three four.", ["One", "two", "three", "four"]),
        ("Eins zwei, drei vier.", ["One", "two", "three", "four"]),
    ],
)
async def test_of_a_text_that_was_read_otherwise_the_words_of_the_transcript_are_estimated(
    read: str, heard: list[str]
) -> None:
    text = "One two, three four."
    report = await oggstream.play_stream(text, source=Reader(text, read), sink=KeptSink(), options=PLAIN)
    segment = report.segments[0]
    assert (segment.words_from, [word.text for word in segment.words]) == ("estimate", heard)
    assert [text[word.start : word.end] for word in segment.words] == heard


async def test_where_no_words_are_told_their_times_are_an_estimate() -> None:
    report, _, events, first = await play(chunks(impulses(), []))
    assert [word.text for word in report.segments[0].words] == TEXT.split()
    assert report.segments[0].words_from == "estimate"
    told = [event for event in events if isinstance(event, WordStarted)]
    assert [event.text for event in told] == TEXT.split()
    heard = [first + word.start_sample / RATE for word in report.segments[0].words]
    assert [event.at for event in told] == pytest.approx(heard, abs=1e-6)


@pytest.mark.parametrize("told", [True, False])
async def test_what_is_said_for_a_word_is_one_word_as_it_was_written(told: bool) -> None:
    options = replace(PLAIN, replace={"HVAC": "two three"})
    told_words = words() if told else []
    report, _, events, _ = await play(chunks(impulses(), told_words), text="one HVAC", options=options)
    [segment] = report.segments
    assert segment.text == "one HVAC"
    assert [(word.text, word.start, word.end) for word in segment.words] == [("one", 0, 3), ("HVAC", 4, 8)]
    assert [event.text for event in events if isinstance(event, WordStarted)] == ["one", "HVAC"]
    if told:
        assert (segment.words[1].start_sample, segment.words[1].end_sample) == (STARTS[1], STARTS[2] + 4000)


async def test_a_speech_without_text_has_no_words() -> None:
    report, _, events, _ = await play(chunks(impulses(), []), text=" ... ")
    assert report.segments[0].words == []
    assert report.segments[0].words_from is None
    assert not any(isinstance(event, WordStarted) for event in events)


async def test_each_word_is_told_once_at_the_moment_at_which_it_is_heard() -> None:
    _, _, events, first = await play(chunks(impulses(), words()))
    told = [event for event in events if isinstance(event, WordStarted)]
    assert [(event.text, event.start, event.end, event.sample) for event in told] == [
        ("one", 0, 3, STARTS[0]),
        ("two", 4, 7, STARTS[1]),
        ("three", 8, 13, STARTS[2]),
    ]
    assert [event.at for event in told] == pytest.approx([first + start / RATE for start in STARTS], abs=1e-6)


async def test_resampled_samples_keep_their_words() -> None:
    report, pcm, _, _ = await play(chunks(impulses(rate=24000), words()))
    begin = found(pcm)[0] - STARTS[0]
    assert [at - begin for at in found(pcm)] == pytest.approx(list(STARTS), abs=1)
    assert starts_of(report) == list(STARTS)


async def test_in_a_stretched_stream_each_word_is_heard_when_it_is_told() -> None:
    body = impulses(samples=192000, starts=(4800, 90000, 170001))
    slow = chunks(body, words((4800, 90000, 170001)), rate=0.9 * 2 * RATE)
    options = PlaybackOptions(history=None, start_buffer=0.3)
    report, pcm, events, first = await play(slow, options=options)
    assert report.playout.stretched_seconds > 0.05
    assert starts_of(report) == [4800, 90000, 170001]
    told = [event.at for event in events if isinstance(event, WordStarted)]
    played = found(pcm)
    heard = [first + (at - played[0] + 4800) / RATE for at in played]
    assert len(told) == 3
    for at in told:
        assert min(abs(at - other) for other in heard) < 2 / RATE


@pytest.mark.parametrize("pause", [None, 0.0, 0.05, 0.4])
async def test_words_of_joined_pieces_lie_at_their_sound(pause: float | None) -> None:
    silent = np.zeros(9600)
    pcm = np.concatenate((silent, 600 * np.sin(np.arange(24000) / 17), silent))
    pcm[20000] = 30000
    options = PlaybackOptions(history=None, start_buffer=0.0, pause=pause)
    told = words((20000,), "sentence")
    report, played, _, _ = await play(
        chunks(wav(pcm), told),
        chunks(wav(pcm), told),
        text=["sentence number one. ", "sentence number two."],
        options=options,
    )
    places = found(played)
    offset = places[0] - 20000
    assert len(report.segments) == 2
    assert starts_of(report) == [at - offset for at in places]
    assert [word.start for segment in report.segments for word in segment.words] == [0, 21]


async def test_a_lost_page_moves_no_word() -> None:
    whole = spoken(4.0)
    parts = pages(whole)
    told = words((4800, 90000, 170000))
    report, _, _, _ = await play(chunks(b"".join([*parts[:3], *parts[4:]]), told))
    assert report.stream.holes == 1
    assert report.playout.concealed_seconds == pytest.approx(1.0)
    assert starts_of(report) == [4800, 90000, 170000]


async def test_behind_a_gap_too_long_to_be_concealed_words_move_up_with_their_sound() -> None:
    whole = spoken(7.0)
    parts = pages(whole)
    kept = b"".join([*parts[:3], *parts[6:]])  # three seconds are lost, two of them concealed
    report, _, _, _ = await play(chunks(kept, words((4800, 100000, 300000))))
    assert report.playout.concealed_seconds == pytest.approx(2.0)
    assert starts_of(report) == [4800, 100000, 300000 - 48000]


async def test_words_of_a_withdrawn_page_stay_where_they_were() -> None:
    parts = pages(spoken(4.0, packets_per_page=50))
    damaged = bytearray(parts[3])
    damaged[-3] ^= 1
    body = b"".join([*parts[:3], bytes(damaged), *parts[4:]])
    told = words((4800, 60000, 170000))
    report, _, _, _ = await play([*[(0.0, word) for word in told], *dribble(body)])
    assert report.playout.early_packets
    assert report.stream.holes == 1
    assert starts_of(report) == [4800, 60000, 170000]


def dribble(body: bytes) -> list[tuple[float, Any]]:
    return [(at / 6000, body[at : at + 200]) for at in range(0, len(body), 200)]


async def test_words_behind_a_broken_connection_are_those_of_the_answer_that_goes_on() -> None:
    text = "One two three four, five six seven eight, nine ten eleven twelve."
    body = said(text)
    parts = pages(body)
    cut = len(b"".join(parts[: 3 * len(parts) // 4]))
    spoken_at = [text[:at].count(",") * 0.2 + at / 13.6 for at in (text.index(word) for word in text.split())]
    first = words([round(at * RATE) for at in spoken_at], text)
    asked: list[str] = []

    class Cut(ScriptedSource):
        def open(self, text: str, options: Any) -> Any:
            asked.append(text)
            if len(asked) == 1:
                self.arrivals = [*[(0.0, word) for word in first], (0.0, body[:cut]), (0.1, SourceBrokenError("cut"))]
            else:
                told = words([4800 * (1 + at) for at in range(len(text.split()))], text)
                self.arrivals = [*[(0.0, word) for word in told], (0.0, said(text))]
            return super().open(text, options)

    report = await oggstream.play_stream(text, source=Cut([]), sink=KeptSink(), options=PLAIN)
    assert len(asked) == 2
    assert 0 < len(asked[1]) < len(text)
    told = report.segments[0].words
    rest = text.index(asked[1])
    assert [word.text for word in told] == text.split()
    assert [text[word.start : word.end] for word in told] == text.split()
    assert starts_of(report) == sorted(starts_of(report))
    behind = [word for word in told if word.start >= rest]
    steps = {after.start_sample - before.start_sample for before, after in pairwise(behind)}
    assert steps == {4800}


@pytest.mark.parametrize(
    ("told", "moved"),
    [
        (words((30000, 16000, 4800)), 2),
        (words((4800, 5000, 5100)), 2),
        (words((-9000, 16000, 30000)), 1),
        (words((4800, 16000, 900000)), 1),
    ],
)
async def test_words_that_make_no_sense_are_clipped_in_order_and_one_warning_counts_them(
    told: list[Annotation], moved: int
) -> None:
    report, _, _, _ = await play(chunks(impulses(), told))
    placed = report.segments[0].words
    assert [word.text for word in placed] == TEXT.split()
    borders = [at for word in placed for at in (word.start_sample, word.end_sample)]
    assert borders == sorted(borders)
    assert 0 <= borders[0] <= borders[-1] <= 40000
    assert [warning for warning in report.stream.warnings if "words" in warning] == [
        f"the times of {moved} of 3 words overlap, run backwards or lie outside the sound: they were clipped"
    ]


LONG = "one two three four five six seven"


@pytest.mark.parametrize("unit", [0.001, 1000.0, 48000.0])
async def test_times_in_another_unit_are_recognised_and_estimated_instead_with_one_warning(unit: float) -> None:
    starts = [round(unit * at) for at in range(4800, 40000, 5000)][:7]
    report, _, events, _ = await play(chunks(impulses(), words(starts, LONG, round(4000 * unit))), text=LONG)
    assert report.completed
    assert report.segments[0].words_from == "estimate"
    assert [event.text for event in events if isinstance(event, WordStarted)] == LONG.split()
    assert [warning for warning in report.stream.warnings if "words" in warning] == [
        "the times of 7 words make no sense (another unit?): they are estimated instead"
    ]


async def test_words_that_come_when_some_were_estimated_are_not_told_twice() -> None:
    body = chunks(impulses(samples=96000), [], rate=2 * RATE)
    told = words((4800, 18000, 32000, 46000, 60000, 74000, 88000), LONG)
    late = [(1.0, word) for word in told]
    source = sorted([*body, *late], key=lambda arrival: arrival[0])
    report, _, events, _ = await play(source, text=LONG)
    assert report.segments[0].words_from == "service"
    assert [event.text for event in events if isinstance(event, WordStarted)] == LONG.split()


async def test_times_that_are_off_by_their_rounding_are_no_reason_to_warn() -> None:
    report, _, _, _ = await play(chunks(impulses(), words((0, 3970, 7950))))
    assert report.stream.warnings == []


async def test_heard_is_exact_to_the_word_whose_middle_was_heard() -> None:
    sink = KeptSink()
    source = ScriptedSource(chunks(impulses(), words((4800, 16000, 30000), length=8000)))
    async with oggstream.Player(source=source, sink=sink, options=PLAIN) as player:
        speech = player.say(TEXT)
        while speech.position < 21000:  # noqa: ASYNC110  # the device tells nobody
            await asyncio.sleep(0.002)
        heard = await player.stop()
    assert (heard.text, heard.exact) == ("one two", True)
    await speech


async def test_what_stands_for_one_word_of_the_original_is_one_estimated_word() -> None:
    options = PlaybackOptions(history=None, start_buffer=0.0, replace={"HVAC": "H vac"})
    report, _, _, _ = await play(chunks(impulses(), []), text="The HVAC *works* well.", options=options)
    words = [(word.text, word.start, word.end) for word in report.segments[0].words]
    assert words == [("The", 0, 3), ("HVAC", 4, 8), ("works", 10, 15), ("well", 17, 21)]
