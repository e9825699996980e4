"""Measures how soon a stopped speech is silent, on a virtual sound card, and the Realtime API as a source."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from . import card, material, origin
from .device import NEEDED, _judge, _time, _with_device
from .row import Outcome, Row, Run, milliseconds
from .stats import median

if TYPE_CHECKING:
    from pathlib import Path

    from oggstream import DeviceSink

STOPS = 12
SECONDS = 6.0
ALLOWED = 0.030
RATE = 48000
REALTIME_UTTERANCES = 20
SHORT = "The quay is longer now."


class Stop(NamedTuple):
    """One interruption: seconds from the call to the last sample at the converter, and how many were heard in all."""

    wait: float
    heard: float


def measure_stop(run: Run) -> Outcome:
    """Interrupt speech at odd moments; measure how long it still sounds, and compare the recording with the report."""
    body = material.ogg_file(run.folder, SECONDS)
    path = run.folder / "stop.f32"
    stops: list[Stop] = []
    longest = 0.0
    latency = 0.0
    chance = random.Random(3)  # noqa: S311  # no secret
    with card.plugged_in(), origin.running(run.folder) as address:
        for _ in range(run.count(STOPS, least=2)):
            with card.recorded(path):
                stop, latency = asyncio.run(_interrupt(f"{address}/{body.name}", chance.uniform(0.4, 1.5)))
            stops.append(stop)
            longest = max(longest, _sounding(path) - stop.heard)
    p50, most = median([stop.wait for stop in stops]), max(stop.wait for stop in stops)
    return Outcome(
        f"p50 {milliseconds(p50)}, at most {milliseconds(most)} with a latency of {milliseconds(latency)}; "
        f"sound beyond what was told: {max(longest, 0) * 1000:.1f} ms",
        most <= latency + ALLOWED and longest < 0.001,
        {"p50": p50, "max": most, "latency": latency, "beyond": longest},
    )


async def _interrupt(url: str, after: float) -> tuple[Stop, float]:
    import oggstream

    sink, source = oggstream.DeviceSink(), oggstream.HttpSource(url)
    loop = asyncio.get_running_loop()
    notes = card.Notes(sink)
    try:
        async with oggstream.Player(source=source, sink=sink) as player:
            await sink.prepare()
            noting = asyncio.create_task(notes.take())
            speech = player.say("Hello.")
            while (ring := speech.ring) is None or not ring.playing:  # noqa: ASYNC110  # as its users would
                await asyncio.sleep(0.005)
            await asyncio.sleep(after)
            heard = ring.heard_at(loop.time())
            await player.stop()
            wait = (ring.read - heard) / ring.rate
            await speech
            noting.cancel()
            await asyncio.sleep(0.2)
            return Stop(wait, ring.read / ring.rate), median(notes.leads)
    finally:
        await sink.aclose()
        await source.aclose()


def _sounding(path: Path) -> float:
    """Seconds from the first to the last sample that is not silence."""
    data = path.read_bytes()
    loud = np.flatnonzero(np.frombuffer(data[: len(data) // 8 * 8], np.float32).reshape(-1, 2).any(axis=1))
    return float(loud[-1] + 1 - loud[0]) / RATE


def measure_realtime(run: Run) -> Outcome:
    """Speak through the Realtime API of a local server, connection and device warm: first bytes to first sample."""

    async def speak(sink: DeviceSink, count: int) -> list[float]:
        import oggstream
        from oggstream.endpoint.server import SpeechServer

        server = SpeechServer()
        await server.start()
        source = oggstream.RealtimeSource(base_url=server.base_url, api_key="none", trust_env=False)
        waits = []
        try:
            for number in range(count + 1):
                report = await oggstream.play_stream(SHORT, source=source, sink=sink, format="pcm")
                if number:
                    waits.append(_time(report, "first_sample") - _time(report, "first_byte"))
                await asyncio.sleep(0.06)
        finally:
            await source.aclose()
            await server.stop()
        return waits

    with card.plugged_in():
        return _judge(*asyncio.run(_with_device(run, speak)), allowed=0.010)


ROWS = [
    Row("stop", "`Player.stop` to silence at the converter", "<= device latency + 30 ms", measure_stop, NEEDED),
    Row(
        "realtime",
        "Realtime API, connection and device warm: first audio received to first sample at the converter, p50",
        "<= callback's lead + period + 10 ms",
        measure_realtime,
        NEEDED,
    ),
]
