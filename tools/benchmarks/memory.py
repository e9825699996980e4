"""Measures the growth of memory over an hour of audio."""

from __future__ import annotations

import asyncio

from . import material, origin
from .process import resident_bytes
from .row import Outcome, Row, Run

MEGABYTE = 1e6
REPEATS = 6  # of the ten minutes
WARM_SHARE = 0.1


def measure_hour(run: Run) -> Outcome:
    """Stream an hour of frames over HTTP and compare the memory after its first minutes with the later peak."""
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


ROWS = [Row("memory", "growth of `stream_frames` over an hour of audio", "< 2 MB", measure_hour)]
