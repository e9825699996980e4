"""Measures the time from the first audio to its samples in the ring: from the packet, and from the bytes on the socket.

A service sends its packets in pages of a second. A packet counts as received when its page is complete and checked, the
moment that reports call ``first_packet``; reading the page from the socket and parsing it comes before that.
"""

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
    """Speak from a local service; compare when the event loop got the first audio with the first write to the ring."""
    body = material.ogg_file(run.folder, SECONDS)
    with origin.running(run.folder) as address, _arrivals() as arrivals:
        waits = asyncio.run(_speak(f"{address}/{body.name}/gap={GAP_MS}", run.count(UTTERANCES, least=2), arrivals))
    p50, p99 = (percentile([packet for packet, _ in waits], share) for share in (50, 99))
    socket50, socket99 = (percentile([socket for _, socket in waits], share) for share in (50, 99))
    words = f"p50 {milliseconds(p50)}, p99 {milliseconds(p99)}"
    words += f"; from the page's arrival on the socket {milliseconds(socket50)}, {milliseconds(socket99)}"
    figures = {"p50": p50, "p99": p99, "socket_p50": socket50, "socket_p99": socket99}
    return Outcome(words, p50 < 0.0003 and p99 < 0.002, figures)


@contextlib.contextmanager
def _arrivals() -> Iterator[list[float]]:
    """Note the time of every read from a client's socket, before aiohttp parses the bytes."""
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


async def _speak(url: str, count: int, arrivals: list[float]) -> list[tuple[float, float]]:
    """Speak ``count`` times after a warm-up; return the times since the packet, and since the read that brought it."""
    import oggstream

    source, sink = oggstream.HttpSource(url), InstantSink()
    waits = []
    packets: list[float] = []

    def note(event: oggstream.Event) -> None:
        if isinstance(event, oggstream.FirstPacket):
            packets.append(time.monotonic())

    try:
        for number in range(count + 1):
            arrivals.clear()
            await oggstream.play_stream("Hello.", source=source, sink=sink, on_event=note)
            assert sink.first_write is not None
            audio = next((at for at in arrivals if at - arrivals[0] > GAP_MS / 2000), None)
            if number and audio is not None:  # None: the machine slept over the gap
                waits.append((sink.first_write - packets[-1], sink.first_write - audio))
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
