"""Measures phrases that the endpoint has in its cache: in its memory, in a folder, in Redis."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from . import material, paced
from .endpoint import asking, first_audio, new_text, serving
from .row import Outcome, Row, Run, milliseconds, require
from .stats import median, percentile

if TYPE_CHECKING:
    from aiohttp import ClientSession

HITS = {"memory": 0.001, "disk": 0.002, "Redis": 0.004}
ASKED = 300
START_SECONDS = 30.0


@contextlib.contextmanager
def redis(folder: Path) -> Iterator[str]:
    """A Redis server of our own, on a socket in ``folder``; yields its URL. Raises `Skip` without one."""
    require(["redis-server"])
    socket = folder / "redis.sock"
    command = ["redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + START_SECONDS
        while not socket.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield f"unix://{socket}"
        finally:
            process.terminate()


def measure_hits(run: Run) -> Outcome:
    """From the request to the first byte. In Redis are phrases that another process made, each asked for once."""
    body = material.ogg_file(run.folder, 2)
    found: dict[str, list[float]] = {}
    with paced.running(body) as service, tempfile.TemporaryDirectory() as place:
        for name, cache in (("memory", "memory"), ("disk", f"{place}/phrases")):
            with serving(service, "--cache", cache) as endpoint:
                found[name] = _waits(endpoint.url, ["quick. Hello."] * run.count(ASKED, least=3))
        with redis(Path(place)) as cache:
            texts = [new_text() for _ in range(run.count(ASKED, least=3))]
            with serving(service, "--cache", cache) as maker:
                _waits(maker.url, texts)
            with serving(service, "--cache", cache) as endpoint:
                found["Redis"] = _waits(endpoint.url, texts)
    words = [
        f"{name} {milliseconds(median(waits))} (p99 {milliseconds(_late(waits))})" for name, waits in found.items()
    ]
    figures = {f"{name} p50": median(waits) for name, waits in found.items()}
    figures |= {f"{name} p99": _late(waits) for name, waits in found.items()}
    return Outcome("; ".join(words), all(median(found[name]) <= most for name, most in HITS.items()), figures)


def _late(waits: list[float]) -> float:
    return percentile(waits, 99)


def _waits(url: str, texts: list[str]) -> list[float]:
    """The first audio of each, but for the first one, which opens the connection."""
    waits: list[float] = []

    async def ask(session: ClientSession) -> Outcome:
        waits.extend([await first_audio(session, url, text) for text in texts])
        return Outcome("", True, {})

    asking(ask)
    return waits[1:]


ROWS = [
    Row(
        "endpoint-hits",
        "a phrase in the cache: request to first byte, p50: memory, disk, Redis",
        ", ".join(f"<= {1000 * most:.0f} ms" for most in HITS.values()),
        measure_hits,
    )
]
