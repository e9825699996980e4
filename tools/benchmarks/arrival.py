"""From the first audio on the socket to its samples in the ring."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import Any

from . import material, origin
from .row import Outcome, Row, Run, milliseconds
from .sinks import InstantSink
from .stats import percentile

UTTERANCES = 300
GAP_MS = 20  # between headers and audio: the device is open and the codec loaded by then, as they are with a service
SECONDS = 1  # a page, as services send them


def measure_arrival(run: Run) -> Outcome:
    """Speak from a local service and compare when the event loop got the first audio with the first write."""
    body = material.ogg_file(run.folder, SECONDS)
    with origin.running(run.folder) as address, _arrivals() as arrivals:
        waits = asyncio.run(_speak(f"{address}/{body.name}/gap={GAP_MS}", run.count(UTTERANCES, least=2), arrivals))
    p50, p99 = percentile(waits, 50), percentile(waits, 99)
    words = f"p50 {milliseconds(p50)}, p99 {milliseconds(p99)}"
    return Outcome(words, p50 < 0.0003 and p99 < 0.002, {"p50": p50, "p99": p99})


@contextlib.contextmanager
def _arrivals() -> Iterator[list[float]]:
    """Note the time of every read from a client's socket, before aiohttp looks at the bytes."""
    from aiohttp.client_proto import ResponseHandler

    received = ResponseHandler.data_received
    arrivals: list[float] = []

    def noting(self: Any, data: bytes) -> None:
        arrivals.append(time.monotonic())
        received(self, data)

    ResponseHandler.data_received = noting  # type: ignore[method-assign]
    try:
        yield arrivals
    finally:
        ResponseHandler.data_received = received  # type: ignore[method-assign]


async def _speak(url: str, count: int, arrivals: list[float]) -> list[float]:
    """Speak ``count`` times and once before; the first read after the gap is that with the first audio."""
    import oggstream

    source, sink = oggstream.HttpSource(url), InstantSink()
    waits = []
    try:
        for number in range(count + 1):
            arrivals.clear()
            await oggstream.play_stream("Hello.", source=source, sink=sink)
            assert sink.first_write is not None
            audio = next((at for at in arrivals if at - arrivals[0] > GAP_MS / 2000), None)
            if number and audio is not None:  # None: the machine slept over the gap
                waits.append(sink.first_write - audio)
    finally:
        await source.aclose()
    return waits


ROWS = [
    Row(
        "ring",
        "first audio packet received to its samples in the ring",
        "p50 < 0.3 ms, p99 < 2 ms",
        measure_arrival,
    )
]
