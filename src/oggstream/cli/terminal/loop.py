"""Runs a coroutine so that Ctrl-C cancels it and no thread delays the exit."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from .interrupts import Interrupts

T = TypeVar("T")


def run_in_loop(
    main: Coroutine[Any, Any, T], interrupts: Interrupts, loop: asyncio.AbstractEventLoop | None = None
) -> T:
    """Run ``main`` to its end and return its result; raise KeyboardInterrupt once a signal has cancelled it.

    ``loop`` is a new one, which is closed at the end; None: asyncio's own kind. Unlike `asyncio.run` this does not wait
    for the threads of the loop's executor.
    """
    loop = loop or asyncio.new_event_loop()
    task = loop.create_task(main)
    interrupts.cancel = lambda: loop.call_soon_threadsafe(task.cancel)
    interrupts.held = False
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
