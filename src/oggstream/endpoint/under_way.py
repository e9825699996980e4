"""The requests of the endpoint that speak: counted, refused once it is going away, cut off with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from .speech_request import RefusedError

if TYPE_CHECKING:
    from aiohttp import web

LOOKED_AFTER = 0.02  # seconds between two looks at what is still to be sent
RETRY_SECONDS = "1"


class UnderWay:
    """Speeches and sessions. Once ``leaving`` is set, no more are taken, and no connection is kept."""

    def __init__(self) -> None:
        self.leaving = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._endless: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    @asynccontextmanager
    async def one(self, *, endless: bool = False) -> AsyncIterator[None]:
        """Note the running task for the block: `cancel` cancels it. Raises `RefusedError` (503) when leaving.

        One that is ``endless``, as listening is, is not counted, and nobody waits for it.
        """
        if self.leaving.is_set():
            raise leaving_error()
        task = asyncio.current_task()
        assert task is not None
        tasks = self._endless if endless else self._tasks
        tasks.add(task)
        try:
            yield
        finally:
            tasks.discard(task)

    async def ended(self, seconds: float, unsent: Callable[[], bool]) -> None:
        """Wait, at most for ``seconds``, until none is under way and nothing of them is ``unsent``."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._tasks or unsent():  # noqa: ASYNC110 - sockets tell nobody that they are empty
                    await asyncio.sleep(LOOKED_AFTER)

    async def cancel(self) -> None:
        """Cut off all of them."""
        tasks = [*self._tasks, *self._endless]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def mark(self, _request: web.BaseRequest, response: web.StreamResponse) -> None:
        """Let a client that is answered while the server is leaving go to another one next time."""
        if self.leaving.is_set() and response.status != 101:
            response.force_close()
            response.headers["Connection"] = "close"


def leaving_error() -> RefusedError:
    """What a request gets that comes too late."""
    return RefusedError(
        "This server is going away: try again, another one may answer.",
        status=503,
        kind="server_error",
        code="server_going_away",
        headers={"Retry-After": RETRY_SECONDS},
    )
