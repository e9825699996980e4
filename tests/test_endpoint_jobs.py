"""Places for speeches: a bounded number, and a bounded queue in order."""

from __future__ import annotations

import asyncio

import pytest

from oggstream.endpoint.jobs import Jobs
from oggstream.endpoint.speech_request import RefusedError


async def hold(jobs: Jobs, name: int, order: list[int], release: asyncio.Event) -> None:
    async with jobs.turn():
        order.append(name)
        await release.wait()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_the_next_ones_wait_and_come_in_their_order() -> None:
    jobs, order = Jobs(2, 3), list[int]()
    releases = [asyncio.Event() for _ in range(5)]
    tasks = [asyncio.create_task(hold(jobs, name, order, releases[name])) for name in range(5)]
    await settle()
    assert (order, jobs.running, jobs.waiting) == ([0, 1], 2, 3)
    for name in (1, 0, 2, 3, 4):
        releases[name].set()
        await settle()
    assert order == [0, 1, 2, 3, 4]
    await asyncio.gather(*tasks)
    assert (jobs.running, jobs.waiting) == (0, 0)


async def test_beyond_the_queue_one_is_refused_at_once_and_told_when_to_come_again() -> None:
    jobs, order, release = Jobs(1, 1), list[int](), asyncio.Event()
    tasks = [asyncio.create_task(hold(jobs, name, order, release)) for name in range(2)]
    await settle()
    with pytest.raises(RefusedError, match="1 speeches at once, and 1 more") as caught:
        await hold(jobs, 2, order, release)
    refusal = caught.value
    assert (refusal.status, refusal.kind, refusal.code) == (429, "requests", "rate_limit_exceeded")
    assert float(refusal.headers["Retry-After"]) > 0
    release.set()
    await asyncio.gather(*tasks)
    assert order == [0, 1]


async def test_one_who_leaves_the_queue_makes_room_and_loses_nobody_a_place() -> None:
    jobs, order, release = Jobs(1, 2), list[int](), asyncio.Event()
    first, second, third = (asyncio.create_task(hold(jobs, name, order, release)) for name in range(3))
    await settle()
    second.cancel()
    await settle()
    assert (jobs.running, jobs.waiting) == (1, 1)
    release.set()
    await asyncio.gather(first, third)
    assert order == [0, 2]


async def test_a_job_that_fails_gives_its_place_back() -> None:
    jobs = Jobs(1, 0)
    with pytest.raises(ValueError, match="no"):
        async with jobs.turn():
            raise ValueError("no")
    async with jobs.turn():
        assert jobs.running == 1


async def test_a_queue_of_nothing_serves_as_long_as_there_is_a_place() -> None:
    jobs = Jobs(1, 0)
    for _ in range(3):
        async with jobs.turn():
            pass


async def test_one_client_has_a_share_and_leaves_room_for_others() -> None:
    jobs, order, release = Jobs(4, 4), list[int](), asyncio.Event()
    assert jobs.share == 2

    async def ask(client: str) -> None:
        async with jobs.turn(client):
            order.append(1)
            await release.wait()

    tasks = [asyncio.create_task(ask("192.0.2.1")) for _ in range(2)]
    await settle()
    with pytest.raises(RefusedError, match="2 speeches at once for one client") as caught:
        await ask("192.0.2.1")
    assert caught.value.status == 429
    tasks += [asyncio.create_task(ask(client)) for client in ("192.0.2.2", "", "", "")]
    await settle()
    assert (jobs.running, jobs.waiting) == (4, 2)
    release.set()
    await asyncio.gather(*tasks)
    assert not jobs._clients


async def test_who_steps_aside_gives_the_place_to_the_next() -> None:
    jobs, order, release = Jobs(1, 1), list[int](), asyncio.Event()
    async with jobs.turn() as turn:
        other = asyncio.create_task(hold(jobs, 1, order, release))
        await settle()
        assert order == []
        async with turn.aside():
            await settle()
            assert order == [1]
            release.set()
            await other
        assert jobs.running == 1
    assert (jobs.running, jobs.waiting) == (0, 0)


async def test_cancelled_aside_it_gives_back_nothing_twice() -> None:
    jobs = Jobs(1, 1)

    async def step_aside() -> None:
        async with jobs.turn() as turn, turn.aside():
            await asyncio.Event().wait()

    task = asyncio.create_task(step_aside())
    await settle()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (jobs.running, jobs._free._value) == (0, 1)
