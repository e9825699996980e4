"""A bounded queue from one thread to one coroutine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class Handover(Generic[T]):
    """Passes items from a worker thread to the event loop that it is made on.

    The thread waits in `wait_for_room` while ``limit`` items lie unread, until the coroutine has taken some or calls
    `close`; `put` itself never waits, so that what the thread holds meanwhile is not held up by a slow consumer.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._items: deque[T] = deque()
        self._changed = Condition()
        self._ready = asyncio.Event()
        self._finished = asyncio.Event()
        self._ended = False
        self._error: BaseException | None = None
        self.closed = False
        """True once the coroutine wants no more; what the thread makes after that is thrown away."""

    def put(self, item: T) -> bool:
        """Thread: hand over ``item``; returns whether more is wanted."""
        with self._changed:
            if self.closed:
                return False
            self._items.append(item)
            alone = len(self._items) == 1
        if alone:  # otherwise it has been woken and has not come yet
            self._call(self._ready.set)
        return not self.closed

    def wait_for_room(self) -> None:
        """Thread: return when fewer than ``limit`` items lie unread, or nothing is wanted any more."""
        with self._changed:
            while len(self._items) >= self._limit and not self.closed:
                self._changed.wait()

    def end(self, error: BaseException | None = None) -> None:
        """Thread, as its last act: there is no more; ``error`` is raised in the coroutine after what was put."""
        self._error = error
        self._ended = True
        self._call(self._finish)

    async def get(self) -> T | None:
        """Coroutine: the next item, or None after the last. Raises the thread's error. Cancelling it loses nothing."""
        while True:
            with self._changed:
                if self._items:
                    self._changed.notify()
                    return self._items.popleft()
                self._ready.clear()
                if self._ended:
                    break
            await self._ready.wait()
        if self._error is not None:
            raise self._error
        return None

    def close(self) -> None:
        """Coroutine: want no more. The thread is not waited for."""
        with self._changed:
            self.closed = True
            self._items.clear()
            self._changed.notify()

    async def finished(self) -> None:
        """Coroutine: return when the thread has called `end`."""
        await self._finished.wait()

    def _finish(self) -> None:
        self._finished.set()
        self._ready.set()

    def _call(self, function: Callable[[], object]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self.closed = True
