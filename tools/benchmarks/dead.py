"""Measures how soon a speech sounds whose kept connection has died without a sign: it swallows all that it is sent."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from .cold import announced
from .row import Outcome, Row, Run, milliseconds
from .stats import median

if TYPE_CHECKING:
    from oggstream.types import SourceLike

ROUNDS = 5
IDLE = 3.0
FIRST_AUDIO = 0.3
MOST = 2.5
BODY = Path(__file__).parents[2] / "tests" / "fixtures" / "generation_a.opus"


def measure_dead(run: Run) -> Outcome:
    """Speak, leave the connection idle, and speak again: each time the connection has died meanwhile."""
    waits = asyncio.run(_speeches(run.count(ROUNDS, 2)))
    above = median(waits) - FIRST_AUDIO
    words = f"{milliseconds(above)}, at most {milliseconds(max(waits) - FIRST_AUDIO)}"
    return Outcome(words, max(waits) - FIRST_AUDIO <= MOST, {"above": above, "most": max(waits) - FIRST_AUDIO})


async def _speeches(rounds: int) -> list[float]:
    from oggstream import OpenAISource

    server = await asyncio.start_server(partial(_serve, BODY.read_bytes()), "127.0.0.1", 0)
    source = OpenAISource(base_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1", api_key="none")
    waits = []
    try:
        for _ in range(rounds):
            await _first_frame(source)
            await asyncio.sleep(IDLE + 0.2)
            waits.append(await _first_frame(source))
    finally:
        await source.aclose()
        server.close()
    return waits


async def _first_frame(source: SourceLike) -> float:
    """Seconds to the first frame of a speech, which is then received whole."""
    import oggstream

    began, first = time.perf_counter(), None
    async with aclosing(oggstream.stream_frames("Hello.", source=source)) as frames:
        async for _ in frames:
            first = first or time.perf_counter() - began
    assert first is not None
    return first


async def _serve(body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer requests; after `IDLE` seconds without one, nothing more."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nContent-Length: %d\r\n\r\n" % len(body)
    used = time.perf_counter()
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            asked = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(announced(asked))
            if time.perf_counter() - used > IDLE:
                await reader.read()
                break
            await asyncio.sleep(FIRST_AUDIO)
            writer.write(head + body)
            used = time.perf_counter()
    writer.close()


ROWS = [
    Row(
        "dead-connection",
        "a kept connection swallows everything after 3 s: call to first frame, above the service's own first audio",
        "<= 2.5 s",
        measure_dead,
    )
]
