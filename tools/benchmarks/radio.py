"""Measures a mount of a real Icecast over time: whether it, and who listens, stays, and in time."""

from __future__ import annotations

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from .row import Outcome, Row, Run, milliseconds
from .stand_ins import of_tests

SECONDS, LEAST = 3600.0, 8.0
WINDOW = 15.0
"""Seconds at the start and at the end, whose earliest pages are compared: later ones wait for a busy machine."""
SETTLING = 5.0
ALLOWED = 0.040
RATE = 48000
WORDS = "Word and word again, so it goes. "


def measure(run: Run) -> Outcome:
    """Speak and pause for the time of the run; mpv listens, and a listener that compares positions with its clock."""
    leads, disconnects, links, warnings = asyncio.run(_listened(run, run.seconds(SECONDS, LEAST)))
    first = max(lead for at, lead in leads if at < SETTLING + WINDOW)
    last = max(lead for at, lead in leads if at > leads[-1][0] - WINDOW)
    drift = last - first
    late = max(last - lead for _, lead in leads)
    return Outcome(
        f"{leads[-1][0] / 60:.0f} min, {links} links: {disconnects} disconnects, drift {milliseconds(drift)}, "
        f"a page at most {milliseconds(late)} late, {warnings} warnings",
        not disconnects and abs(drift) <= ALLOWED,
        {"drift": drift, "late": late, "disconnects": float(disconnects)},
    )


async def _listened(run: Run, seconds: float) -> tuple[list[tuple[float, float]], int, int, int]:
    """Times and leads of the pages that came, and how many disconnects, links and warnings there were."""
    import oggstream

    icecast, scripted = of_tests("icecast"), of_tests("scripted")
    warnings: list[Any] = []

    def note(event: Any) -> None:
        if isinstance(event, oggstream.Warned):
            warnings.append(event)

    with icecast.running_icecast(run.folder) as server:
        sink = oggstream.IcecastSink(server.url(), name="Bench")
        player = oggstream.Player(
            source=scripted.SpeechService(rate=4, first=0.3),
            sink=sink,
            options=oggstream.PlaybackOptions(history=None),
            on_event=note,
        )
        async with sink, player:
            await sink.prepare()
            talking = asyncio.create_task(_talk(sink, player))
            await asyncio.sleep(1)
            url = f"http://127.0.0.1:{server.port}/radio.opus"
            async with _mpv(url) as mpv:
                leads, links, whole = await _listen(url, seconds)
                gone = mpv.poll() is not None
            talking.cancel()
            await asyncio.wait({talking})
    return leads, int(gone) + int(not whole), links, len(warnings)


async def _talk(sink: Any, player: Any) -> None:
    chance, number = random.Random(7), 0  # noqa: S311  # no secret
    while True:
        number += 1
        sink.title = f"Speech {number // 5}"
        await player.say(WORDS * chance.randint(1, 12))
        await asyncio.sleep(chance.uniform(0.2, 6))


@asynccontextmanager
async def _mpv(url: str) -> AsyncIterator[subprocess.Popen[bytes]]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = ["mpv", "--no-config", "--no-video", "--ao=null", url]
    process = await asyncio.to_thread(lambda: subprocess.Popen(command, **quiet))  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def _listen(url: str, seconds: float) -> tuple[list[tuple[float, float]], int, bool]:
    """Seconds since the beginning, and by how much the positions are ahead of that; the links; whether all came."""
    from oggstream import AudioPacket, OpusHead
    from oggstream.opus.opus_reader import OpusReader

    reader, samples, links = OpusReader(), 0, 0
    leads: list[tuple[float, float]] = []
    time = asyncio.get_running_loop().time
    async with aiohttp.ClientSession() as client, client.get(url, timeout=aiohttp.ClientTimeout(None)) as response:
        began = time()
        async for chunk in response.content.iter_any():
            now = time() - began
            for item in reader.feed(chunk):
                links += isinstance(item, OpusHead)
                samples += item.samples if isinstance(item, AudioPacket) else 0
            if now > SETTLING:  # what Icecast held for who joins has come
                leads.append((now, samples / RATE - now))
            if now > seconds:
                return leads, links, True
    return leads, links, False


ROWS = [
    Row(
        "listeners-icecast",
        "a mount of Icecast, an hour of speeches and pauses, mpv and another listening",
        "no disconnect, drift <= 40 ms",
        measure,
        ("icecast2", "mpv"),
    )
]
