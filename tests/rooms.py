"""A server with rooms, for the tests of each way into one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import aiohttp

from oggstream.endpoint.live.rooms import Room
from oggstream.endpoint.server import SpeechServer
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from patience import PATIENCE
from scripted import ScriptedSource, every, pages, spoken

SOUND = spoken(0.4, packets_per_page=1)
LONG = spoken(30.0, packets_per_page=1)
ROOM = "/v1/live/kitchen"


class Served(NamedTuple):
    """A running server, and a client whose requests begin with a path."""

    server: SpeechServer
    client: aiohttp.ClientSession

    def say(self, text: str = "Hello.", *, path: str = ROOM, **fields: Any) -> Any:
        """A request to say something."""
        return self.client.post(path, json={"input": text, **fields})

    def listening(self) -> Any:
        """A WebSocket that listens in the room, and opens it."""
        return self.client.ws_connect(f"{ROOM}/packets?open")

    def speaking(self) -> Any:
        """A WebSocket that speaks into the room."""
        return self.client.ws_connect(ROOM)

    def room(self, name: str = "kitchen") -> Room:
        """The room as the server has it."""
        return self.server.rooms._rooms[name]


def source(body: bytes = SOUND) -> ScriptedSource:
    """Sends ``body`` at once."""
    return ScriptedSource([(0.0, body)])


def live_source(body: bytes = LONG) -> ScriptedSource:
    """Sends a page of one packet every 20 ms."""
    head, tags, *audio = pages(body)
    return ScriptedSource(every(0.02, [head + tags + audio[0], *audio[1:]]))


@asynccontextmanager
async def serving(speech: Any = None, *, headers: Any = None, **settings: Any) -> AsyncIterator[Served]:
    """Run a server that speaks from ``speech`` (`source` if there is none)."""
    server = SpeechServer(source=speech or source(), **settings)
    await server.start()
    try:
        base = f"http://127.0.0.1:{server.bound_port}"
        async with aiohttp.ClientSession(base, headers=headers) as client:
            yield Served(server, client)
    finally:
        await server.stop()


async def messages(socket: aiohttp.ClientWebSocketResponse, last: str = "end") -> list[Any]:
    """What comes on a socket, up to the first message of the type ``last``: objects, and packets as bytes."""
    found: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while not found or not isinstance(found[-1], dict) or found[-1].get("type") != last:
            message = await socket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                found.append(json.loads(message.data))
            elif message.type is aiohttp.WSMsgType.BINARY:
                found.append(message.data)
            else:
                raise AssertionError(f"closed after {found[-3:]}")
    return found


def packets(body: bytes) -> list[AudioPacket]:
    """The packets of an Ogg Opus body."""
    reader = OpusReader()
    return [item for item in [*reader.feed(body), *reader.finish()] if isinstance(item, AudioPacket)]


def binary(body: bytes) -> list[bytes]:
    """Those packets as binary messages."""
    return [p.trim_start.to_bytes(2, "little") + p.trim_end.to_bytes(2, "little") + p.data for p in packets(body)]
