"""Measures how soon each of many simultaneous clients of `serve` gets its first audio."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from .row import Outcome, Row, Run, milliseconds
from .service import serving
from .stats import median, percentile

if TYPE_CHECKING:
    from aiohttp import ClientSession

CLIENTS = 100
ROUNDS = 3
SENTENCES = 12  # a minute
ENOUGH = 1.0
LISTEN_SECONDS = 3.0  # from the first audio of the last client on; then all leave
LEAVE_SECONDS = 1.0
AUDIO_PAGE = 3  # OpusHead and OpusTags come first
SENTENCE = "The captain measured the wooden bridge, once again. Nobody here remembers it. "


def measure(engine: str, run: Run) -> Outcome:
    """Request a minute of speech for each client, all at the same moment, and read it until all of them have sound."""
    with serving(engine) as base_url:
        clients = min(CLIENTS, run.count(10 * CLIENTS, least=2))  # all of them in a quick run too
        text = SENTENCE * run.count(SENTENCES, least=2)
        rounds = []
        for _ in range(run.count(ROUNDS)):
            rounds.append(asyncio.run(_Crowd(f"{base_url}/audio/speech", text, clients).waits()))
            time.sleep(LEAVE_SECONDS)
    p95 = max(percentile(waits, 95) for waits in rounds)
    p50 = median([wait for waits in rounds for wait in waits])
    return Outcome(f"p95 {milliseconds(p95)} (p50 {milliseconds(p50)})", p95 < ENOUGH, {"p95": p95, "p50": p50})


class _Crowd:
    """``clients`` that come at once, and leave together."""

    def __init__(self, url: str, text: str, clients: int) -> None:
        self._url = url
        self._fields = {"model": "tts-1", "input": text, "voice": "alloy", "response_format": "opus"}
        self._clients = clients
        self._waits: list[float] = []
        self._all = asyncio.Event()

    async def waits(self) -> list[float]:
        """Seconds until the first audio of each."""
        import aiohttp

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            reading = asyncio.gather(*(self._read(session) for _ in range(self._clients)))
            leaving = asyncio.create_task(self._all.wait())
            await asyncio.wait((leaving, reading), return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                await reading
            await asyncio.sleep(LISTEN_SECONDS)
            reading.cancel()
            leaving.cancel()
            await asyncio.gather(reading, leaving, return_exceptions=True)
        return self._waits

    async def _read(self, session: ClientSession) -> None:
        began, pages = time.monotonic(), 0
        async with session.post(self._url, json=self._fields) as response:
            response.raise_for_status()
            async for chunk in response.content.iter_any():
                heard, pages = pages >= AUDIO_PAGE, pages + chunk.count(b"OggS")
                if not heard and pages >= AUDIO_PAGE:
                    self._waits.append(time.monotonic() - began)
                    if len(self._waits) == self._clients:
                        self._all.set()


ROWS = [
    Row(
        f"crowd-{engine}",
        f"`serve`, {CLIENTS} clients at once, a minute of speech each, the voice {engine}: first audio page",
        "p95 < 1 s",
        partial(measure, engine),
    )
    for engine in ("espeak", "hibari")
]
