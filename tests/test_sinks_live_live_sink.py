"""Speaking into a room elsewhere."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import oggstream
from oggstream.errors import DeviceError, UsageError
from oggstream.events import Event, Warned
from oggstream.sinks.live import room_feed
from oggstream.sinks.live.live_sink import LiveSink
from patience import PATIENCE
from rooms import LONG, ROOM, SOUND, binary, live_source, messages, serving, source
from speech_server import free_port


def place(served: Any) -> str:
    return f"http://127.0.0.1:{served.server.bound_port}{ROOM}"


async def test_its_packets_are_those_of_the_service() -> None:
    async with serving() as served, LiveSink(place(served)) as sink, served.listening() as listener:
        report = await oggstream.play_stream("Hello.", source=source(), sink=sink)
        found = await messages(listener)
    assert [message for message in found if isinstance(message, bytes)] == binary(SOUND)
    assert report.completed
    assert report.sink == "live"


async def test_stop_silences_the_room_and_tells_what_was_heard_by_its_own_clock() -> None:
    async with (
        serving() as served,
        served.listening() as listener,
        LiveSink(place(served)) as sink,
        oggstream.Player(source=live_source(), sink=sink) as player,
    ):
        _ = player.say("One two three four five six seven.")
        heard = 0
        while heard < 10:
            heard += isinstance((await listener.receive()).data, bytes)
        told = await player.stop()
        flushed = (await messages(listener, "flush"))[-1]
    assert 0 < told.seconds < 5
    assert flushed["heard"] < 5 * 48000


async def test_words_are_told_in_the_room() -> None:
    async with serving() as served, served.listening() as listener, LiveSink(place(served)) as sink:
        sink_words = asyncio.create_task(messages(listener, "word"))
        await oggstream.play_stream("Hello.", source=source(), sink=sink)
        word = (await sink_words)[-1]
    assert (word["text"], word["start"], word["end"]) == ("Hello", 0, 5)


async def test_a_room_that_is_left_as_soon_as_it_is_entered_keeps_no_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    opened = []
    connect = room_feed.RoomFeed._connect

    async def noted(feed: room_feed.RoomFeed) -> Any:
        opened.append(await connect(feed))
        return opened[-1]

    monkeypatch.setattr(room_feed.RoomFeed, "_connect", noted)
    async with serving() as served:
        sink = LiveSink(place(served))
        await sink.prepare()
        await sink.aclose()
    assert [socket.closed for socket in opened] == [True]


async def test_a_key_opens_the_room() -> None:
    async with serving(key="sesame") as served:
        async with LiveSink(place(served), "sesame") as sink:
            await sink.prepare()
        async with LiveSink(place(served), "wrong") as sink:
            with pytest.raises(DeviceError, match="it wants a key") as error:
                await sink.prepare()
    assert "wrong" not in str(error.value)


async def test_a_room_that_cannot_be_had_is_an_error_before_anything_is_said() -> None:
    async with LiveSink(f"http://127.0.0.1:{free_port()}{ROOM}") as sink:
        with pytest.raises(DeviceError, match=f"the room http://127.0.0.1:[0-9]+{ROOM} cannot be reached: connection"):
            await oggstream.play_stream("Hello.", source=source(), sink=sink)


async def test_a_server_without_rooms_is_named() -> None:
    async with serving(rooms=0) as served, LiveSink(place(served)) as sink:
        with pytest.raises(DeviceError, match="it has no rooms"):
            await sink.prepare()


async def test_a_lost_connection_is_made_again_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_feed, "FIRST_PAUSE", 0.01)
    events: list[Event] = []
    async with serving() as served, LiveSink(place(served)) as sink:
        player = oggstream.Player(source=source(LONG), sink=sink, on_event=events.append)
        async with player:
            _ = player.say("Hello.")
            async with served.listening() as listener:
                await messages(listener, "begin")
            await served.server.stop()
            await served.server.start()  # at another port: nobody is there any more
            async with asyncio.timeout(PATIENCE):
                while not any(isinstance(event, Warned) for event in events):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
    assert "is lost: it is made again" in next(event.message for event in events if isinstance(event, Warned))


async def test_a_room_that_comes_back_gets_what_is_said_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room_feed, "FIRST_PAUSE", 0.01)
    port = free_port()
    async with (
        serving(port=port) as served,
        LiveSink(place(served)) as sink,
        oggstream.Player(source=live_source(), sink=sink) as player,
    ):
        _ = player.say("Hello.")
        async with served.listening() as listener:
            await messages(listener, "begin")
        await served.server.stop()
        await served.server.start()
        async with served.listening() as listener:
            assert (await messages(listener, "begin"))[-1]["type"] == "begin"
            assert isinstance((await listener.receive()).data, bytes)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "kitchen",
        "ftp://host/v1/live/kitchen",
        "http://host",
        "http:///v1/live/kitchen",
        "http://host:x/v1/live/kitchen",
        "http://me:secret@host/v1/live/kitchen",
        "http://host/v1/live/kitchen?key=secret",
        None,
    ],
)
def test_what_is_no_address_is_refused_and_not_shown(url: Any) -> None:
    with pytest.raises(UsageError, match="this is no address of a room") as error:
        LiveSink(url)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("key", ["two words", "ключ", "line\nbreak", 1])
def test_a_key_that_no_header_holds_is_refused_and_not_shown(key: Any) -> None:
    with pytest.raises(UsageError) as error:
        LiveSink("http://host/v1/live/kitchen", key)
    assert str(key) not in str(error.value)
