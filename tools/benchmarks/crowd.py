"""Measures how soon each of many simultaneous clients of `serve` gets its first audio."""

from __future__ import annotations

import asyncio
import time
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
AUDIO_PAGE = 3  # OpusHead and OpusTags come first
SENTENCE = "The captain measured the wooden bridge, once again. Nobody here remembers it. "


def measure(run: Run) -> Outcome:
    """Request a minute of speech for each client, all at the same moment; read every body to its end."""
    with serving() as base_url:
        url = f"{base_url}/audio/speech"
        clients = min(CLIENTS, run.count(10 * CLIENTS, least=2))  # all of them in a quick run too
        text = SENTENCE * run.count(SENTENCES, least=2)
        waits = [asyncio.run(_all_at_once(url, text, clients)) for _ in range(run.count(ROUNDS))]
    p95 = max(percentile(of_round, 95) for of_round in waits)
    p50 = median([wait for of_round in waits for wait in of_round])
    return Outcome(f"p95 {milliseconds(p95)} (p50 {milliseconds(p50)})", p95 < ENOUGH, {"p95": p95, "p50": p50})


async def _all_at_once(url: str, text: str, clients: int) -> list[float]:
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        return await asyncio.gather(*(_first_audio(session, url, text) for _ in range(clients)))


async def _first_audio(session: ClientSession, url: str, text: str) -> float:
    began = time.monotonic()
    pages, waited = 0, 0.0
    fields = {"model": "tts-1", "input": text, "voice": "alloy", "response_format": "opus"}
    async with session.post(url, json=fields) as response:
        response.raise_for_status()
        async for chunk in response.content.iter_any():
            if pages < AUDIO_PAGE:
                pages += chunk.count(b"OggS")
                waited = time.monotonic() - began
    return waited


ROWS = [
    Row(
        "crowd",
        f"`serve`, {CLIENTS} clients at once, a minute of speech each: first audio page",
        "p95 < 1 s",
        measure,
    )
]
