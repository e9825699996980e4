"""A service over its socket, and over HTTP where there is none."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from oggstream import errors
from oggstream.options import SpeechOptions
from oggstream.sources.context import SpeechContext
from oggstream.sources.resolve_source import named
from oggstream.sources.sockets.or_http import SocketOrHttp
from service_shapes import SHAPES
from shape_parts import BODIES, KEY
from socket_services.deepgram import Aura
from speech_server import serving

PLAIN = SpeechOptions()


async def spoken(opening: Any) -> bytes:
    async with opening as stream:
        return b"".join([item async for item in stream if isinstance(item, bytes)])


def source_at(url: str, **settings: Any) -> Any:
    return named("deepgram", base_url=url, **{"api_key": KEY, "max_retries": 0, "trust_env": False, **settings})


async def test_a_server_without_sockets_is_asked_over_http_and_a_second_time_at_once() -> None:
    async with serving(SHAPES["deepgram"]) as server:
        source = source_at(server.origin)
        for _ in range(2):
            assert await spoken(source.open("Hello.", PLAIN)) == BODIES["opus"]
        assert [request.method for request in server.received] == ["GET", "POST", "POST"]
        await source.aclose()


async def test_so_are_the_pieces_of_a_speech() -> None:
    async with serving(SHAPES["deepgram"]) as server:
        source = source_at(server.origin)
        async with SpeechContext(source, PLAIN) as speech:
            bodies = await asyncio.gather(*(spoken(speech.open(text, PLAIN)) for text in ("One.", "Two.")))
            assert bodies == [BODIES["opus"]] * 2
            assert await spoken(speech.open("Three.", PLAIN)) == BODIES["opus"]
        await source.aclose()


async def test_where_there_is_a_socket_http_is_asked_for_nothing() -> None:
    async with Aura().running() as service:
        source = source_at(service.url, api_key=service.key)
        assert len(await spoken(source.open("Hello.", PLAIN))) > 10_000
        assert isinstance(source, SocketOrHttp)
        assert source._http is None
        await source.aclose()


async def test_a_format_that_the_socket_does_not_have_comes_over_http() -> None:
    async with serving(SHAPES["deepgram"]) as server:
        source = source_at(server.origin)
        assert await spoken(source.open("Hello.", SpeechOptions(format="wav"))) == BODIES["wav"]
        assert [request.method for request in server.received] == ["POST"]
        await source.aclose()


@pytest.mark.parametrize(("status", "kind"), [(401, errors.AuthenticationError), (500, errors.ServerError)])
async def test_a_socket_that_refuses_is_no_reason_to_ask_over_http(status: int, kind: type[Exception]) -> None:
    async def refusing(request: web.Request) -> web.Response:
        return web.json_response({"err_msg": "no"}, status=status)

    async with serving(refusing) as server:
        source = source_at(server.origin)
        with pytest.raises(kind):
            await spoken(source.open("Hello.", PLAIN))
        assert {request.method for request in server.received} == {"GET"}
        await source.aclose()
