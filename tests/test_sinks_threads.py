from __future__ import annotations

import asyncio
import gc
import threading
from typing import NoReturn

import pytest

from oggstream.sinks.threads import in_thread


async def test_a_call_runs_in_a_thread_of_its_own() -> None:
    assert await in_thread(threading.current_thread) is not threading.current_thread()


async def test_its_error_comes_to_who_waits() -> None:
    def fail() -> NoReturn:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await in_thread(fail)


async def test_an_error_that_nobody_waits_for_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> NoReturn:
        raise ValueError("no")

    await asyncio.wait({in_thread(fail)})
    gc.collect()
    assert not caplog.records


async def test_cancelling_the_wait_lets_the_call_run_on() -> None:
    going, done = threading.Event(), threading.Event()

    def call() -> None:
        going.wait()
        done.set()

    future = in_thread(call)
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await future
    going.set()
    assert done.wait(5)
