"""Measures a new client's first audio while many connections do nothing, or drip."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import material, paced
from .endpoint import asking, first_audio, serving
from .idlers import idling
from .row import Outcome, Row, Run, milliseconds
from .stats import median

if TYPE_CHECKING:
    from aiohttp import ClientSession

IDLE = 2000
FACTOR = 1.2
SETTLED_SECONDS = 5.0
ASKED = 100
ROUNDS = 4


def measure_idle(run: Run) -> Outcome:
    """A client with a new connection each time, before and meanwhile."""
    body = material.ogg_file(run.folder, 1)
    count = run.count(IDLE, least=50)

    def waits(url: str) -> list[float]:
        found: list[float] = []

        async def once(session: ClientSession) -> Outcome:
            found.append(await first_audio(session, url))
            return Outcome("", True, {})

        for _ in range(run.count(ASKED, least=3)):
            asking(once)
        return found[1:]

    before: list[float] = []
    meanwhile: list[float] = []
    with paced.running(body) as service, serving(service) as endpoint:
        for _ in range(run.count(ROUNDS)):
            before += waits(endpoint.url)
            with idling(urlsplit(endpoint.url).port or 0, count):
                time.sleep(run.seconds(SETTLED_SECONDS, least=1))
                files = endpoint.descriptors()
                meanwhile += waits(endpoint.url)
            time.sleep(run.seconds(SETTLED_SECONDS, least=1) / 2)
    alone, beside = median(before), median(meanwhile)
    words = f"{beside / alone:.2f} x ({milliseconds(alone)}, then {milliseconds(beside)}; {files} files open)"
    figures = {"factor": beside / alone, "before": alone, "meanwhile": beside, "files": files}
    return Outcome(words, beside / alone <= FACTOR, figures)


ROWS = [
    Row(
        "endpoint-idle",
        f"{IDLE} idle or dripping connections: a new client's first audio, p50, against before",
        f"<= {FACTOR} x",
        measure_idle,
    )
]
