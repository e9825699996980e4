"""Calls that block, kept off the event loop and off the interpreter's exit: each in a daemon thread of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from threading import Semaphore, Thread
from typing import Any, TypeVar

T = TypeVar("T")
NAME = "oggstream-thread"
"""What each of these threads is called."""
_END = object()
_AHEAD = 64  # items that `pump` takes from an iterable before they are asked for


def _drop(_result: object) -> None: ...


def begin(call: Callable[[], T], *, abandoned: Callable[[T | None], object] = _drop) -> asyncio.Future[T]:
    """Run ``call`` in a thread, begun at once; the future gets what it returns or raises.

    Cancelling the future leaves the thread to itself: it ends when ``call`` does, and only then ``abandoned`` gets the
    result (None if ``call`` raised), to close what nobody uses any more. An error that nobody awaits is dropped.
    Unlike those of asyncio's executor, such a thread never delays the interpreter's exit.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            abandoned(result)
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = call()
        except BaseException as caught:  # noqa: BLE001  # handed on whole to the awaiting task
            error = caught
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            abandoned(result)

    Thread(target=run, daemon=True, name=NAME).start()
    return future


async def in_thread(call: Callable[[], T], *, abandoned: Callable[[T | None], object] = _drop) -> T:
    """Run ``call`` in a thread and return its result; cancelling abandons it, as `begin` says."""
    future = begin(call, abandoned=abandoned)
    try:
        return await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled():  # cancelled in the moment in which the call ended
            abandoned(None if future.exception() else future.result())
        raise


async def pump(iterable: Iterable[T]) -> AsyncGenerator[T, None]:
    """The items of an iterable that may keep one waiting, each as soon as it is there; raises what that raises.

    It is read in one thread, a bounded number of items ahead. Closing the generator ends that thread at its next item,
    whenever that comes, and closes the iterable there if it can be closed.
    """
    reading = _Reading(iterable)
    Thread(target=reading.run, daemon=True, name=NAME).start()
    try:
        while (item := await reading.items.get()) is not _END:
            reading.room.release()
            yield item
        if reading.error is not None:
            raise reading.error
    finally:
        reading.leaving = True
        reading.room.release()


class _Reading:
    """The thread's side of `pump`."""

    def __init__(self, iterable: Iterable[Any]) -> None:
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.room = Semaphore(_AHEAD)
        self.leaving = False  # nobody wants more
        self.error: BaseException | None = None
        self._iterable = iterable
        self._loop = asyncio.get_running_loop()

    def run(self) -> None:
        try:
            for item in self._iterable:
                self.room.acquire()
                if self.leaving:
                    break
                self._loop.call_soon_threadsafe(self.items.put_nowait, item)
        except BaseException as error:  # noqa: BLE001  # handed on whole to who reads
            self.error = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self.items.put_nowait, _END)
        if self.leaving and (close := getattr(self._iterable, "close", None)) is not None:
            close()
