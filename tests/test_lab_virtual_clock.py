"""The virtual clock: no waiting, and the same course of events every time."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from oggstream.lab.virtual_clock import VirtualLoop
from oggstream.threads import begin, in_thread, works_for
from patience import PATIENCE


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    made = VirtualLoop()
    yield made
    made.close()


def test_an_hour_passes_in_no_time(loop: VirtualLoop) -> None:
    async def sleep() -> float:
        await asyncio.sleep(3600)
        return loop.time()

    begun = time.monotonic()
    assert loop.run_until_complete(sleep()) == pytest.approx(3600)
    assert time.monotonic() - begun < 60


def test_timers_come_in_their_order_and_at_their_times(loop: VirtualLoop) -> None:
    seen: list[tuple[str, float]] = []

    async def note(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        seen.append((name, round(loop.time(), 9)))

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for name, delay in (("c", 0.3), ("a", 0.1), ("b", 0.2), ("z", 0.0)):
                group.create_task(note(name, delay))

    loop.run_until_complete(run())
    assert seen == [("z", 0.0), ("a", 0.1), ("b", 0.2), ("c", 0.3)]


def test_time_stands_still_while_a_thread_works(loop: VirtualLoop) -> None:
    async def run() -> tuple[float, bool]:
        ticking = asyncio.create_task(asyncio.sleep(1))
        await in_thread(lambda: time.sleep(0.05))
        return loop.time(), await asyncio.wait_for(_done(ticking), 10)

    assert loop.run_until_complete(run()) == (0.0, True)


def test_threads_of_other_loops_do_not_hold_it_up(loop: VirtualLoop) -> None:
    gate = threading.Event()

    async def begun() -> asyncio.Future[bool]:
        return begin(gate.wait)

    other = asyncio.new_event_loop()
    waiting = other.run_until_complete(begun())
    try:
        assert works_for(other)
        loop.run_until_complete(asyncio.sleep(3600))
        assert loop.time() == pytest.approx(3600)
    finally:
        gate.set()
        other.run_until_complete(waiting)
        other.close()


async def _done(task: asyncio.Task[None]) -> bool:
    await task
    return True


def test_a_time_limit_expires(loop: VirtualLoop) -> None:
    async def run() -> None:
        async with asyncio.timeout(PATIENCE):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError):
        loop.run_until_complete(run())
    assert loop.time() == pytest.approx(PATIENCE)


def test_without_any_timer_it_waits_for_another_thread(loop: VirtualLoop) -> None:
    from threading import Timer

    async def run() -> None:
        event = asyncio.Event()
        timer = Timer(0.02, lambda: loop.call_soon_threadsafe(event.set))
        timer.start()
        await event.wait()
        timer.join()

    loop.run_until_complete(run())
    assert loop.time() == 0.0


def test_sockets_work(loop: VirtualLoop) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read(10))
        await writer.drain()
        writer.close()

    async def run() -> bytes:
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"hello")
            received = await reader.read()
            writer.close()
            return received

    assert _run(loop, run()) == b"hello"


def _run(loop: VirtualLoop, main: Coroutine[Any, Any, bytes]) -> bytes:
    return loop.run_until_complete(main)
