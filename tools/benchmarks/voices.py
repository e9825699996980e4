"""Measures the voice of this machine for English: how soon it sounds, what it costs, whether its pieces have seams."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from importlib.util import find_spec

from ..hearing.sentences import EVERYDAY
from .row import Outcome, Row, Run, Skip, milliseconds
from .stats import median, percentile

SHORT = "Hello there."
LONG = (
    "The quick brown fox jumps over the lazy dog, while seventeen curious owls watch from the old barn "
    "near the river bank."
)
ROUNDS = 25
TEXTS = 20


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
    Row("voice-work", "the voice hibari: processor time for a second of speech", "<= 25 ms", measure_work),
    Row("voice-seams", "the voice hibari: small pieces against large ones", "<= -60 dB", measure_seams),
]
