"""Measures the endpoint in front of a service: what it adds to the first audio, what a stream costs, what stays behind.

The service (`paced`) and the endpoint (`oggstream serve`) each have a process of their own. The client asks both in
turn, for the same bodies.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import material, paced
from .process import US
from .row import Outcome, Row, Run, Skip, milliseconds
from .stats import median, percentile

if TYPE_CHECKING:
    from aiohttp import ClientSession

SECONDS = 4
PAGES = {"pages of a second": (50, 1000), "pages of 20 ms": (1, 300)}
"""Packets in each, and the streams asked for."""
ADDED = {1: (0.0015, 0.005), 50: (0.003, 0.015), 200: (0.010, 0.050)}
"""By the streams at once: what may be added, p50 and p99."""
ROUNDS = {1: 60, 50: 2, 200: 1}  # by the streams at once
MP3_FIRST, MP3_SECONDS = 0.040, 0.3
REQUESTS, WARM_REQUESTS, AT_ONCE = 10_000, 1000, 16
GROWTH = 20e6
CUT_AFTER = 0.002  # of a request that its client leaves
TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_numbers = itertools.count()


class Serving(NamedTuple):
    """An endpoint under way: its base URL and its process."""

    url: str
    pid: int

    def cpu(self) -> float:
        """The seconds of processor time so far. Linux only."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def private_bytes(self) -> int:
        """Memory of its own. Linux only."""
        _, resident, shared, *_ = map(int, Path(f"/proc/{self.pid}/statm").read_text().split())
        return (resident - shared) * os.sysconf("SC_PAGE_SIZE")

    def descriptors(self) -> int:
        """Open files and sockets. Linux only."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))


@contextlib.contextmanager
def serving(service: str, *options: str) -> Iterator[Serving]:
    """Run ``oggstream serve`` in front of ``service``."""
    with started("--base-url", service, "--jobs", "1000", *options) as endpoint:
        yield endpoint


@contextlib.contextmanager
def started(*options: str) -> Iterator[Serving]:
    """Run ``oggstream serve`` on a port of its own."""
    command = [*US, "serve", "--port", "0", "--json", "--quiet", *options]
    environment = {**os.environ, "OPENAI_API_KEY": "none"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        try:
            told = json.loads(process.stdout.readline())
            yield Serving(told["base_url"], process.pid)
        finally:
            process.send_signal(signal.SIGINT)


async def first_audio(session: ClientSession, url: str, text: str = "", name: str = "opus") -> float:
    """Speak once, to the end; return the seconds to the first bytes of sound."""
    fields = {"model": "tts-1", "voice": "alloy", "input": text or new_text(), "response_format": name}
    began = time.perf_counter()
    async with session.post(f"{url}/audio/speech", json=fields) as response:
        response.raise_for_status()
        await response.content.readany()
        first = time.perf_counter() - began
        while await response.content.readany():
            pass
    return first


def new_text(kind: str = "quick") -> str:
    """A text that nobody has asked for yet; the service sends all at once for "quick"."""
    return f"{kind} number {next(_numbers)}, a sentence of the usual length for all of them."


def asking(ask: Callable[[ClientSession], Awaitable[Outcome]]) -> Outcome:
    """Run ``ask`` with a client's session of its own."""

    async def main() -> Outcome:
        import aiohttp

        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, headers={"Authorization": "Bearer none"}) as session:
            return await ask(session)

    return asyncio.run(main())


def measure_added(run: Run) -> Outcome:
    """Ask the service and the endpoint in turn, so many at once, at the pace of speech."""
    body = material.ogg_file(run.folder, seconds := run.seconds(SECONDS, least=1))
    with paced.running(body) as service, serving(service) as endpoint:

        async def ask(session: ClientSession) -> Outcome:
            found: dict[int, tuple[list[float], list[float]]] = {}
            await _round(session, endpoint.url, 1, seconds)
            for streams in ADDED:
                found[streams] = ([], [])
                for _ in range(run.count(ROUNDS[streams])):
                    for place, waits in zip((service, endpoint.url), found[streams], strict=True):
                        waits.extend(await _round(session, place, streams, seconds))
            return _added(found)

        return asking(ask)


async def _round(session: ClientSession, url: str, streams: int, seconds: float) -> list[float]:
    """So many speeches at the pace of speech, begun one after the other while the first one lasts."""

    async def one(number: int) -> float:
        await asyncio.sleep(seconds * number / streams)
        return await first_audio(session, url, new_text("quick" if streams == 1 else "paced"))

    return await asyncio.gather(*map(one, range(streams)))


def _added(found: dict[int, tuple[list[float], list[float]]]) -> Outcome:
    words: list[str] = []
    figures: dict[str, float] = {}
    reached = True
    for streams, (direct, through) in found.items():
        figures[f"p50 {streams}"] = middle = median(through) - median(direct)
        figures[f"p99 {streams}"] = late = percentile(through, 99) - percentile(direct, 99)
        words.append(f"{streams}: {milliseconds(middle)}, {milliseconds(late)}")
        reached = reached and middle <= ADDED[streams][0] and late <= ADDED[streams][1]
    return Outcome("; ".join(words), reached, figures)


def measure_streams(run: Run) -> Outcome:
    """The processor time of the endpoint for speeches that come as fast as it takes them."""
    words: list[str] = []
    figures: dict[str, float] = {}
    reached = True
    for name, (per_page, asked) in PAGES.items():
        body = material.ogg_file(run.folder, 30, per_page=per_page)
        with paced.running(body) as service, serving(service) as endpoint:
            seconds = _asking_cpu(endpoint, run.count(60, least=4))
        figures[name] = streams = 30 / seconds
        words.append(f"{name}: {streams:.0f} ({milliseconds(seconds)} of CPU for 30 s)")
        reached = reached and streams >= asked
    return Outcome("; ".join(words), reached, figures)


def _asking_cpu(endpoint: Serving, count: int) -> float:
    """Seconds of processor time for a speech."""

    async def ask(session: ClientSession) -> Outcome:
        await asyncio.gather(*(first_audio(session, endpoint.url) for _ in range(8)))
        before = endpoint.cpu()
        for _ in range(0, count, 4):
            await asyncio.gather(*(first_audio(session, endpoint.url) for _ in range(4)))
        return Outcome("", True, {"cpu": (endpoint.cpu() - before) / (4 * len(range(0, count, 4)))})

    return asking(ask).figures["cpu"]


def measure_mp3(run: Run) -> Outcome:
    """MP3's first bytes, against the service's first audio."""
    if find_spec("av") is None:
        raise Skip("no PyAV here: pip install 'oggstream[codec]'")
    body = material.ogg_file(run.folder, MP3_SECONDS, per_page=1)
    with paced.running(body) as service, serving(service) as endpoint:

        async def ask(session: ClientSession) -> Outcome:
            direct, through = [], []
            for _ in range(run.count(30, least=2) + 1):
                direct.append(await first_audio(session, service, new_text("paced")))
                through.append(await first_audio(session, endpoint.url, new_text("paced"), "mp3"))
            added = median(through[1:]) - median(direct[1:])
            return Outcome(milliseconds(added), added <= MP3_FIRST, {"p50": added})

        return asking(ask)


def measure_leaks(run: Run) -> Outcome:
    """Many requests, of which a fifth is left by its client and a tenth is faulty."""
    body = material.ogg_file(run.folder, 1)
    with paced.running(body) as service, serving(service) as endpoint:

        async def ask(session: ClientSession) -> Outcome:
            await _many(session, endpoint.url, min(WARM_REQUESTS, run.count(WARM_REQUESTS, least=40)))
            memory, descriptors = endpoint.private_bytes(), endpoint.descriptors()
            await _many(session, endpoint.url, count := run.count(REQUESTS, least=100))
            growth = endpoint.private_bytes() - memory
            left = await _settled(lambda: endpoint.descriptors() - descriptors)
            async with session.get(f"{endpoint.url.removesuffix('/v1')}/health") as response:
                state = await response.json()
            speeches = state["running"] + state["waiting"]
            words = f"{count} requests: {growth / 1e6:.1f} MB, {left} descriptors, {speeches} speeches left"
            figures = {"bytes": growth, "descriptors": left, "speeches": speeches}
            return Outcome(words, growth < GROWTH and left <= AT_ONCE and not speeches, figures)

        return asking(ask)


async def _many(session: ClientSession, url: str, count: int) -> None:
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            await _one_of_many(session, url, number)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))


async def _one_of_many(session: ClientSession, url: str, number: int) -> None:
    import aiohttp

    faulty, left = number % 10 == 3, number % 5 == 1
    with contextlib.suppress(TimeoutError, aiohttp.ClientResponseError):
        async with asyncio.timeout(CUT_AFTER * (number % 7) if left else None):
            await first_audio(session, url, new_text("fault" if faulty else "paced" if left else "quick"))


async def _settled(left: Callable[[], int]) -> int:
    """How many are left once those that are being closed have had their time."""
    for _ in range(100):
        if left() <= 0:
            break
        await asyncio.sleep(0.05)
    return left()


def _pairs(values: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{milliseconds(middle)} / {milliseconds(late)}" for middle, late in values)


ROWS = [
    Row(
        "endpoint",
        "endpoint in front of a service, Opus passed through: added to the first audio with 1, 50, 200 streams, p50 "
        "and p99",
        f"<= {_pairs(tuple(ADDED.values()))}",
        measure_added,
    ),
    Row(
        "endpoint-streams",
        "streams of speech in real time per core, by the endpoint's CPU time",
        ">= 1000, >= 300",
        measure_streams,
    ),
    Row("endpoint-mp3", "MP3's first bytes after the service's first audio, p50", "<= 40 ms", measure_mp3),
    Row(
        "endpoint-leaks",
        "10,000 requests, a fifth left by the client, a tenth faulty: growth; descriptors and speeches left",
        "< 20 MB, none",
        measure_leaks,
    ),
]
