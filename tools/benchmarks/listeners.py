"""Measures how many can listen to one speech, and how soon each of them gets its packets.

The endpoint, who speaks into its room, and the audience have a process each; the endpoint has a processor for itself
where there are two.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from . import audience, material, paced
from .endpoint import Serving, serving
from .row import Outcome, Row, Run, milliseconds
from .stats import percentile

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

ROOM = "/v1/live/bench"
PACKETS, PAGES = f"{ROOM}/packets?open", f"{ROOM}.opus?open"
MANY = 500
DELAYS = {1: 0.001, MANY: 0.020}
"""By the listeners: what a packet may take to the slowest of them."""
PER_CORE = {"websocket": 800, "http": 2000, "whep": 60}
PACKET_SECONDS = 0.02
WARM_PACKETS = 50
BIG_PACKET = 1000  # bytes: of a speech at 400 kbit/s
BAD_PACKETS = 1600
GOOD = 20
GONE_SECONDS = 25.0
GROWTH = 8e6


class Heard(NamedTuple):
    """What became of a speech: the delays of its packets to the slowest listener, how many packets did not reach all,
    which share of them reached its listeners, and the processor time and the time that it took.
    """

    delays: list[float]
    missed: int
    share: float
    cpu: float
    seconds: float


@contextlib.contextmanager
def _endpoint(run: Run) -> Iterator[tuple[Serving, int]]:
    """An endpoint that nobody asks for speech, and its port."""
    body = material.ogg_file(run.folder, 1)
    with paced.running(body) as service, serving(service) as endpoint:
        port = urlsplit(endpoint.url).port
        assert port is not None
        with _apart(endpoint.pid):
            yield endpoint, port


@contextlib.contextmanager
def _apart(pid: int) -> Iterator[None]:
    """Give the process of that number a processor for itself, and the others to this one and those that it starts."""
    if not hasattr(os, "sched_setaffinity") or len(mine := os.sched_getaffinity(0)) < 2:
        yield
        return
    first = min(mine)
    os.sched_setaffinity(pid, {first})
    os.sched_setaffinity(0, mine - {first})
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


def _crowd(run: Run, most: int) -> int:
    """How many listeners: all of them in a quick run too."""
    return min(most, run.count(10 * most, least=10))


def _heard(endpoint: Serving, port: int, path: str, listeners: int, packets: int) -> Heard:
    """Speak so many packets to so many listeners, in real time."""
    with audience.listening(port, path, listeners) as crowd:
        cpu, seconds = asyncio.run(_speak(endpoint, port, WARM_PACKETS + packets))
        found = audience.told(crowd)["packets"]
    counted = [found.get(str(number), (0, 0.0)) for number in range(WARM_PACKETS, WARM_PACKETS + packets)]
    missed = sum(count < listeners for count, _ in counted)
    share = sum(count for count, _ in counted) / (listeners * packets)
    return Heard([delay for _, delay in counted], missed, share, cpu, seconds)


async def _speak(endpoint: Serving, port: int, packets: int, size: int = 120) -> tuple[float, float]:
    """Speak into the room; return the processor time of the endpoint, and the time, behind the first packets."""
    import aiohttp

    async with aiohttp.ClientSession() as session, session.ws_connect(f"http://127.0.0.1:{port}{ROOM}") as speaking:
        cpu = began = 0.0
        loop = asyncio.get_running_loop()
        start = loop.time()
        for number in range(packets):
            if number == WARM_PACKETS:
                cpu, began = endpoint.cpu(), time.monotonic()
            await _say(speaking, audience.stamped(number, size))
            await asyncio.sleep(start + (number + 1) * PACKET_SECONDS - loop.time())
        await asyncio.sleep(0.3)  # the last ones are on their way
        return endpoint.cpu() - cpu, time.monotonic() - began


async def _say(speaking: ClientWebSocketResponse, packet: bytes) -> None:
    await speaking.send_bytes(bytes(4) + packet)  # nothing is trimmed


def measure_delay(run: Run) -> Outcome:
    """From a packet's way into the endpoint to its way out of the socket of the slowest listener."""
    words: list[str] = []
    figures: dict[str, float] = {}
    reached = True
    with _endpoint(run) as (endpoint, port):
        for listeners, most in DELAYS.items():
            heard = _heard(endpoint, port, PACKETS, _crowd(run, listeners), run.count(1000, least=50))
            figures[f"p50 {listeners}"] = percentile(heard.delays, 50)
            figures[f"p99 {listeners}"] = p99 = percentile(heard.delays, 99)
            words.append(f"{listeners}: p99 {milliseconds(p99)} (p50 {milliseconds(percentile(heard.delays, 50))})")
            reached = reached and p99 <= most and not heard.missed
    return Outcome("; ".join(words), reached, figures)


def per_core(kind: str, path: str, listeners: int) -> Callable[[Run], Outcome]:
    """How many ``kind`` of listeners one core could serve, by the processor time that so many take."""

    def measure(run: Run) -> Outcome:
        crowd = _crowd(run, listeners)
        with _endpoint(run) as (endpoint, port):
            heard = _heard(endpoint, port, path, crowd, run.count(1000, least=50))
        busy = heard.cpu / heard.seconds
        count = crowd * heard.share / max(busy, 0.001)  # of what is not sent nothing is known
        measured = f"{count:.0f} ({crowd} take {busy * 100:.0f} % of a core; {heard.share:.1%} of their packets come)"
        return Outcome(measured, count >= PER_CORE[kind], {"listeners": count, "cpu": busy, "share": heard.share})

    return measure


def measure_bad(run: Run) -> Outcome:
    """One that reads nothing, one that reads a little, one that breaks off, beside some that do as they should."""
    packets = min(BAD_PACKETS, run.count(10 * BAD_PACKETS, least=100))  # all of them in a quick run too
    with _endpoint(run) as (endpoint, port), audience.listening(port, PACKETS, GOOD) as crowd:
        asyncio.run(_speak(endpoint, port, WARM_PACKETS, BIG_PACKET))
        growth, gone = asyncio.run(_misbehave(endpoint, port, packets))
        found: dict[str, Any] = audience.told(crowd)["packets"]
    counted = [found.get(str(number), (0, 0.0)) for number in range(WARM_PACKETS, packets)]
    missed = sum(count < GOOD for count, _ in counted)
    p99 = percentile([delay for _, delay in counted], 99)
    return Outcome(
        f"{missed} packets missed by the others, p99 {milliseconds(p99)}; "
        f"{growth / 1e6:+.1f} MB; gone after {gone:.0f} s",
        not missed and p99 <= DELAYS[MANY] and growth <= GROWTH and gone <= GONE_SECONDS,
        {"missed": missed, "p99": p99, "growth": growth, "gone": gone},
    )


async def _misbehave(endpoint: Serving, port: int, packets: int) -> tuple[float, float]:
    """Speak to the bad ones too; return the most memory that this took, and the seconds until two of them were gone.

    One that drips is served as slowly as it reads.
    """
    memory, files = endpoint.private_bytes(), endpoint.descriptors()
    nothing, dripping, breaking = (audience.connected(port, PACKETS, receive_bytes=4096) for _ in range(3))
    dripping.setblocking(False)
    speaking = asyncio.create_task(_speak(endpoint, port, packets, BIG_PACKET))
    await asyncio.sleep(0.5)
    breaking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # by a reset
    breaking.close()
    began, growth, gone = time.monotonic(), 0.0, math.inf
    while not speaking.done():
        await asyncio.sleep(0.1)
        with contextlib.suppress(BlockingIOError, ConnectionError):
            dripping.recv(100)
        growth = max(growth, endpoint.private_bytes() - memory)
        if gone == math.inf and endpoint.descriptors() <= files + 2:  # who speaks, and who drips
            gone = time.monotonic() - began
    await speaking
    nothing.close()
    dripping.close()
    return growth, gone


ROWS = [
    Row(
        "listeners-delay",
        f"a room, packet in to packet out over loopback: one listener; the slowest of {MANY}",
        "p99 1; 20 ms",
        measure_delay,
    ),
    Row(
        "listeners-websocket",
        "listeners of a room per core: WebSocket, packets of 20 ms",
        f">= {PER_CORE['websocket']}",
        per_core("websocket", PACKETS, MANY),
    ),
    Row(
        "listeners-http",
        "listeners of a room per core: endless Ogg over HTTP, pages of 200 ms",
        f">= {PER_CORE['http']}",
        per_core("http", PAGES, 800),
    ),
    Row(
        "listeners-bad",
        f"one listener reads nothing, one drips, one breaks off, beside {GOOD} others",
        "others untouched, < 8 MB, first and last gone in 25 s",
        measure_bad,
    ),
]
