"""The requests that a source has of ours, whichever speech they belong to: some services take one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from ...sources.source import Source

RECENT_SECONDS = 5.0
"""A service may still be at work for a request that was cancelled so long ago."""


class InFlight:
    """Counts requests; `turn` waits for one of them to end."""

    def __init__(self) -> None:
        self._open = 0
        self._left_at: float | None = None  # when one was given up before its end
        self._waiting: set[asyncio.Future[None]] = set()

    @contextmanager
    def request(self) -> Iterator[None]:
        """One request, as long as this block lasts."""
        self._open += 1
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self._left_at = asyncio.get_running_loop().time()
            raise
        finally:
            self._open -= 1
            self._wake()

    def others(self) -> bool:
        """Whether another request is under way, or was just given up. Asked when one's own has ended."""
        now = asyncio.get_running_loop().time()
        return self._open > 0 or (self._left_at is not None and 0 <= now - self._left_at < RECENT_SECONDS)

    async def turn(self, seconds: float) -> None:
        """Return when a request has ended, at the latest after ``seconds``; with none under way, then."""
        waiting = asyncio.get_running_loop().create_future()
        if self._open:
            self._waiting.add(waiting)
        try:
            await asyncio.wait({waiting}, timeout=seconds)
        finally:
            self._waiting.discard(waiting)
            waiting.cancel()

    def _wake(self) -> None:
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_result(None)


_of_sources: WeakKeyDictionary[Source, InFlight] = WeakKeyDictionary()


def in_flight_of(source: Source) -> InFlight:
    """The requests of ``source``, shared by all who use it."""
    try:
        return _of_sources.setdefault(source, InFlight())
    except TypeError:  # it cannot be referred to weakly, or has no hash: then it is not shared
        return InFlight()
