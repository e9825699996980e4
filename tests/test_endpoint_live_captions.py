"""The words of a room as server-sent events."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from oggstream.annotations import Word
from oggstream.endpoint.live import captions
from patience import PATIENCE
from rooms import LONG, ROOM, SOUND, serving, source
from scripted import ScriptedSource
from speech_server import until


async def events(answer: aiohttp.ClientResponse, last: str) -> list[tuple[str, dict[str, Any]]]:
    """The events up to the first one of the type ``last``."""
    found: list[tuple[str, dict[str, Any]]] = []
    kind = ""
    async with asyncio.timeout(PATIENCE):
        while not found or found[-1][0] != last:
            name, _, value = (await answer.content.readline()).decode().strip().partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                found.append((kind, json.loads(value)))
    return found


async def test_each_word_is_an_event_when_it_is_heard() -> None:
    words = [
        Word(text="Hello", start=0, end=5, start_sample=0, end_sample=4800),
        Word(text="there", start=6, end=11, start_sample=9600, end_sample=14400),
    ]
    speech = ScriptedSource([*((0.0, word) for word in words), (0.0, SOUND)])
    async with serving(speech) as served, served.client.get(f"{ROOM}/captions?open") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/event-stream"
        async with served.say("Hello there.") as asked:
            number = (await asked.json())["speech"]
        found: list[tuple[str, dict[str, Any]]] = []
        while len([kind for kind, _ in found if kind == "word"]) < 2:
            found += await events(answer, "word")
    assert found[0] == ("begin", {"speech": number, "channels": 1})
    told = [fields for kind, fields in found if kind == "word"]
    assert [(one["speech"], one["text"], one["sample"]) for one in told] == [
        (number, "Hello", 0),
        (number, "there", 9600),
    ]


async def test_an_interruption_is_an_event() -> None:
    async with serving(source(LONG)) as served, served.client.get(f"{ROOM}/captions?open") as answer:
        async with served.say():
            await events(answer, "begin")
        async with served.client.delete(ROOM):
            assert (await events(answer, "flush"))[-1][0] == "flush"


async def test_a_silent_room_shows_that_the_connection_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "QUIET_SECONDS", 0.01)
    async with serving() as served, served.client.get(f"{ROOM}/captions?open") as answer:
        assert [await answer.content.readline() for _ in range(4)] == [b": \n", b"\n"] * 2


async def test_a_reader_who_goes_is_forgotten() -> None:
    async with serving() as served:
        async with served.client.get(f"{ROOM}/captions?open"):
            room = served.room()
            assert room.listeners == 1
        await until(lambda: not room.listeners)
        assert not room.broadcast.listeners
