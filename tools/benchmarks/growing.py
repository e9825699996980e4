"""Measures text that grows: time to the first sound, gaps, bounds, and the accuracy of the heard text."""

from __future__ import annotations

import asyncio
import gc
import threading
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from oggstream import PlaybackOptions, Player, play_stream
from oggstream.events import Progress, RequestSent
from oggstream.sinks.null_sink import NullSink

from . import stats
from .model import ModelService, in_virtual_time, spoken, written
from .process import private_bytes
from .row import Outcome, Row, Run

if TYPE_CHECKING:
    from oggstream import PlaybackReport
    from oggstream.events import Event

TOKENS_A_SECOND = 30
CHOSEN_PAUSE = 0.25
BOUND = 15.0
MEGABYTE = 1_000_000

ANSWER = (
    "The harbour was built when the town was still small. At first it held a dozen boats, and nobody thought that it "
    "would ever hold more. Then the railway came, and with it the trade in slate, salt and timber. Within ten years "
    "the quay had been made longer three times. Warehouses went up along the water, most of them in brick, a few in "
    "wood. The wooden ones burned down in a single night, in the winter of that year, and were not built again. What "
    "you see today is what was left after the fire, with a new roof and larger windows. The large crane at the end of "
    "the pier has not moved for half a century, but it is still oiled every spring. If you walk as far as the "
    "lighthouse, you can see the whole of it at once: the quay, the crane, the town behind it, and the hills. In the "
    "morning the light comes from behind you, which is the best time to take a picture. In the evening it is quieter, "
    "and there is a place where they sell soup. Take a warm coat in any case, because the wind never quite stops. The "
    "last bus leaves at nine, and the walk back takes about forty minutes along the water."
)


def _answer(run: Run) -> str:
    """The answer, or in a small run its beginning: a quick run has all of it, for its length matters."""
    sentences = ANSWER.split(". ")
    return ". ".join(sentences[: run.count(10 * len(sentences), least=3)])


async def _speak(text: object, service: ModelService, sink: NullSink, pause: float | None = None) -> PlaybackReport:
    options = PlaybackOptions(history=None, pause=pause, ahead=BOUND)
    return await play_stream(text, source=service, sink=sink, options=options)  # type: ignore[arg-type]


async def _first_sound(service: ModelService, answer: str, *, whole: bool) -> float:
    """Seconds from the first token to the first sound; ``whole``: wait for the complete answer first."""
    text: object = written(answer, TOKENS_A_SECOND)
    waited = 0.0
    if whole:
        loop = asyncio.get_running_loop()
        began = loop.time()
        text = "".join([piece async for piece in written(answer, TOKENS_A_SECOND)])
        waited = loop.time() - began
    report = await _speak(text, service, NullSink())
    assert report.timing.first_audible is not None
    return waited + report.timing.first_audible - 1 / TOKENS_A_SECOND


def _ratio(run: Run, form: str, rate: float, first: float) -> tuple[float, float, float]:
    answer = _answer(run)
    growing = in_virtual_time(lambda: _first_sound(ModelService(form, rate=rate, first=first), answer, whole=False))
    whole = in_virtual_time(lambda: _first_sound(ModelService(form, rate=rate, first=first), answer, whole=True))
    return growing, whole, whole / growing


def measure_first(run: Run) -> Outcome:
    """With the arrivals of OpenAI's speech model."""
    growing, whole, ratio = _ratio(run, "b", 6.5, 1.07)
    return Outcome(f"{growing:.2f} s, {ratio:.1f} x earlier", ratio >= 5, {"growing": growing, "whole": whole})


def measure_first_offline(run: Run) -> Outcome:
    """With those of the offline voice."""
    growing, whole, ratio = _ratio(run, "20ms", 300.0, 0.006)
    return Outcome(f"{growing:.2f} s, {ratio:.1f} x earlier", ratio >= 15, {"growing": growing, "whole": whole})


def _gaps(played: np.ndarray[tuple[int], np.dtype[np.float32]]) -> list[float]:
    """Seconds of every stretch below -50 dBFS, except at both ends."""
    loud = np.flatnonzero(np.abs(played) > 10**-2.5)
    return [float(gap) / 48000 for gap in np.diff(loud) if gap > 480]


async def _one_by_one(service: ModelService, answer: str) -> list[float]:
    """The silence between sentences if each is requested after the one before it has been heard."""
    sentences = [f"{part}." for part in answer.removesuffix(".").split(". ")]
    loop = asyncio.get_running_loop()
    ends, gaps = 0.0, []
    for sentence in sentences:
        began = loop.time()
        report = await _speak(sentence, service, NullSink())
        assert report.timing.first_sample is not None
        assert report.timing.end is not None
        if ends:
            gaps.append(began + report.timing.first_sample - ends)
        ends = began + report.timing.end
    return gaps


async def _excess(service: ModelService, text: object) -> tuple[float, PlaybackReport, float]:
    """The most by which a silence of the speech exceeds those of the service and the chosen pause."""
    sink = NullSink(record=True)
    report = await _speak(text, service, sink, pause=CHOSEN_PAUSE)
    natural = max((max(_gaps(_pcm(piece)), default=0.0) for _, piece in service.asked), default=0.0)
    played = sink.recording[:, 0]
    return max(_gaps(played), default=0.0) - max(natural, CHOSEN_PAUSE), report, natural


def _pcm(text: str) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    samples = np.frombuffer(spoken(text), np.int16).astype(np.float32) / 32768
    return np.repeat(samples, 2)  # at 48 kHz, well enough to find silence


def measure_joins(run: Run) -> Outcome:
    """The answer, spoken at three times real time, half a second to the first audio."""
    answer = _answer(run)
    service = ModelService("a", rate=3.0, first=0.5)
    excess, report, _ = in_virtual_time(lambda: _excess(service, written(answer, TOKENS_A_SECOND)))
    gaps = in_virtual_time(lambda: _one_by_one(ModelService("a", rate=3.0, first=0.5), answer))
    silent = report.playout.stall_seconds + report.playout.concealed_seconds
    return Outcome(
        f"{len(report.segments)} pieces, {silent:.2f} s of stalls, longest silence {max(excess, 0) * 1000:.0f} ms "
        f"above the pauses; one by one: {len(gaps)} gaps of {sum(gaps) / len(gaps):.2f} s",
        report.playout.stalls == 0 and silent == 0 and excess < 0.02,
        {"stalls": report.playout.stalls, "excess": excess, "one_by_one": sum(gaps) / len(gaps)},
    )


def measure_bound(run: Run) -> Outcome:
    """The most speech that was requested and not heard yet at any time."""
    service = ModelService("20ms", rate=50.0, first=0.05)
    most = 0.0
    asked = 0.0

    def note(event: Event) -> None:
        nonlocal most, asked
        if isinstance(event, RequestSent):
            asked = sum(len(spoken(text)) / 48000 for _, text in service.asked)
        elif isinstance(event, Progress):
            most = max(most, asked - event.position / 48000)

    async def speak() -> None:
        options = PlaybackOptions(history=None)
        await play_stream(_answer(run) * 2, source=service, sink=NullSink(), options=options, on_event=note)

    in_virtual_time(speak)
    return Outcome(f"{most:.1f} s", most <= BOUND, {"most": most})


def _word_ends(text: str) -> list[tuple[int, float]]:
    """For each word of a text: its end as a character and as a time, found by speaking everything up to it."""
    ends = [at for at, letter in enumerate(text + " ") if letter == " "]
    times = []
    for end in ends:
        pcm = np.abs(np.frombuffer(spoken(text[:end]), np.int16).astype(np.int32))
        times.append((end, float(np.flatnonzero(pcm > 100)[-1]) / 24000))
    return times


async def _interrupted(text: str, at: float) -> tuple[int, float]:
    """The number of characters reported as heard, and the seconds heard."""
    service = ModelService("20ms", rate=3.0, first=0.2)
    async with Player(source=service, sink=NullSink(), options=PlaybackOptions(history=None)) as player:
        speech = player.say(text)
        await asyncio.sleep(0.25 + at)
        heard = await player.stop()
        await speech
    return heard.chars, heard.seconds


def measure_heard(run: Run) -> Outcome:
    """The error of the heard text in words, for interruptions all over a sentence."""
    sentences = [f"{part}." for part in ANSWER.split(". ")][: run.count(6, least=2)]
    errors = []
    for sentence in sentences:
        ends = _word_ends(sentence)
        for share in (0.2, 0.35, 0.5, 0.65, 0.8):
            at = share * ends[-1][1]
            chars, seconds = in_virtual_time(partial(_interrupted, sentence, at))
            said = sum(time <= seconds for _, time in ends)
            told = sum(end <= chars for end, _ in ends)
            errors.append(abs(told - said))
    within = sum(error <= 2 for error in errors)
    return Outcome(
        f"{within} of {len(errors)} within 2 words, at most {max(errors)}",
        within == len(errors),
        {"p50": float(stats.median(errors)), "max": float(max(errors))},
    )


def measure_hour(run: Run) -> Outcome:
    """An hour of text through one player, in virtual time; memory from a fifth of it to its end."""
    service = ModelService("20ms", rate=20.0, first=0.05)
    seconds = run.seconds(3600, least=60)
    grown: list[int] = []

    async def talk() -> int:
        async with Player(source=service, sink=NullSink(), options=PlaybackOptions(history=None)) as player:
            spoken_seconds = 0.0
            while spoken_seconds < seconds:
                report = await player.say(written(ANSWER, 200))
                spoken_seconds += report.audio.seconds
                if spoken_seconds > seconds / 5:
                    gc.collect()
                    grown.append(private_bytes())
        await asyncio.sleep(0.1)
        return len(asyncio.all_tasks()) - 1

    tasks = in_virtual_time(talk)
    growth = (max(grown[-3:]) - grown[0]) / MEGABYTE
    threads = threading.active_count() - 1
    return Outcome(
        f"{growth:+.1f} MB, {tasks} tasks and {threads} threads left",
        growth <= 5 and tasks == 0 and threads == 0,
        {"growth": growth, "tasks": tasks, "threads": threads},
    )


ROWS = [
    Row("growing", "answer of 200 words at 30 tokens/s, OpenAI-like: first token to first sound", "5 x", measure_first),
    Row("growing-offline", "the same with the offline voice's arrivals", "15 x", measure_first_offline),
    Row("joins", "the same answer, service at 3 x real time, 0.5 s to first audio", "no gap but pauses", measure_joins),
    Row("ahead", "speech asked for and not heard, at any time", f"at most {BOUND:.0f} s", measure_bound),
    Row("heard", "text told to be heard, after an interruption within a piece", "within 2 words", measure_heard),
    Row("player-hour", "an hour of text through one player", "5 MB, nothing left", measure_hour),
]
