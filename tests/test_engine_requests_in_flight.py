"""Counting the requests under way at a source, and waiting for one of them to end. In virtual time."""

from __future__ import annotations

import asyncio

import pytest

from oggstream.engine.requests.in_flight import RECENT_SECONDS, InFlight, in_flight_of
from scripted import ScriptedSource

pytestmark = pytest.mark.looptime


async def test_another_request_is_one_that_is_open() -> None:
    flight = InFlight()
    assert not flight.others()
    with flight.request():
        assert flight.others()
    assert not flight.others()


async def test_one_that_was_cancelled_counts_for_a_while() -> None:
    flight = InFlight()
    with pytest.raises(asyncio.CancelledError), flight.request():
        raise asyncio.CancelledError
    assert flight.others()
    await asyncio.sleep(RECENT_SECONDS + 0.1)
    assert not flight.others()


async def test_one_that_failed_does_not() -> None:
    flight = InFlight()
    with pytest.raises(ValueError, match="x"), flight.request():
        raise ValueError("x")
    assert not flight.others()


async def test_a_turn_comes_when_a_request_ends() -> None:
    flight = InFlight()
    loop = asyncio.get_running_loop()

    async def hold() -> None:
        with flight.request():
            await asyncio.sleep(0.4)

    holding = asyncio.create_task(hold())
    await asyncio.sleep(0)
    begun = loop.time()
    await flight.turn(9.0)
    assert loop.time() - begun == pytest.approx(0.4)
    await flight.turn(0.2)
    assert loop.time() - begun == pytest.approx(0.6)
    await holding


async def test_those_who_use_one_source_share_its_count() -> None:
    source, other = ScriptedSource([]), ScriptedSource([])
    assert in_flight_of(source) is in_flight_of(source)
    assert in_flight_of(source) is not in_flight_of(other)


async def test_a_source_that_cannot_be_referred_to_weakly_is_counted_alone() -> None:
    class Slotted:
        __slots__ = ()

        def open(self, text: str, options: object) -> None: ...

    assert isinstance(in_flight_of(Slotted()), InFlight)  # type: ignore[arg-type]
