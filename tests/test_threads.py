from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading

import pytest

from oggstream.threads import begin, in_thread
from speech_server import until


async def test_result_comes_back() -> None:
    assert await in_thread(lambda: 7) == 7


async def test_exception_comes_back() -> None:
    with pytest.raises(ZeroDivisionError):
        await in_thread(lambda: 1 // 0)


async def test_loop_goes_on_while_the_call_waits() -> None:
    gate = threading.Event()
    task = asyncio.create_task(in_thread(gate.wait))
    await asyncio.sleep(0.01)
    assert not task.done()
    gate.set()
    assert await task


@pytest.mark.parametrize("fails", [False, True])
async def test_abandoned_call_hands_its_result_to_be_closed(fails: bool) -> None:
    gate = threading.Event()
    left: list[int | None] = []

    def call() -> int:
        gate.wait()
        return 1 // 0 if fails else 7

    task = asyncio.create_task(in_thread(call, abandoned=left.append))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left == []
    gate.set()
    await until(lambda: left)
    assert left == [None if fails else 7]


@pytest.mark.parametrize("fails", [False, True])
async def test_call_that_ends_as_it_is_cancelled_is_abandoned_too(fails: bool) -> None:
    left: list[int | None] = []
    ended = threading.Event()

    def call() -> int:
        ended.set()
        return 1 // 0 if fails else 7

    task = asyncio.create_task(in_thread(call, abandoned=left.append))
    await asyncio.sleep(0)
    ended.wait()
    # The thread's result is set by the loop in the same round in which the task is cancelled.
    loop = asyncio.get_running_loop()
    while not task.done() and not left:
        loop.call_soon(task.cancel)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: left)
    assert left == [None if fails else 7]


def test_call_that_outlives_its_loop_is_abandoned() -> None:
    gate = threading.Event()
    left: list[bool | None] = []

    async def main() -> None:
        task = asyncio.create_task(in_thread(gate.wait, abandoned=left.append))
        await asyncio.sleep(0.01)
        task.cancel()

    # In a thread of its own: asyncio.run here would take the main thread's loop away from pytest-asyncio.
    other = threading.Thread(target=asyncio.run, args=(main(),))
    other.start()
    other.join()
    gate.set()
    for thread in threading.enumerate():
        if thread.name == "oggstream-thread":
            thread.join()
    assert left == [True]


def test_interpreter_does_not_wait_for_an_abandoned_call() -> None:
    code = """
import asyncio, threading
from oggstream.threads import in_thread
async def main():
    task = asyncio.create_task(in_thread(threading.Event().wait))
    await asyncio.sleep(0.01)
    task.cancel()
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=15, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def test_an_error_that_nobody_waits_for_is_dropped(caplog: pytest.LogCaptureFixture) -> None:
    await asyncio.wait({begin(lambda: 1 // 0)})
    gc.collect()
    assert not caplog.records


async def test_cancelling_what_was_begun_lets_the_call_run_on() -> None:
    gate, done = threading.Event(), threading.Event()

    def call() -> None:
        gate.wait()
        done.set()

    future = begin(call)
    future.cancel()
    with pytest.raises(asyncio.CancelledError):
        await future
    gate.set()
    assert await asyncio.to_thread(done.wait, 5)
