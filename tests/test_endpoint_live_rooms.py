"""Rooms without HTTP: when they open, rest and close."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest

from oggstream.endpoint.live import rooms as module
from oggstream.endpoint.live.rooms import Rooms
from oggstream.endpoint.speaker import Speaker
from oggstream.endpoint.speech_request import RefusedError
from oggstream.options import SpeechOptions
from rooms import SOUND, source
from scripted import ScriptedSource

pytestmark = pytest.mark.looptime


@asynccontextmanager
async def opened(speech: ScriptedSource | None = None, most: int = 2) -> AsyncIterator[Rooms]:
    speaker = Speaker(speech or source())
    rooms = Rooms(lambda: speaker, most)
    try:
        yield rooms
    finally:
        await rooms.aclose()


async def test_a_room_that_nobody_uses_is_closed_after_a_while() -> None:
    async with opened() as rooms:
        async with rooms.using("kitchen", opens=True):
            pass
        await asyncio.sleep(module.IDLE_SECONDS - 1)
        assert len(rooms) == 1
        await asyncio.sleep(module.IDLE_SECONDS + 1)
        assert not len(rooms)


async def test_a_room_with_a_listener_stays_open() -> None:
    async with opened() as rooms, rooms.listening("kitchen", opens=True) as room:
        await asyncio.sleep(3 * module.IDLE_SECONDS)
        async with rooms.using("kitchen", opens=False) as same:
            assert same is room


async def test_what_is_said_keeps_a_room_open_though_nobody_listens() -> None:
    async with opened() as rooms, rooms.using("kitchen", opens=True) as room:
        speech = await room.say("Hello.", SpeechOptions(), nullcontext())
        assert room.speaking
        report = await speech
    assert report.audio.seconds == pytest.approx(0.4)


async def test_a_place_among_the_jobs_is_left_when_the_speech_is_received() -> None:
    held: list[str] = []

    @asynccontextmanager
    async def place() -> AsyncIterator[None]:
        held.append("taken")
        yield
        held.append("left")

    slow = ScriptedSource([(0.0, SOUND[:2000]), (5.0, SOUND[2000:])])
    async with opened(slow) as rooms, rooms.using("kitchen", opens=True) as room:
        _ = await room.say("Hello.", SpeechOptions(), place())
        await asyncio.sleep(4)
        assert held == ["taken"]
        await asyncio.sleep(1.1)
        assert held == ["taken", "left"]


async def test_an_interrupting_text_takes_the_place_of_all_that_wait() -> None:
    async with opened() as rooms, rooms.using("kitchen", opens=True) as room:
        first = [await room.say("One.", SpeechOptions(), nullcontext()) for _ in range(3)]
        last = await room.say("Two.", SpeechOptions(), nullcontext(), interrupt=True)
        assert (await last).completed
        assert [(await speech).stopped for speech in first] == [True] * 3


@pytest.mark.parametrize("name", ["", "a/b", "a.b", "..", "a b", "é", "a" * 65, "a\n"])
async def test_a_name_that_is_none_opens_nothing(name: str) -> None:
    async with opened() as rooms:
        with pytest.raises(RefusedError) as refused:
            async with rooms.using(name, opens=True):
                pass
        assert refused.value.status == 400
        assert not len(rooms)


async def test_rooms_that_are_closed_end_what_is_said() -> None:
    async with opened() as rooms, rooms.using("kitchen", opens=True) as room:
        speech = await room.say("Hello.", SpeechOptions(), nullcontext())
        await rooms.aclose()
        assert (await speech).stopped
        assert not room.speaking
