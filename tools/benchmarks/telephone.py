"""Measures how soon a telephone is told to be silent, and what was heard by then, over a socket of this machine."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web

from .row import Outcome, Row, Run, milliseconds
from .stand_ins import of_tests
from .stats import percentile

STOPS = 60
ALLOWED, WORDS = 0.010, 1
DELAY = 0.03
"""Seconds that a message takes on its way, in either direction."""
TEXT = "Alpha be gamma delta. Epsilon to eta, theta iota. Kappa a mu."
RATE = 8000


class NotingSocket(web.WebSocketResponse):
    """Notes when it was told to send what ends the sound."""

    cleared: float | None = None

    async def send_str(self, data: str, compress: int | None = None) -> None:
        """Send it."""
        if self.cleared is None and '"clear' in data:
            self.cleared = asyncio.get_running_loop().time()
        await super().send_str(data, compress)


class Stop(NamedTuple):
    """One interruption: seconds until ``clear`` was out, and how many words too many the telephone had played."""

    wait: float
    words: int


def measure(run: Run) -> Outcome:
    """Interrupt speech at odd moments, for each carrier in turn; compare what was heard with what was played."""
    chance = random.Random(5)  # noqa: S311  # no secret
    most_seconds = of_tests("toned").told(TEXT)[-1].end_sample / 48000 - 0.3
    carriers = ("twilio", "telnyx", "plivo")
    stops = [
        asyncio.run(_interrupt(carriers[number % 3], chance.uniform(0.3, most_seconds)))
        for number in range(run.count(STOPS, least=3))
    ]
    waits = [stop.wait for stop in stops]
    most = max(abs(stop.words) for stop in stops)
    p50, p99 = percentile(waits, 50), percentile(waits, 99)
    return Outcome(
        f"clear p50 {milliseconds(p50)}, p99 {milliseconds(p99)}; heard at most {most} word(s) off",
        p99 <= ALLOWED and most <= WORDS,
        {"p50": p50, "p99": p99, "words": float(most)},
    )


async def _interrupt(carrier: str, after: float) -> Stop:
    import oggstream

    toned = of_tests("toned")
    telephone = of_tests("telephone").Telephone(carrier, delay=DELAY)
    options = oggstream.PlaybackOptions(history=None)
    async with (
        _connected(telephone) as websocket,
        oggstream.MediaStreamSink(websocket) as sink,
        oggstream.Player(source=toned.TonedSource(), sink=sink, options=options) as player,
    ):
        telephone.begin()
        await sink.prepare()
        speech = player.say(TEXT)
        await asyncio.sleep(after)
        asked = asyncio.get_running_loop().time()
        heard = await player.stop()
        await speech
        await asyncio.sleep(5 * DELAY)
        assert websocket.cleared is not None
        truth = len(telephone.heard()) / RATE * 48000
    words = toned.told(TEXT)
    played = sum((word.start_sample + word.end_sample) / 2 < truth for word in words)
    return Stop(websocket.cleared - asked, played - sum(word.end <= heard.chars for word in words))


@asynccontextmanager
async def _connected(telephone: Any) -> AsyncIterator[NotingSocket]:
    """The socket of a server to which the telephone has connected."""
    open_, done = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def media(request: web.Request) -> web.WebSocketResponse:
        websocket = NotingSocket()
        await websocket.prepare(request)
        open_.set_result(websocket)
        await done.wait()
        return websocket

    app = web.Application()
    app.router.add_get("/", media)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with (
        aiohttp.ClientSession() as client,
        client.ws_connect(f"http://127.0.0.1:{runner.addresses[0][1]}") as far,
    ):
        ways = [asyncio.create_task(_hear(far, telephone)), asyncio.create_task(_speak(far, telephone))]
        try:
            yield await open_
        finally:
            done.set()
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)
    await runner.cleanup()


async def _hear(far: aiohttp.ClientWebSocketResponse, telephone: Any) -> None:
    async for message in far:
        await telephone.take(message.data)


async def _speak(far: aiohttp.ClientWebSocketResponse, telephone: Any) -> None:
    while (text := await telephone.give()) is not None:
        await far.send_str(text)


ROWS = [
    Row(
        "listeners-telephone",
        "a telephone: `Player.stop` to `clear` sent on its socket; heard text against what it played",
        "p99 <= 10 ms, within one word",
        measure,
    )
]
