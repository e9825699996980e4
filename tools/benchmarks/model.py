"""A simulated speech service in virtual time: speech from the offline voice, released as services do."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from oggstream.lab.virtual_clock import VirtualLoop
from oggstream.sources.captures.replay_source import ReplaySource
from oggstream.sources.traits import SourceTraits
from tools.make_captures import BYTES_PER_SECOND, Layout, capture, layout
from tools.make_fixtures import speak
from tools.simulation.shaping import Arrivals, Progress
from tools.simulation.synthesis import steady

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any, TypeVar

    from oggstream.options import SpeechOptions
    from oggstream.sources.source import ByteStream

    T = TypeVar("T")

MIDSENTENCE_TAIL = 0.25  # seconds of silence behind the speech, as services send


def in_virtual_time(make: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine on a loop with a virtual clock."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(make())
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@functools.cache
def spoken(text: str) -> bytes:
    """The PCM of a text: 24 kHz, 16 bits, one channel."""
    return in_thread(text)


def in_thread(text: str) -> bytes:
    """Call `speak` in a thread, because it runs an event loop of its own."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(speak, text, tail=MIDSENTENCE_TAIL).result()


class ModelService:
    """Answers each request in the layout ``form``, with synthesis at ``rate`` times real time after ``first`` seconds.

    ``asked`` are (time, text) of the requests.
    """

    traits = SourceTraits(name="model", longest_text=4096, identity="model|model|voice")

    def __init__(self, form: str = "b", *, rate: float = 6.5, first: float = 1.07) -> None:
        self._layout: Layout = layout(form)
        self._rate = rate
        self._first = first
        self.asked: list[tuple[float, str]] = []

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Speak ``text``."""
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        self.asked.append((asyncio.get_running_loop().time(), text))
        pcm = spoken(text)
        progress: Progress = steady(self._rate, len(pcm) / BYTES_PER_SECOND, first=self._first)
        answer = capture("model", pcm, text, self._layout, progress)
        async with ReplaySource(answer).open(text, options) as stream:
            yield stream


async def written(text: str, tokens_a_second: float, characters_a_token: int = 4) -> AsyncIterator[str]:
    """A text that arrives in tokens, as from a model."""
    for at in range(0, len(text), characters_a_token):
        await asyncio.sleep(1 / tokens_a_second)
        yield text[at : at + characters_a_token]


__all__ = ["Arrivals", "ModelService", "in_virtual_time", "spoken", "written"]
