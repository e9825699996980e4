"""Listening to endless Ogg over HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from patience import PATIENCE
from rooms import LONG, ROOM, SOUND, packets, serving, source
from speech_server import until

STREAM = f"{ROOM}.opus"


async def heard(answer: Any, wanted: set[bytes]) -> OpusReader:
    """Read until all the packets that are ``wanted`` have come."""
    reader = OpusReader()
    async with asyncio.timeout(PATIENCE):
        while wanted:
            items = reader.feed(await answer.content.readany())
            wanted -= {item.data for item in items if isinstance(item, AudioPacket)}
    return reader


async def test_speech_comes_as_the_services_own_packets_between_silence() -> None:
    async with serving() as served, served.client.get(f"{STREAM}?open") as answer:
        assert answer.status == 200
        assert answer.content_type == "audio/ogg"
        async with served.say():
            pass
        reader = await heard(answer, {packet.data for packet in packets(SOUND)[1:-1]})
        assert not reader.stats.warnings
        assert reader.stats.links == 1


async def test_silence_comes_while_nobody_speaks() -> None:
    async with serving() as served, served.client.get(f"{STREAM}?open") as answer:
        body = b""
        async with asyncio.timeout(PATIENCE):
            while body.count(b"OggS") < 4:
                body += await answer.content.readany()
    assert body.startswith(b"OggS")
    assert b"TITLE=kitchen" in body


async def test_head_answers_with_the_head_alone() -> None:
    async with serving() as served, served.client.head(f"{STREAM}?open") as answer:
        assert (answer.status, answer.content_type) == (200, "audio/ogg")
        assert not served.server.rooms.listeners


async def test_a_room_that_does_not_exist_has_no_stream() -> None:
    async with serving() as served, served.client.get(STREAM) as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "room_not_found"


async def test_chromium_gets_so_many_bytes_that_it_begins_at_once() -> None:
    headers = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0"}
    async with serving() as served, served.client.get(f"{STREAM}?open", headers=headers) as answer:
        async with served.say():
            pass
        async with asyncio.timeout(PATIENCE):
            assert len(await answer.content.readexactly(64 << 10)) == 64 << 10


async def test_a_client_without_chunks_gets_the_pages_plain() -> None:
    async with serving() as served:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.server.bound_port)
        writer.write(f"GET {STREAM}?open HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"chunked" not in head.lower()
        assert await reader.readexactly(4) == b"OggS"
        writer.close()


async def test_a_listener_who_goes_is_forgotten() -> None:
    async with serving(source(LONG)) as served:
        async with served.client.get(f"{STREAM}?open"), served.say():
            room = served.room()
            await until(lambda: room.pages.listeners == 1)
        await until(lambda: not room.listeners)
        assert not room.pages.listeners


@pytest.mark.parametrize("query", ["ticket=", "ticket=live.1.2", "key=sesame"])
async def test_nobody_listens_without_a_key_or_a_ticket(query: str) -> None:
    async with serving(key="sesame") as served, served.client.get(f"{STREAM}?open&{query}") as answer:
        assert answer.status == 401
