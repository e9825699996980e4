"""A blocking call that can be abandoned: in a daemon thread, which holds up neither the event loop nor the exit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


async def in_thread(call: Callable[[], T], *, abandoned: Callable[[T | None], object] = lambda _: None) -> T:
    """Run ``call`` in a thread of its own and return its result.

    Cancelling leaves the thread to itself: it ends when ``call`` does, and only then ``abandoned`` gets the result
    (None if ``call`` raised), to close what nobody uses any more. Unlike the executor of asyncio, such a thread never
    delays the interpreter's exit.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

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
        except BaseException as caught:  # noqa: BLE001 - handed on whole to the awaiting task
            error = caught
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            abandoned(result)

    Thread(target=run, daemon=True, name="oggstream-io").start()
    try:
        return await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled():  # cancelled in the moment in which the call ended
            abandoned(None if future.exception() else future.result())
        raise
