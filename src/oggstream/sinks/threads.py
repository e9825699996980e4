"""Calls that may hang, kept off the event loop and off the interpreter's exit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


def in_thread(call: Callable[[], T]) -> asyncio.Future[T]:
    """Run ``call`` in a daemon thread of its own, begun at once; the future gets what it returns or raises.

    Cancelling the future lets the thread run on. An error that nobody awaits is dropped.
    """
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()  # from here on a cancelled waiter does not reach the thread

    def run() -> None:
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001  # handed to whoever awaits
            result.set_exception(error)

    Thread(target=run, name="oggstream-device", daemon=True).start()
    future = asyncio.wrap_future(result)
    future.add_done_callback(lambda done: done.cancelled() or done.exception())
    return future
