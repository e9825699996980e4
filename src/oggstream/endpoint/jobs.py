"""How many speeches are made at once: a bounded number, the next ones waiting in turn, and no more than that."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from .speech_request import RefusedError

RETRY_SECONDS = 1
"""What a client that is turned away is told to wait: a speech is made many times faster than it is heard."""

SHARE = 0.25
"""What one client may have of all places, waiting ones included."""


class Jobs:
    """``limit`` jobs at once, ``queue`` more that wait for one of them to end, first come first served."""

    def __init__(self, limit: int, queue: int) -> None:
        self.limit = limit
        self.queue = queue
        self.running = 0
        self.waiting = 0
        self.share = max(1, int((limit + queue) * SHARE))
        """Places that one client may have."""
        self.changed: Callable[[], object] = _nothing
        """Called behind each change of ``running`` and ``waiting``."""
        self._clients: Counter[str] = Counter()
        self._free = asyncio.Semaphore(limit)  # it keeps the order of those who wait

    @asynccontextmanager
    async def turn(self, client: str = "") -> AsyncIterator[Turn]:
        """Wait for a place and hold it for the block. Raises `RefusedError` (429) at once when the queue is full, or
        ``client`` (an address; empty: one that needs no bound) has its share.

        Cancelled while it waits, it leaves the queue.
        """
        if self.running + self.waiting >= self.limit + self.queue:
            raise full(f"This server makes {self.limit} speeches at once, and {self.queue} more are waiting")
        if client and self._clients[client] >= self.share:
            raise full(f"This server makes {self.share} speeches at once for one client")
        self._clients[client] += 1
        turn = Turn(self)
        try:
            await turn.take()
            yield turn
        finally:
            turn.leave()
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    async def acquire(self) -> None:
        """Wait for a place."""
        self.waiting += 1
        self.changed()
        try:
            await self._free.acquire()
            self.running += 1
        finally:
            self.waiting -= 1
            self.changed()

    def release(self) -> None:
        """Give a place back."""
        self.running -= 1
        self._free.release()
        self.changed()


class Turn:
    """A place among the jobs."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._held = False

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Give the place to others for the block, and wait for one again behind it."""
        self.leave()
        yield
        await self.take()

    async def take(self) -> None:
        """Wait for a place. Cancelled, it has none."""
        await self._jobs.acquire()
        self._held = True

    def leave(self) -> None:
        """Give it back, if there is one."""
        if self._held:
            self._held = False
            self._jobs.release()


def _nothing() -> None:
    """Do nothing: the default of `Jobs.changed`."""


def full(why: str) -> RefusedError:
    """The answer to a request for which there is no place now; ``why`` in a sentence without its stop."""
    return RefusedError(
        f"{why}: try again later.",
        status=429,
        kind="requests",
        code="rate_limit_exceeded",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )
