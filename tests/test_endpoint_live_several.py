"""A room of the same name in several servers: how more listen than one process serves."""

from __future__ import annotations

import asyncio
from pathlib import Path

import oggstream
from oggstream.sources.traits import SourceTraits
from redis_server import running_redis
from rooms import ROOM, SOUND, Served, binary, live_source, messages, serving, source


async def heard_in(*servers: Served) -> list[list[bytes]]:
    """What a listener in the room of each server gets of one speech, once all of them listen."""
    listeners = [await served.client.ws_connect(f"{ROOM}/packets?open") for served in servers]
    found = await asyncio.gather(*map(messages, listeners))
    for listener in listeners:
        await listener.close()
    return [[message for message in each if isinstance(message, bytes)] for each in found]


async def test_one_player_speaks_into_the_rooms_of_several_servers() -> None:
    async with serving() as first, serving() as second:
        places = [f"http://127.0.0.1:{served.server.bound_port}{ROOM}" for served in (first, second)]
        listening = asyncio.create_task(heard_in(first, second))
        async with oggstream.LiveSink(places[0]) as here, oggstream.LiveSink(places[1]) as there:
            await until_heard_by(2, first, second)
            report = await oggstream.play_stream("Hello.", source=source(), sink=[here, there])
        assert await listening == [binary(SOUND)] * 2
    assert report.completed
    assert [each.error for each in report.sinks] == [None, None]


async def test_what_each_server_is_told_is_made_once_where_they_share_a_redis(tmp_path: Path) -> None:
    speech = live_source(SOUND)
    speech.traits = SourceTraits(name="shared", sound="shared")
    with running_redis(tmp_path) as redis:
        async with serving(speech, cache=redis.url) as first, serving(speech, cache=redis.url) as second:
            listening = asyncio.create_task(heard_in(first, second))
            await until_heard_by(2, first, second)
            for served in (first, second):
                async with served.say() as answer:
                    assert answer.status == 202
            assert await listening == [binary(SOUND)] * 2
    assert speech.opened == 1


async def until_heard_by(listeners: int, *servers: Served) -> None:
    """Return when so many listen in the rooms of these servers."""
    while True:
        count = 0
        for served in servers:
            async with served.client.get(f"{ROOM}?open") as answer:
                count += (await answer.json())["listeners"]
        if count == listeners:
            return
        await asyncio.sleep(0.01)
