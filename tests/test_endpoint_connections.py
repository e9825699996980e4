"""Connections of the endpoint: bounded in number and time; one log line for anything but HTTP."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest

from oggstream.endpoint import connections
from oggstream.endpoint.server import SpeechServer
from patience import PATIENCE

OPUS = {"response_format": "opus"}
KEY = "sk-a-key-that-nobody-may-see"


@asynccontextmanager
async def running() -> AsyncIterator[SpeechServer]:
    server = SpeechServer()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def connected(server: SpeechServer, data: bytes = b"") -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.bound_port)
    writer.write(data)
    try:
        yield reader
    finally:
        writer.close()


@pytest.mark.parametrize(
    "data",
    [b"", b"POST /v1/audio/speech HTTP/1.1\r\nHost: loc", b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    ids=["silent", "half a head", "kept after an answer"],
)
async def test_a_connection_without_a_request_is_closed_in_time(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.2)
    async with running() as server, connected(server, data) as reader, asyncio.timeout(PATIENCE):
        answer = await reader.read()
    assert answer.startswith(b"HTTP/1.1 200") == data.startswith(b"GET")


async def test_a_head_that_drips_is_closed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.3)
    async with running() as server, asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.bound_port)
        sent = 0
        while not (reader.at_eof() or reader.exception() or writer.is_closing()):
            writer.write(b"GET /health HTTP/1.1\r\nX: "[sent : sent + 1] or b"x")
            sent += 1
            await asyncio.sleep(0.02)
        writer.close()


async def test_a_speech_lasts_as_long_as_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "IDLE_SECONDS", 0.1)
    async with (
        running() as server,
        aiohttp.ClientSession() as client,
        client.post(f"{server.base_url}/audio/speech", json={"input": "Hello there. " * 90, **OPUS}) as answer,
    ):
        await asyncio.sleep(0.4)
        assert (await answer.read()).startswith(b"OggS")


async def test_silent_connections_beyond_the_bound_make_room_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "most_connections", lambda: 10)
    async with running() as server, AsyncExitStack() as stack, aiohttp.ClientSession() as client:
        silent = [await stack.enter_async_context(connected(server)) for _ in range(30)]
        async with client.post(f"{server.base_url}/audio/speech", json={"input": "Hi.", **OPUS}) as answer:
            assert (await answer.read()).startswith(b"OggS")
        assert server._listener is not None
        assert len(server._listener.connections) <= 10
        async with asyncio.timeout(PATIENCE):
            assert await silent[0].read() == b""


async def test_clients_that_do_not_read_make_room_for_one_that_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "most_connections", lambda: 4)
    body = json.dumps({"input": "The quick brown fox. " * 190, "response_format": "pcm", "speed": 0.5}).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    async with running() as server, AsyncExitStack() as stack, aiohttp.ClientSession() as client:
        for _ in range(4):
            await stack.enter_async_context(connected(server, head + body))
        assert server._listener is not None
        async with asyncio.timeout(PATIENCE):
            while len(server._listener.connections._stalled) < 4:  # noqa: ASYNC110 - it happens inside the server
                await asyncio.sleep(0.05)
            async with client.post(f"{server.base_url}/audio/speech", json={"input": "Hi.", **OPUS}) as answer:
                assert (await answer.read()).startswith(b"OggS")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization Bearer " + KEY.encode() + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization : Bearer " + KEY.encode() + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer " + KEY.encode() + b"\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nAuthorization: " + KEY.encode() * 1000 + b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n" + KEY.encode() + b"\r\n\r\n",
        b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: " + KEY.encode() + b"\r\n\r\n",
    ],
)
async def test_what_is_no_request_is_one_line_that_shows_nothing_of_it(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with running() as server, connected(server, data) as reader, asyncio.timeout(PATIENCE):
        answer = await reader.read()
        async with aiohttp.ClientSession() as client, client.get(f"{server.base_url}/models") as after:
            assert after.status == 200
    assert answer.splitlines()[0].endswith(b" 400 Bad Request")
    assert KEY.encode() not in answer
    assert KEY not in caplog.text
    assert len([line for line in caplog.text.splitlines() if "/v1/models" not in line]) == 1


def test_the_bound_leaves_files_for_the_rest() -> None:
    assert 8 <= connections.most_connections() <= connections.MOST_CONNECTIONS
