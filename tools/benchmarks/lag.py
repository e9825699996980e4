"""Measures how long the first speech of a process holds up the event loop.

It is a program as well as a module: ``lag.py URL [preload]`` takes the frames of a first speech from an address while a
ticker runs, and prints by how many seconds the latest tick was late, and how late it can be for the work of this
process alone: on a busy machine the work of others is in the first figure.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from functools import partial

PERIOD = 0.005
ROUNDS = 9
SECONDS = 2.0


async def worst_lag(url: str, *, preload: bool) -> tuple[float, float]:
    """The worst lateness of a tick from the first use of `oggstream.stream_frames` to its last frame, by two clocks."""
    if preload:
        import oggstream

        await oggstream.preload(url)
    lags: list[tuple[float, float]] = []
    ticker = asyncio.create_task(_tick(lags))
    await asyncio.sleep(10 * PERIOD)
    lags.clear()
    import oggstream

    async for _ in oggstream.stream_frames("Hello.", source=url):
        pass
    await asyncio.sleep(2 * PERIOD)
    ticker.cancel()
    by_wall, by_work = zip(*lags, strict=True)
    return max(by_wall), max(by_work)


async def _tick(lags: list[tuple[float, float]]) -> None:
    while True:
        begun, worked = time.perf_counter(), time.process_time()
        await asyncio.sleep(PERIOD)
        lags.append((time.perf_counter() - begun - PERIOD, max(0.0, time.process_time() - worked - PERIOD)))


if __name__ == "__main__":
    print(*asyncio.run(worst_lag(sys.argv[1], preload="preload" in sys.argv)))
    sys.exit()

from . import material, origin  # noqa: E402  # the program needs nothing else
from .row import Outcome, Row, Run, milliseconds  # noqa: E402
from .stats import alternate, median  # noqa: E402


def measure_lag(run: Run, *, preload: bool, most: float) -> Outcome:
    """Start processes one after the other; each speaks once."""
    body = material.ogg_file(run.folder, SECONDS)
    with origin.running(run.folder) as address:
        url = f"{address}/{body.name}"
        (lags,) = alternate(run.count(ROUNDS, least=3), partial(_of_a_process, url, preload=preload))
    worst, work = (median([lag[clock] for lag in lags]) for clock in range(2))
    words = f"{milliseconds(worst)} ({milliseconds(work)} of own work)"
    return Outcome(words, worst <= most, {"lag": worst, "work": work, "least": min(lags)[0]})


def _of_a_process(url: str, *, preload: bool) -> tuple[float, float]:
    command = [sys.executable, "-P", os.path.abspath(__file__), url, *(["preload"] if preload else [])]  # noqa: PTH100
    wall, work = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(wall), float(work)


_WHAT = "worst lag of the event loop at the first `stream_frames`, ticker of 5 ms, {}, median of processes"
ROWS = [
    Row(
        "lag-preloaded",
        _WHAT.format("after `preload`"),
        "<= 10 ms",
        partial(measure_lag, preload=True, most=0.010),
    ),
    Row("lag-first", _WHAT.format("without"), "<= 50 ms", partial(measure_lag, preload=False, most=0.050)),
]
