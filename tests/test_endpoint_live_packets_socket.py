"""Listening to packets over a WebSocket."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest

from oggstream.annotations import Word
from oggstream.endpoint.live import packets_socket, tap
from rooms import LONG, ROOM, SOUND, binary, live_source, messages, serving, source
from scripted import ScriptedSource
from speech_server import until


async def test_a_listener_gets_the_services_own_packets_between_begin_and_end() -> None:
    async with serving() as served, served.listening() as socket:
        async with served.say() as answer:
            number = (await answer.json())["speech"]
        found = await messages(socket)
    assert found[0] == {"type": "begin", "speech": number, "channels": 1}
    assert [message for message in found if isinstance(message, bytes)] == binary(SOUND)
    assert found[-1] == {"type": "end", "speech": number}


async def test_all_listeners_get_the_same() -> None:
    async with serving() as served:
        sockets = [await served.listening() for _ in range(5)]
        async with served.say():
            pass
        first, *others = [await messages(socket) for socket in sockets]
        assert all(other == first for other in others)


async def test_an_interruption_tells_listeners_to_drop_what_they_hold() -> None:
    async with serving(source(LONG)) as served, served.listening() as socket:
        async with served.say():
            pass
        await socket.receive()
        async with served.client.delete(ROOM):
            pass
        flushed = (await messages(socket, "flush"))[-1]
    assert flushed["heard"] < 48000 * 30


async def test_who_joins_in_the_middle_gets_packets_whose_sound_is_dropped_first() -> None:
    async with serving(live_source()) as served, served.say():
        await until(lambda: served.room().broadcast._heard_now().sample > 9600)
        async with served.client.ws_connect(f"{ROOM}/packets") as second:
            found: list[aiohttp.WSMessage] = []
            while not found or found[-1].type is aiohttp.WSMsgType.TEXT or found[-1].data[:2] != b"\0\0":
                found.append(await second.receive())
    texts = [message.json() for message in found if message.type is aiohttp.WSMsgType.TEXT]
    said = [one for one in texts if one["type"] != "word"]
    packets = [message.data for message in found if message.type is aiohttp.WSMsgType.BINARY]
    assert [one["type"] for one in said] == ["begin", "position"]
    assert said[1]["sample"] > 0
    assert len(packets) > 4
    assert all(packet[:2] == (960).to_bytes(2, "little") for packet in packets[:-1])


async def test_words_are_told_as_they_are_heard() -> None:
    word = Word(text="Hello", start=0, end=5, start_sample=0, end_sample=9600)
    speech = ScriptedSource([(0.0, word), (0.0, SOUND)])
    async with serving(speech) as served, served.listening() as socket:
        async with served.say("Hello.") as answer:
            number = (await answer.json())["speech"]
        told = (await messages(socket, "word"))[-1]
    assert told == {"type": "word", "speech": number, "text": "Hello", "start": 0, "end": 5, "sample": 0}


async def test_a_browser_shows_its_key_beside_the_subprotocol() -> None:
    names = (packets_socket.SUBPROTOCOL, "openai-insecure-api-key.sesame")
    path = f"{ROOM}/packets?open"
    async with serving(key="sesame") as served, served.client.ws_connect(path, protocols=names) as socket:
        assert socket.protocol == packets_socket.SUBPROTOCOL


async def test_a_listener_who_goes_is_forgotten() -> None:
    async with serving() as served:
        async with served.listening():
            room = served.room()
            assert (room.listeners, room.broadcast.listeners) == (1, 1)
        await until(lambda: not room.listeners)
        assert not room.broadcast.listeners
        assert not room.in_use


async def silent_listener(served: Any) -> asyncio.StreamWriter:
    """A listener who reads nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", served.server.bound_port, limit=1)
    head = f"GET {ROOM}/packets?open HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    writer.write((head + key).encode())
    await until(lambda: served.server.rooms.listeners == 1)
    return writer


async def test_one_who_reads_nothing_is_given_up_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tap, "ROOM_BYTES", 1000)
    monkeypatch.setattr(tap, "KERNEL_BYTES", 2048)
    monkeypatch.setattr(tap, "UNREAD_SECONDS", 0.2)
    async with serving(source(LONG)) as served:
        writer = await silent_listener(served)
        async with served.listening() as socket:
            gone = False
            while not gone:  # a few speeches fill what the system holds
                async with served.say(interrupt=True) as answer:
                    assert answer.status == 202
                    await messages(socket, "begin")
                gone = served.server.rooms.listeners == 1
        writer.close()
