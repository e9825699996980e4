"""From one thread to one coroutine, with a bound."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Thread

import pytest

from oggstream.voice.handover import Handover


@contextmanager
def running(work: Callable[[], object]) -> Iterator[Thread]:
    thread = Thread(target=work)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(5)
        assert not thread.is_alive()


async def test_items_arrive_in_order_and_then_the_end() -> None:
    handover = Handover[bytes](3)

    def work() -> None:
        for number in range(50):
            assert handover.put(b"%d" % number)
        handover.end()

    with running(work):
        assert [await handover.get() for _ in range(50)] == [b"%d" % number for number in range(50)]
        assert await handover.get() is None
        assert await handover.get() is None
        await handover.finished()


async def test_what_the_thread_raises_comes_after_what_it_put() -> None:
    handover = Handover[bytes](3)

    def work() -> None:
        handover.put(b"a")
        handover.end(ValueError("broke"))

    with running(work):
        await handover.finished()
        assert await handover.get() == b"a"
        with pytest.raises(ValueError, match="broke"):
            await handover.get()


async def test_the_thread_waits_for_room_while_the_queue_is_full() -> None:
    handover, put = Handover[bytes](2), list[int]()

    def work() -> None:
        for number in range(5):
            handover.wait_for_room()
            handover.put(b"x")
            put.append(number)
        handover.end()

    with running(work):
        await asyncio.sleep(0.05)
        assert put == [0, 1]
        await handover.get()
        await asyncio.sleep(0.05)
        assert put == [0, 1, 2]
        handover.close()
        await handover.finished()


async def test_closing_lets_a_waiting_thread_go_and_tells_it() -> None:
    handover = Handover[bytes](1)
    answers: list[bool] = []

    def work() -> None:
        answers.append(handover.put(b"x"))
        handover.wait_for_room()
        answers.append(handover.put(b"x"))
        handover.end()

    with running(work):
        await asyncio.sleep(0.02)
        handover.close()
        await handover.finished()
    assert answers == [True, False]
    assert await handover.get() is None


async def test_putting_never_waits() -> None:
    handover = Handover[bytes](1)
    assert all(handover.put(b"x") for _ in range(5))


async def test_cancelling_a_get_loses_nothing() -> None:
    handover = Handover[bytes](2)
    reader = asyncio.create_task(handover.get())
    await asyncio.sleep(0)
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader

    def work() -> None:
        handover.put(b"a")
        handover.end()

    with running(work):
        assert await handover.get() == b"a"
        assert await handover.get() is None


def test_a_loop_that_is_closed_stops_the_thread() -> None:
    async def make() -> Handover[bytes]:
        return Handover[bytes](2)

    loop = asyncio.new_event_loop()
    handover = loop.run_until_complete(make())
    loop.close()
    assert not handover.put(b"a")
    handover.end()
