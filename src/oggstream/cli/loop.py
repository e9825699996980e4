"""Runs a coroutine so that Ctrl-C cancels it, and so that no thread can hold up the end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .interrupts import Interrupts

T = TypeVar("T")


def run_in_loop(main: Coroutine[Any, Any, T], interrupts: Interrupts) -> T:
    """Run ``main`` to its end and return its result; raise KeyboardInterrupt once a signal has cancelled it.

    Unlike `asyncio.run` it does not wait for the threads of the loop's executor.
    """
    loop = asyncio.new_event_loop()
    task = loop.create_task(main)
    interrupts.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
    if interrupts.happened:
        task.cancel()
    try:
        return loop.run_until_complete(task)
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        interrupts.cancel = None
        loop.close()
