"""Measures the cost of a request above aiohttp alone, and how soon our own server answers."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from . import endpoint, material, origin
from .row import Outcome, Row, Run, milliseconds
from .stats import median, percentile

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from oggstream import OpenAISource

REQUESTS = 400
SECONDS = 1
TEXT = "The captain measured the wooden bridge, once again. Nobody here remembers it."
AUDIO_PAGES_AFTER = 2  # OpusHead and OpusTags come first


def measure_keepalive(run: Run) -> Outcome:
    """Request the same speech from the same server through OpenAISource and through aiohttp alone, in turn."""
    body = material.ogg_file(run.folder, SECONDS)
    with origin.running(run.folder) as address:
        ours, bare = asyncio.run(_ask_both(f"{address}/{body.name}/v1", run.count(REQUESTS, least=2)))
    above = median(ours) - median(bare)
    words = f"{milliseconds(above)} above {milliseconds(median(bare))}"
    return Outcome(words, above <= 0.0003, {"above": above, "ours": median(ours), "aiohttp": median(bare)})


async def _ask_both(base_url: str, count: int) -> tuple[list[float], list[float]]:
    import aiohttp

    import oggstream

    source = oggstream.OpenAISource(base_url=base_url, api_key="none")
    ours, bare = [], []
    try:
        async with aiohttp.ClientSession() as session:
            for number in range(count + 1):
                first = await _ask_source(source)
                second = await _ask_aiohttp(session, f"{base_url}/audio/speech")
                if number:  # the first ones open the connections
                    ours.append(first)
                    bare.append(second)
    finally:
        await source.aclose()
    return ours, bare


async def _ask_source(source: OpenAISource) -> float:
    from oggstream import SpeechOptions

    began = time.monotonic()
    async with source.open(TEXT, SpeechOptions()) as stream:
        await anext(aiter(stream))
        first = time.monotonic() - began
        async for _ in stream:
            pass
    return first


async def _ask_aiohttp(session: ClientSession, url: str) -> float:
    fields = {"model": "gpt-4o-mini-tts", "input": TEXT, "voice": "coral", "response_format": "opus"}
    began = time.monotonic()
    async with session.post(url, json=fields, headers={"Authorization": "Bearer none"}) as response:
        await response.content.readany()
        first = time.monotonic() - began
        while await response.content.readany():
            pass
    return first


def measure_serve(run: Run) -> Outcome:
    """Measure the server of ``serve``, in a process of its own, with a single client."""
    with serving("espeak") as base_url:
        waits = asyncio.run(_first_pages(f"{base_url}/audio/speech", run.count(REQUESTS // 4, least=2)))
    p50, p99 = median(waits), percentile(waits, 99)
    return Outcome(f"p50 {milliseconds(p50)} (p99 {milliseconds(p99)})", p50 < 0.010, {"p50": p50, "p99": p99})


@contextlib.contextmanager
def serving(engine: str) -> Iterator[str]:
    """Run ``oggstream serve`` with a voice of this machine; yields its base URL."""
    with endpoint.started("--service", f"offline:{engine}") as server:
        yield server.url


async def _first_pages(url: str, count: int) -> list[float]:
    import aiohttp

    async with aiohttp.ClientSession() as session:
        waits = [await _first_page(session, url) for _ in range(count + 1)]
    return waits[1:]


async def _first_page(session: ClientSession, url: str) -> float:
    """Return the time from the request to the last byte of the first page of audio."""
    from oggstream.ogg.page import PageReader

    pages = PageReader()
    count = 0
    waited: float | None = None
    began = time.monotonic()
    fields = {"model": "tts-1", "input": TEXT, "voice": "alloy", "response_format": "opus"}
    async with session.post(url, json=fields) as response:
        async for chunk in response.content.iter_any():
            count += len(pages.feed(chunk))
            if waited is None and count > AUDIO_PAGES_AFTER:
                waited = time.monotonic() - began
    assert waited is not None
    return waited


ROWS = [
    Row(
        "keepalive",
        "keep-alive request to first byte, local server, above aiohttp alone, medians",
        "<= 0.3 ms",
        measure_keepalive,
    ),
    Row("serve", "`serve`, one client, the voice espeak: first audio page", "p50 < 10 ms", measure_serve),
]
