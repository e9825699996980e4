"""Measures the time to the first sample and the cost of playback, on a virtual sound card."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, Any

from . import card, material, origin
from .row import Outcome, Row, Run, milliseconds
from .stats import median

if TYPE_CHECKING:
    from collections.abc import Callable

    from oggstream import DeviceSink, PlaybackReport
    from oggstream.types import SourceLike

UTTERANCES = 40
SECONDS = 0.4
CPU_ROUNDS, CPU_SECONDS = 3, 10
GAP_MS = 20
TEXT = "Hello."


def measure_first_sample(run: Run) -> Outcome:
    """Speak from a local service that sends all at once: first audio packet to first sample, the device open."""
    body = material.ogg_file(run.folder, SECONDS)

    async def speak(sink: DeviceSink, count: int) -> list[float]:
        import oggstream

        source = oggstream.HttpSource(f"{address}/{body.name}/gap={GAP_MS}")
        try:
            reports = await _utter(count, lambda: source, sink)
        finally:
            await source.aclose()
        return [_time(report, "first_sample") - _time(report, "first_packet") for report in reports]

    with card.plugged_in(), origin.running(run.folder) as address:
        return _judge(*asyncio.run(_with_device(run, speak)), allowed=0.002)


def measure_offline(run: Run) -> Outcome:
    """Speak with the offline voice, made anew each time: call to first sample, the device open."""
    logging.getLogger("oggstream").setLevel(logging.ERROR)  # the warning about the missing key does not matter here

    async def speak(sink: DeviceSink, count: int) -> list[float]:
        reports = await _utter(count, lambda: None, sink)
        return [_time(report, "first_sample") for report in reports]

    with card.plugged_in():
        return _judge(*asyncio.run(_with_device(run, speak)), allowed=0.015)


def measure_warm(run: Run) -> Outcome:
    """Speak with one offline voice that stays: call to first sample, from the second utterance on."""

    async def speak(sink: DeviceSink, count: int) -> list[float]:
        import oggstream

        voice = oggstream.OfflineVoice()
        try:
            reports = await _utter(count, lambda: voice, sink)
        finally:
            await voice.aclose()
        return [_time(report, "first_sample") for report in reports]

    with card.plugged_in():
        return _judge(*asyncio.run(_with_device(run, speak)), allowed=0.010)


async def _with_device(run: Run, speak: Callable[[DeviceSink, int], Any]) -> tuple[list[float], float, float]:
    """Open a device, let ``speak`` measure, and return its figures with the stream's own lead and period."""
    import oggstream

    sink = oggstream.DeviceSink()
    notes = card.Notes(sink)
    noting = asyncio.create_task(notes.take())
    try:
        form = await sink.prepare()
        waits = await speak(sink, run.count(UTTERANCES, least=1))
        return waits, median(notes.leads), median(notes.samples) / form.rate
    finally:
        noting.cancel()
        await sink.aclose()


async def _utter(count: int, source: Callable[[], SourceLike], sink: DeviceSink) -> list[PlaybackReport]:
    """Speak ``count`` times after a warm-up. Pauses avoid a fixed phase with the device's periods."""
    import oggstream

    chance = random.Random(1)  # noqa: S311  # no secret
    reports = []
    for number in range(count + 1):
        report = await oggstream.play_stream(TEXT, source=source(), sink=sink)
        if number:
            reports.append(report)
        await asyncio.sleep(chance.uniform(0.05, 0.08))
    return reports


def _judge(waits: list[float], lead: float, period: float, *, allowed: float) -> Outcome:
    p50 = median(waits)
    above = p50 - lead - period
    words = f"p50 {milliseconds(p50)} = {milliseconds(lead)} + {milliseconds(period)} {_signed(above)}"
    return Outcome(words, above <= allowed, {"p50": p50, "lead": lead, "period": period, "above": above})


def _signed(seconds: float) -> str:
    return f"{'+' if seconds >= 0 else '-'} {milliseconds(abs(seconds))}"


def _time(report: PlaybackReport, name: str) -> float:
    value: float | None = getattr(report.timing, name)
    assert value is not None
    return value


def measure_cpu(run: Run) -> Outcome:
    """Play speech in real time and, in turn, run an empty callback on the same kind of stream."""
    seconds = run.seconds(CPU_SECONDS, least=0.4)
    body = material.ogg_file(run.folder, seconds)
    with card.plugged_in(), origin.running(run.folder) as address:
        playing, empty = asyncio.run(_loads(f"{address}/{body.name}", seconds, run.count(CPU_ROUNDS)))
    points = (median(playing) - median(empty)) * 100
    words = f"{points:.2f} points ({median(playing):.2%}, {median(empty):.2%} of a core)"
    return Outcome(words, points <= 2, {"points": points, "playing": median(playing), "empty": median(empty)})


async def _loads(url: str, seconds: float, rounds: int) -> tuple[list[float], list[float]]:
    playing, empty = [], []
    await _play_load(url)
    for _ in range(rounds):
        playing.append(await _play_load(url))
        empty.append(await _empty_load(seconds))
    return playing, empty


async def _play_load(url: str) -> float:
    """Return the share of a core that playback takes, without opening and closing the device."""
    import oggstream

    sink = oggstream.DeviceSink()
    source = oggstream.HttpSource(url)
    try:
        await sink.prepare()
        began = (time.process_time(), time.monotonic())
        await oggstream.play_stream(TEXT, source=source, sink=sink)
        return (time.process_time() - began[0]) / (time.monotonic() - began[1])
    finally:
        await sink.aclose()
        await source.aclose()


async def _empty_load(seconds: float) -> float:
    """Return the share of a core that an empty callback takes, on the stream that DeviceSink opens."""
    sink = card.empty_sink()
    try:
        await sink.prepare()
        began = (time.process_time(), time.monotonic())
        await asyncio.sleep(seconds)
        return (time.process_time() - began[0]) / (time.monotonic() - began[1])
    finally:
        await sink.aclose()


NEEDED = ["pulseaudio", "parec"]
ROWS = [
    Row(
        "sample",
        "first audio packet received to first sample at the converter, device open, fast source, p50",
        "<= callback's lead + period + 2 ms",
        measure_first_sample,
        NEEDED,
    ),
    Row(
        "offline",
        "offline voice: `play_stream` called to first sample, device open, p50",
        "<= callback's lead + period + 15 ms",
        measure_offline,
        NEEDED,
    ),
    Row(
        "warm",
        "offline voice: second utterance on a warm connection and device, call to first sample, p50",
        "<= callback's lead + period + 10 ms",
        measure_warm,
        NEEDED,
    ),
    Row(
        "cpu",
        "CPU while playing in real time, above an empty callback on the same stream",
        "<= 2 points",
        measure_cpu,
        NEEDED,
    ),
]
