"""Measures the voice of this machine for English: how soon it sounds, what it costs, whether its pieces have seams."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from contextlib import aclosing
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from ..hearing.sentences import EVERYDAY
from . import card, daemon
from .process import US
from .row import Outcome, Row, Run, Skip, milliseconds
from .stats import alternate, median, percentile

if TYPE_CHECKING:
    from collections.abc import Coroutine

SHORT = "Hello there."
LONG = (
    "The quick brown fox jumps over the lazy dog, while seventeen curious owls watch from the old barn "
    "near the river bank."
)
ROUNDS = 25
TEXTS = 20
COLD_ROUNDS = 9
TICK = 0.005
LAG_SECONDS = 20.0


def _need_hibari() -> None:
    if find_spec("hibari") is None:
        raise Skip("hibari-tts is not installed: pip install 'oggstream[voice]'")


def measure_first(run: Run) -> Outcome:
    """From the call to the first frame, in this process and the voice's; warm, the two texts in turn."""
    _need_hibari()
    short, long = asyncio.run(_first_frames(run.count(ROUNDS, 3)))
    figures = {
        "short_p50": median(short),
        "short_p95": percentile(short, 95),
        "long_p50": median(long),
        "long_p95": percentile(long, 95),
    }
    words = f"{milliseconds(median(short))}, {milliseconds(median(long))}"
    return Outcome(words, median(short) <= 0.03 and median(long) <= 0.07, figures)


async def _first_frames(rounds: int) -> tuple[list[float], list[float]]:
    import oggstream

    voice = oggstream.OfflineVoice("hibari")
    times: dict[str, list[float]] = {SHORT: [], LONG: []}
    for number in range(rounds + 2):
        for text, found in times.items():
            began = time.perf_counter()
            async with aclosing(oggstream.stream_frames(text, source=voice, language="en")) as frames:
                await anext(frames)
            if number >= 2:  # the first ones start the child process
                found.append(time.perf_counter() - began)
    return times[SHORT], times[LONG]


def measure_work(run: Run) -> Outcome:
    """Processor time of the engine for twenty sentences, and for loading it with its file of dictionaries."""
    _need_hibari()
    from oggstream.voice.engine import SpokenWord, Utterance
    from oggstream.voice.hibari.engine import HibariEngine

    began = time.process_time()
    engine = HibariEngine()
    engine.load()
    loading = time.process_time() - began
    engine.warm()

    def cost(text: str) -> tuple[float, float]:
        start = time.process_time()
        blocks = [item for item in engine.speak(Utterance(text)) if not isinstance(item, SpokenWord)]
        return time.process_time() - start, sum(map(len, blocks)) / engine.rate

    work, seconds = map(sum, zip(*map(cost, EVERYDAY[: run.count(TEXTS, 4)]), strict=True))
    figures = {"cpu_per_second": work / seconds, "loading_cpu": loading}
    words = f"{milliseconds(work / seconds)}, loading {milliseconds(loading)}"
    return Outcome(words, work / seconds <= 0.025, figures)


def measure_cold(run: Run) -> Outcome:
    """From the start of a process to that of playback on an open device, in turn: espeak-ng, hibari, by a daemon."""
    _need_hibari()
    with card.plugged_in(), daemon.running() as (environment, _):
        alone = {**environment, "OGGSTREAM_DAEMON": "off"}
        ways = [partial(_cold, "espeak", alone), partial(_cold, "hibari", alone), partial(_cold, "hibari", environment)]
        alternate(min(2, run.count(20)), *ways)  # the file of dictionaries is written, and the daemon knows who speaks
        espeak, hibari, warm = map(median, alternate(run.count(COLD_ROUNDS), *ways))
    figures = {"espeak": espeak, "hibari": hibari, "daemon": warm}
    words = (
        f"{hibari / espeak:.2f} x, with a daemon {warm / espeak:.2f} x (espeak-ng {milliseconds(espeak)}, hibari "
        f"{milliseconds(hibari)}, by a daemon {milliseconds(warm)})"
    )
    return Outcome(words, hibari <= 1.3 * espeak and warm <= 0.25 * espeak, figures)


def _cold(engine: str, environment: dict[str, str]) -> float:
    time.sleep(daemon.SETTLE_SECONDS)
    words = ["say", "--quiet", "--json", "--history", "none", "--service", f"offline:{engine}", SHORT]
    environment = {name: value for name, value in {**os.environ, **environment}.items() if not name.endswith("_KEY")}
    done = subprocess.run([*US, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    timing = json.loads(done.stdout)["timing"]
    return float(timing["start"] - timing["process_start"])


def measure_lag(run: Run) -> Outcome:
    """A ticker in the event loop: how late its ticks are while the voice speaks, and in silence."""
    _need_hibari()
    speaking, silent = asyncio.run(_lags(run.seconds(LAG_SECONDS, 4.0)))
    more = percentile(speaking, 99) - percentile(silent, 99)
    words = f"{milliseconds(more)} more ({milliseconds(percentile(speaking, 99))})"
    return Outcome(words, more <= 0.002, {"more": more, "speaking": percentile(speaking, 99)})


async def _lags(seconds: float) -> tuple[list[float], list[float]]:
    import oggstream

    voice = oggstream.OfflineVoice("hibari")
    await oggstream.play_stream(SHORT, source=voice, sink=oggstream.NullSink())  # which loads all
    silent = await _ticks(asyncio.sleep(seconds))
    ends = time.perf_counter() + seconds

    async def speak() -> None:
        while time.perf_counter() < ends:
            await oggstream.play_stream(LONG, source=voice, sink=oggstream.NullSink())

    return await _ticks(speak()), silent


async def _ticks(during: Coroutine[Any, Any, object]) -> list[float]:
    lags: list[float] = []

    async def tick() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(TICK)
            lags.append(time.perf_counter() - began - TICK)

    ticker = asyncio.create_task(tick())
    await during
    ticker.cancel()
    return lags


def measure_seams(run: Run) -> Outcome:
    """The same sentences in small pieces and in large ones: the largest difference of a sample."""
    _need_hibari()
    import numpy as np

    from oggstream.voice.engine import SpokenWord, Utterance
    from oggstream.voice.hibari.engine import HibariEngine

    engine = HibariEngine()
    engine.load()
    worst = 0.0
    for text in EVERYDAY[: run.count(TEXTS, 4)]:
        small, large = (
            np.concatenate([i for i in engine.speak(Utterance(text, first=first)) if not isinstance(i, SpokenWord)])
            for first in (True, False)
        )
        worst = max(worst, float(np.abs(small - large).max()))
    decibels = 20 * float(np.log10(max(worst, 1e-9)))
    return Outcome(f"{decibels:.0f} dB of full scale", decibels <= -60, {"decibels": decibels})


ROWS = [
    Row(
        "voice",
        "the voice hibari, warm: call to first frame, p50, of 12 and of 118 characters",
        "<= 30 ms, <= 70 ms",
        measure_first,
    ),
    Row(
        "voice-cold",
        "the voice hibari, start of the process to start of playback, without and with a daemon, against espeak-ng",
        "<= 1.3 x, with a daemon <= 0.25 x",
        measure_cold,
        ("pulseaudio", "parec"),
    ),
    Row(
        "voice-lag",
        "the voice hibari: p99 of the event loop's lag while it speaks, above silence",
        "<= 2 ms",
        measure_lag,
    ),
    Row("voice-work", "the voice hibari: processor time for a second of speech", "<= 25 ms", measure_work),
    Row("voice-seams", "the voice hibari: small pieces against large ones", "<= -60 dB", measure_seams),
]
