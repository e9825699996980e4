"""Counts the requests under way at a source, of all speeches: some services take only one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from ...sources.source import Source

RECENT_SECONDS = 5.0
"""For so long a service may still work on a cancelled request."""


class InFlight:
    """Counts requests: ``open`` are under way; `turn` waits for one of them to end."""

    def __init__(self) -> None:
        self.open = 0
        self._left_at: float | None = None  # when a request was cancelled
        self._waiting: set[asyncio.Future[None]] = set()

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count one request while this block runs."""
        self.open += 1
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self._left_at = asyncio.get_running_loop().time()
            raise
        finally:
            self.open -= 1
            self._wake()

    def others(self) -> bool:
        """Whether another request is under way, or was just cancelled. To be read after one's own has ended."""
        now = asyncio.get_running_loop().time()
        return self.open > 0 or (self._left_at is not None and 0 <= now - self._left_at < RECENT_SECONDS)

    async def turn(self, seconds: float) -> None:
        """Return when a request has ended, but after ``seconds`` at most (exactly then if none is under way)."""
        waiting = asyncio.get_running_loop().create_future()
        if self.open:
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
    """The counter of ``source``, shared by all its users."""
    try:
        return _of_sources.setdefault(source, InFlight())
    except TypeError:  # no weak references or no hash: not shared
        return InFlight()
