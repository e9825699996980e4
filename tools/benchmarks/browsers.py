"""Measures a room of the endpoint in a real Chromium, by the sound that the virtual card records.

The service is in this process and notes when its first packet leaves; the page is warm, as one that is left open.
"""

from __future__ import annotations

import asyncio
import math
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import chromium
from . import card, listening
from .row import Outcome, Row, Run, Skip, milliseconds
from .stats import median

if TYPE_CHECKING:
    import numpy as np
    from aiohttp import ClientSession
    from numpy.typing import NDArray

    from ..chromium import Page

RATE = 48000
SECONDS = 4.0  # of each speech
PITCH, LEVEL = 440.0, 0.25
FIRST = {"packets": 0.060, "whep": 0.150, "opus": 1.000}
SILENCE = {"packets": 0.080, "whep": 0.150}
JOIN = 0.200
PURE = 0.1  # of the tone's level, that the recording may differ from it
ROUNDS = 8
LEAST_QUIET, MOST_QUIET = 1.0, 1.5  # seconds between speeches
START_SECONDS = 60.0  # for a page to listen
PER_PAGE = 50  # packets of 20 ms
WAYS = {"packets": "WebCodecs", "whep": "WHEP", "opus": "<audio>"}


class Tone:
    """A service that speaks a tone, in pages of a second at the pace of speech; `first` is when it last began."""

    def __init__(self) -> None:
        self.first = 0.0

    @asynccontextmanager
    async def open(self, _text: str, _options: object) -> AsyncIterator[_Stream]:
        """As `Source.open`."""
        yield _Stream(self, _pages())


class _Stream:
    content_type, request_id = "audio/ogg", None

    def __init__(self, service: Tone, pages: list[bytes]) -> None:
        self._service = service
        self._pages = pages
        self._given = 0

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> bytes:
        if self._given == len(self._pages):
            raise StopAsyncIteration
        if not self._given:
            self._service.first = time.monotonic()
        await asyncio.sleep(self._service.first + self._given * PER_PAGE * 0.02 - time.monotonic())
        self._given += 1
        return self._pages[self._given - 1]


@cache
def _pages() -> list[bytes]:
    """The tone as pages, the head with the first packet."""
    import numpy as np

    from oggstream.codec.encoder import OpusEncoder
    from oggstream.opus.head import OpusHead
    from oggstream.opus.opus_writer import OggOpusWriter
    from oggstream.opus.tags import OpusTags

    encoder = OpusEncoder(RATE, bitrate=64_000)
    times = np.arange(round(SECONDS * RATE)) / RATE
    tone = np.rint(LEVEL * 32767 * np.sin(2 * math.pi * PITCH * times)).astype(np.int16).reshape(-1, 960)
    writer = OggOpusWriter(OpusHead.simple(1, encoder.pre_skip), OpusTags("oggstream"), PER_PAGE)
    headers = writer.headers()
    pages = [writer.write(encoder.encode(frame.tobytes()), 960) for frame in tone] + [writer.finish()]
    sound = [page for page in pages if page]
    return [headers + sound[0], *sound[1:]]


class Stage(NamedTuple):
    """A server with a room, a page that listens, and what the card records."""

    service: Tone
    client: ClientSession
    page: Page
    recorder: listening.Recorder

    async def say(self) -> None:
        """Begin a speech."""
        self.service.first = 0.0
        async with self.client.post("/v1/live/bench", json={"input": "A tone."}) as answer:
            answer.raise_for_status()
        while not self.service.first:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.001)

    async def stop(self) -> float:
        """Interrupt it; return when that was asked for."""
        asked = time.monotonic()
        async with self.client.delete("/v1/live/bench") as answer:
            answer.raise_for_status()
        return asked


@asynccontextmanager
async def staged(way: str) -> AsyncIterator[Stage]:
    """Open the page, which listens in that ``way``, and wait until it does."""
    import aiohttp

    from oggstream.endpoint.server import SpeechServer

    service = Tone()
    server = SpeechServer(source=service)
    await server.start()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(server.stop)
        folder = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        base = f"http://127.0.0.1:{server.bound_port}"
        client = await stack.enter_async_context(aiohttp.ClientSession(base))
        browser = await stack.enter_async_context(chromium.chromium(Path(folder)))
        page = await stack.enter_async_context(browser.page(f"{base}/live/bench?way={way}"))
        async with asyncio.timeout(START_SECONDS):
            while await page.evaluate("document.getElementById('state').textContent") != "listening":  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        recorder = listening.Recorder()
        recorder.start()
        stack.callback(recorder.stop)
        yield Stage(service, client, page, recorder)


def _measured(way: str, ask: Callable[[Stage, int], Awaitable[Outcome]]) -> Callable[[Run], Outcome]:
    def measure(run: Run) -> Outcome:
        if way == "whep" and find_spec("aiortc") is None:
            raise Skip("no aiortc here: pip install 'oggstream[webrtc]'")

        async def main() -> Outcome:
            async with staged(way) as stage:
                return await ask(stage, run.count(ROUNDS, least=2))

        with card.plugged_in():
            return asyncio.run(main())

    return measure


def loud(samples: NDArray[np.float32]) -> NDArray[np.intp]:
    """The places of samples that are heard."""
    import numpy as np

    return np.flatnonzero(np.abs(samples[:, 0]) > 0.1 * LEVEL)


def first(way: str) -> Callable[[Stage, int], Awaitable[Outcome]]:
    """The service's first packet to sound."""

    async def ask(stage: Stage, rounds: int) -> Outcome:
        waits = []
        for number in range(rounds + 1):
            await asyncio.sleep(LEAST_QUIET + (MOST_QUIET - LEAST_QUIET) * (number * 0.618 % 1))
            await stage.say()
            begun = stage.service.first
            await asyncio.sleep(FIRST[way] + 1.0)
            await stage.stop()
            samples, zero = stage.recorder.samples()
            from_here = samples[round((begun - zero) * RATE) :]
            places = loud(from_here)
            if number:  # the first speech of a page warms it
                waits.append(places[0] / RATE if len(places) else math.inf)
            await asyncio.sleep(FIRST[way])
        middle = median(waits)
        words = f"{milliseconds(middle)} (worst {milliseconds(max(waits))})"
        return Outcome(words, middle <= FIRST[way], {"p50": middle, "worst": max(waits)})

    return ask


def silence(way: str) -> Callable[[Stage, int], Awaitable[Outcome]]:
    """An interruption to the last sound."""

    async def ask(stage: Stage, rounds: int) -> Outcome:
        waits = []
        for number in range(rounds):
            await asyncio.sleep(LEAST_QUIET)
            await stage.say()
            await asyncio.sleep(1.0 + number * 0.618 % 1)
            asked = await stage.stop()
            await asyncio.sleep(0.6)
            samples, zero = stage.recorder.samples()
            places = loud(samples)
            waits.append(zero + places[-1] / RATE - asked)
        middle = median(waits)
        words = f"{milliseconds(middle)} (worst {milliseconds(max(waits))})"
        return Outcome(words, middle <= SILENCE[way], {"p50": middle, "worst": max(waits)})

    return ask


async def join(stage: Stage, rounds: int) -> Outcome:
    """Leave and come back in the middle of a speech: from connecting to sound, and how pure the tone is at once."""
    waits, errors = [], []
    for number in range(rounds):
        await asyncio.sleep(LEAST_QUIET)
        await stage.page.evaluate("window.away = true; listener.socket.close()")
        await stage.say()
        await asyncio.sleep(1.0 + number * 0.618 % 1)
        began = time.monotonic()
        await stage.page.evaluate("window.comeBack()")
        await asyncio.sleep(1.0)
        samples, zero = stage.recorder.samples()
        after = samples[round((began - zero) * RATE) :]
        places = loud(after)
        waits.append(places[0] / RATE if len(places) else math.inf)
        errors.append(impurity(after[places[0] :]) if len(places) else math.inf)
        await stage.stop()
    middle = median(waits)
    words = f"{milliseconds(middle)} (worst {milliseconds(max(waits))}); {max(errors):.1%} of the level beside the tone"
    figures = {"p50": middle, "worst": max(waits), "impurity": max(errors)}
    return Outcome(words, middle <= JOIN and max(errors) <= PURE, figures)


def impurity(samples: NDArray[np.float32]) -> float:
    """What is not the tone in the 0.3 s from its first sample on: the highest peak, relative to the tone's."""
    import numpy as np

    part = samples[: round(0.3 * RATE), 0].astype(float)
    times = np.arange(len(part)) * 2 * math.pi * PITCH / RATE
    waves = np.stack([np.sin(times), np.cos(times)], axis=1)
    settled = slice(len(part) // 2, None)
    found: Any = np.linalg.lstsq(waves[settled], part[settled], rcond=None)[0]
    rest = part - waves @ found
    skipped = round(0.005 * RATE)  # in which it may fade in
    return float(np.max(np.abs(rest[skipped:])) / np.hypot(*found))


ROWS = [
    *(
        Row(
            f"listeners-chromium-{way}",
            f"a room in Chromium, page warm: the service's first packet to sound by {name}, p50",
            f"<= {milliseconds(FIRST[way])}",
            _measured(way, first(way)),
            ("pulseaudio", "parec", "chromium"),
        )
        for way, name in WAYS.items()
    ),
    *(
        Row(
            f"listeners-chromium-{way}-stop",
            f"a room in Chromium: interruption to silence by {WAYS[way]}, p50",
            f"<= {milliseconds(limit)}",
            _measured(way, silence(way)),
            ("pulseaudio", "parec", "chromium"),
        )
        for way, limit in SILENCE.items()
    ),
    Row(
        "listeners-chromium-join",
        "a room in Chromium: joining a speech in the middle to sound by WebCodecs, p50; what is no tone of a tone",
        f"<= {milliseconds(JOIN)}, <= {PURE:.0%}",
        _measured("packets", join),
        ("pulseaudio", "parec", "chromium"),
    ),
]
