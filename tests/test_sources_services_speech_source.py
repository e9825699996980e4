"""The pieces of a speech over HTTP know what was spoken before them, and are still asked for side by side."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

import oggstream
from json_shapes import SHAPES
from oggstream.options import SpeechOptions
from oggstream.sources.context import SpeechContext
from oggstream.sources.services.service_source import ServiceSource
from oggstream.sources.services.table import Service
from patience import PATIENCE
from scripted import spoken
from shape_parts import KEY
from speech_server import Service as Server, serving

PLAIN = SpeechOptions()


def asked(server: Server) -> list[Any]:
    return [json.loads(request.body) for request in server.posts]


async def read(context: SpeechContext, text: str, options: SpeechOptions = PLAIN) -> None:
    async with context.open(text, options) as stream:
        async for _ in stream:
            pass


async def test_a_piece_names_the_requests_that_are_complete_and_else_the_text_before_it() -> None:
    async with serving(SHAPES["elevenlabs"]) as server:
        source = ServiceSource("elevenlabs", base_url=server.origin, api_key=KEY)
        assert source.traits.keeps_context
        async with SpeechContext(source, PLAIN) as context:
            await read(context, "One.")
            await read(context, "Two.")
            async with context.open("Three.", PLAIN):
                await read(context, "Four.")
        async with SpeechContext(source, PLAIN) as context:
            await read(context, "Another speech.")
        await source.aclose()
        told = [(body.get("previous_text"), body.get("previous_request_ids")) for body in asked(server)]
    assert told == [(None, None), (None, ["el-1"]), (None, ["el-1", "el-1"]), ("One. Two. Three.", None), (None, None)]


@pytest.mark.parametrize("model", ["eleven_v3", "eleven_v3_conversational"])
async def test_models_that_do_not_take_it_are_not_told(model: str) -> None:
    async with serving(SHAPES["elevenlabs"]) as server:
        source = ServiceSource("elevenlabs", base_url=server.origin, api_key=KEY)
        options = SpeechOptions(model=model)
        async with SpeechContext(source, options) as context:
            await read(context, "One.", options)
            await read(context, "Two.", options)
        await source.aclose()
        assert all(set(body) == {"text", "model_id"} for body in asked(server))


async def test_the_next_piece_is_asked_for_before_the_first_is_answered() -> None:
    both = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        if len(server.posts) == 2:
            both.set()
        async with asyncio.timeout(PATIENCE):
            await both.wait()
        return web.Response(body=spoken(0.2), content_type="audio/ogg")

    async with serving(answer) as server:
        mine = Service(
            name="mine",
            base_url=server.origin,
            json={"t": "{text}", "p": "{previous_text}"},
            before={"characters": 100},
        )
        source = ServiceSource(mine, max_retries=0)
        async with SpeechContext(source, PLAIN) as context:
            await asyncio.gather(read(context, "One."), read(context, "Two."))
        await source.aclose()
        assert asked(server) == [{"t": "One."}, {"t": "Two.", "p": "One."}]


async def test_a_speech_of_several_pieces_tells_each_what_was_before() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=spoken(0.2), content_type="audio/ogg")

    text = "This is the first sentence of a speech. And here is the second one, which follows it."
    async with serving(answer) as server:
        entries: Any = {
            "json": {"t": "{text}", "p": "{previous_text}"},
            "before": {"characters": 100},
            "longest_text": 60,
        }
        source = ServiceSource(Service(name="mine", base_url=server.origin, **entries))
        async for _ in oggstream.stream_packets(text, source=source):
            pass
        await source.aclose()
        bodies = asked(server)
    assert len(bodies) > 1
    for number, body in enumerate(bodies):
        spoken_before = " ".join(earlier["t"].strip() for earlier in bodies[:number])
        assert body.get("p", "") == spoken_before[-100:]
