from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from oggstream.threads import CallThread, begin, in_thread
from patience import PATIENCE
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
    done = subprocess.run([sys.executable, "-c", code], timeout=PATIENCE, capture_output=True, text=True, check=False)
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


@pytest.fixture
def calls() -> Iterator[CallThread]:
    thread = CallThread("one thread")
    yield thread
    thread.retire()


def test_all_calls_run_on_one_thread_in_their_order(calls: CallThread) -> None:
    entered: list[threading.Thread] = []
    calls._enter = lambda: entered.append(threading.current_thread())
    threads = [calls.call(threading.current_thread, 1.0) for _ in range(3)]
    threads.append(calls.call(lambda: calls.call(threading.current_thread, 1.0), 1.0))  # from a call, too
    assert set(threads) == set(entered)
    assert len(entered) == 1
    assert threads[0].daemon


def test_what_a_call_raises_comes_back(calls: CallThread) -> None:
    with pytest.raises(ZeroDivisionError):
        calls.call(lambda: 1 // 0, 1.0)
    assert calls.call(lambda: 7, 1.0) == 7


def test_a_thread_that_hangs_is_replaced_and_what_comes_late_is_closed(calls: CallThread) -> None:
    gate = threading.Event()
    closed: list[tuple[int, threading.Thread]] = []
    hanging: list[threading.Thread] = []

    def hang() -> int:
        hanging.append(threading.current_thread())
        gate.wait()
        return 7

    with pytest.raises(TimeoutError):
        calls.call(hang, 0.3, abandoned=lambda result: closed.append((result, threading.current_thread())))
    assert calls.call(threading.current_thread, 1.0) is not hanging[0]
    assert not closed
    gate.set()
    hanging[0].join()
    assert closed == [(7, hanging[0])]


def test_calls_that_wait_behind_one_that_hangs_run_on_the_next_thread(calls: CallThread) -> None:
    gate, begun = threading.Event(), threading.Event()
    ran: list[str] = []

    def hang() -> None:
        begun.set()
        gate.wait()

    def first() -> None:
        with pytest.raises(TimeoutError):
            calls.call(hang, 0.1)

    waiting = threading.Thread(target=first)
    waiting.start()
    begun.wait()
    with pytest.raises(TimeoutError):  # left out: only its result was wanted
        calls.call(lambda: ran.append("open"), 0.01, abandoned=lambda _: None)
    with pytest.raises(TimeoutError):  # run all the same
        calls.call(lambda: ran.append("close"), 0.01)
    calls.call(lambda: ran.append("next"), 5.0)
    waiting.join()
    assert ran == ["close", "next"]
    gate.set()
