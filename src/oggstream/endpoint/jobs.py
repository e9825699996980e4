"""How many speeches are made at once: a bounded number, the next ones waiting in turn, and no more than that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .speech_request import RefusedError

RETRY_SECONDS = 1
"""What a client that is turned away is told to wait: a speech is made many times faster than it is heard."""


class Jobs:
    """``limit`` jobs at once, ``queue`` more that wait for one of them to end, first come first served."""

    def __init__(self, limit: int, queue: int) -> None:
        self.limit = limit
        self.queue = queue
        self.running = 0
        self.waiting = 0
        self._free = asyncio.Semaphore(limit)  # it keeps the order of those who wait

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a place and hold it for the block. Raises `RefusedError` (429) at once when the queue is full.

        Cancelled while it waits, it leaves the queue.
        """
        if self.running + self.waiting >= self.limit + self.queue:
            raise RefusedError(
                f"This server makes {self.limit} speeches at once, and {self.queue} more are waiting: try again later.",
                status=429,
                kind="requests",
                code="rate_limit_exceeded",
                headers={"Retry-After": str(RETRY_SECONDS)},
            )
        self.waiting += 1
        try:
            await self._free.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._free.release()
