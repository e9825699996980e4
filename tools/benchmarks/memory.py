"""What stays in memory: over an hour of audio, and over many utterances with faults among them."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from pathlib import Path

from . import material, origin
from .process import resident_bytes
from .row import Outcome, Row, Run
from .sinks import InstantSink

MEGABYTE = 1e6
REPEATS = 6  # of the ten minutes
WARM_SHARE = 0.1

UTTERANCES = 200
SECONDS_EACH = 18
FAULTS = ("status=401", "cut=0.5", "status=404", "stall=0.4", "cut=0.03")


def measure_hour(run: Run) -> Outcome:
    """Stream an hour of frames over HTTP and compare the memory after its first minutes with the most later on."""
    body = material.ogg_file(run.folder, run.seconds(600, least=4), repeat=REPEATS)
    with origin.running(run.folder) as address:
        growth, seconds = asyncio.run(_stream(f"{address}/{body.name}", run.seconds(3600, least=24)))
    return Outcome(f"{growth / MEGABYTE:.2f} MB over {seconds / 60:.0f} min", growth < 2 * MEGABYTE, {"bytes": growth})


async def _stream(url: str, expected: float) -> tuple[float, float]:
    import oggstream

    source = oggstream.HttpSource(url)
    samples, warm, most, count = 0, 0, 0, 0
    try:
        async for frame in oggstream.stream_frames("Hello.", source=source):
            samples += len(frame.pcm)
            count += 1
            if count % 500 == 0:
                now = resident_bytes()
                if samples < WARM_SHARE * expected * 48000:
                    warm = max(warm, now)
                most = max(most, now)
    finally:
        await source.aclose()
    return float(most - (warm or most)), samples / 48000


def measure_soak(run: Run) -> Outcome:
    """Speak many times, every third time from a service that fails, and look at what is left."""
    body = material.ogg_file(run.folder, run.seconds(SECONDS_EACH, least=1))
    with origin.running(run.folder) as address:
        growth, left, errors = asyncio.run(_soak(f"{address}/{body.name}", run.count(UTTERANCES, least=9)))
    words = f"{growth / MEGABYTE:.2f} MB, {errors} faults, left: {left or 'nothing'}"
    return Outcome(words, growth < 5 * MEGABYTE and not left, {"bytes": growth, "faults": errors})


async def _soak(url: str, count: int) -> tuple[float, str, int]:
    warm_up = max(3, count // 5)
    growth, errors = 0.0, 0
    before = _held()
    for number in range(count):
        errors += await _utter(url if number % 3 else f"{url}/{FAULTS[number // 3 % len(FAULTS)]}")
        if number == warm_up - 1:
            before, warm = _held(), _settled()
    growth = float(_settled() - warm)
    await asyncio.sleep(0.1)
    left = {name: now - before[name] for name, now in _held().items() if now > before[name]}
    return growth, ", ".join(f"{number} {name}" for name, number in left.items()), errors


async def _utter(url: str) -> int:
    """Speak once; returns how many errors were raised."""
    import oggstream

    options = oggstream.PlaybackOptions(first_byte_timeout=0.3, stall_timeout=0.3)
    source = oggstream.HttpSource(url)
    try:
        await oggstream.play_stream("Hello.", source=source, sink=InstantSink(), options=options)
    except oggstream.OggStreamError:
        return 1
    finally:
        await source.aclose()
    return 0


def _settled() -> int:
    gc.collect()
    return resident_bytes()


def _held() -> dict[str, int]:
    """Count what a program may leave behind."""
    sockets = 0
    for entry in os.scandir("/proc/self/fd"):
        try:
            sockets += str(Path(entry.path).readlink()).startswith("socket:")
        except OSError:
            continue  # the folder's own
    return {"tasks": len(asyncio.all_tasks()), "threads": threading.active_count(), "sockets": sockets}


ROWS = [
    Row("memory", "growth of `stream_frames` over an hour of audio", "< 2 MB", measure_hour),
    Row(
        "soak",
        "an hour of utterances in one process (200, a third with a fault): growth; tasks, threads, sockets left",
        "< 5 MB, none",
        measure_soak,
    ),
]
