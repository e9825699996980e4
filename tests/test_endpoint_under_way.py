"""The endpoint goes away: what is being said ends, what comes then is refused; as a process, too, and as several."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from cli_run import finish
from oggstream.endpoint.server import SpeechServer
from oggstream.sources.openai_source import OpenAISource
from patience import PATIENCE
from scripted import ScriptedSource, pages, spoken
from speech_server import serving as service_serving
from test_cli_commands_serve import serving

BODY = spoken(1.0, packets_per_page=10)
OPUS = {"input": "Hello there.", "response_format": "opus"}
NEW = {"type": "response.create", "response": {"input": [{"content": [{"type": "input_text", "text": "Hello."}]}]}}


class Halting:
    """A service that stops in the middle of its answer until it may go on."""

    def __init__(self) -> None:
        self.go_on = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            return web.Response(status=404)
        response = web.StreamResponse(headers={"Content-Type": "audio/ogg"})
        await response.prepare(request)
        for number, page in enumerate(pages(BODY)):
            await response.write(page)
            if number == 3:
                await self.go_on.wait()
        return response


def root(url: str) -> str:
    return url.removesuffix("/v1")


async def until_leaving(client: aiohttp.ClientSession, url: str) -> None:
    async with asyncio.timeout(PATIENCE):
        in_a_row = 0
        while in_a_row < 8:  # each worker has answered it
            async with client.get(f"{root(url)}/ready", headers={"Connection": "close"}) as answer:
                in_a_row = in_a_row + 1 if answer.status == 503 else 0


def workers(*others: Any) -> Any:
    """The options of two workers, behind ``others``."""
    only = pytest.mark.skipif(sys.platform == "win32", reason="workers share a port only on Linux and macOS")
    return pytest.param(*others, ["--workers", "2"], marks=only)


@asynccontextmanager
async def speaking(*options: str) -> AsyncIterator[tuple[Halting, subprocess.Popen[bytes], str, Any, Any]]:
    """A process that is in the middle of a speech: its service, itself, its URL, a client, and the answer so far."""
    halting = Halting()
    async with service_serving(halting) as service, aiohttp.ClientSession() as client:
        with ExitStack() as stack:
            served = serving("--base-url", service.base, *options, OPENAI_API_KEY="none")
            process, told = await asyncio.to_thread(stack.enter_context, served)
            async with client.post(f"{told['base_url']}/audio/speech", json=OPUS) as answer:
                assert (await answer.content.readany()).startswith(b"OggS")
                yield halting, process, told["base_url"], client, answer
            halting.go_on.set()


@pytest.mark.parametrize(("number", "options"), [(signal.SIGTERM, []), workers(signal.SIGINT), workers(signal.SIGTERM)])
async def test_at_a_signal_what_is_being_said_ends_and_nothing_else_begins(
    number: signal.Signals, options: list[str]
) -> None:
    async with speaking(*options) as (service, process, url, client, answer):
        process.send_signal(number)
        await until_leaving(client, url)
        async with client.get(f"{root(url)}/health") as health:
            assert health.status == 200
        async with client.post(f"{url}/audio/speech", json=OPUS) as late:
            assert (late.status, late.headers["Retry-After"], late.headers["Connection"]) == (503, "1", "close")
            assert (await late.json())["error"]["code"] == "server_going_away"
        service.go_on.set()
        assert len(await answer.read()) > len(BODY) / 2
        result = await asyncio.to_thread(finish, process)
    assert result.status == 0
    assert "1 requests are answered to their end, for at most 25 s" in result.err


@pytest.mark.parametrize("options", [[], workers()])
async def test_a_second_signal_ends_it_at_once(options: list[str]) -> None:
    async with speaking(*options) as (_, process, url, client, answer):
        process.send_signal(signal.SIGTERM)
        await until_leaving(client, url)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(aiohttp.ClientError):
            await answer.read()
        assert (await asyncio.to_thread(finish, process)).status == 130


async def test_what_takes_longer_than_it_may_is_cut_off_and_the_client_sees_it() -> None:
    async with speaking("--drain", "0.2") as (_, process, _, _, answer):
        process.send_signal(signal.SIGTERM)
        with pytest.raises(aiohttp.ClientError):
            await answer.read()
        result = await asyncio.to_thread(finish, process)
    assert result.status == 0
    assert "1 requests are cut off" in result.err


@asynccontextmanager
async def running(source: Any) -> AsyncIterator[SpeechServer]:
    server = SpeechServer(source=source)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def events_of(socket: aiohttp.ClientWebSocketResponse) -> list[dict[str, Any]]:
    return [json.loads(message.data) async for message in socket]


async def test_a_session_ends_behind_what_it_is_saying_and_is_told_that_the_server_goes_away() -> None:
    halting = Halting()
    async with (
        service_serving(halting) as service,
        running(OpenAISource(base_url=service.base, api_key="none")) as server,
        aiohttp.ClientSession() as client,
        client.ws_connect(f"{server.base_url}/realtime") as idle,
        client.ws_connect(f"{server.base_url}/realtime") as socket,
        asyncio.timeout(PATIENCE),
    ):
        await socket.send_json(NEW)
        while (await socket.receive_json())["type"] != "response.output_audio.delta":
            pass
        draining = asyncio.create_task(server.drain(PATIENCE))
        assert [event["type"] for event in await events_of(idle)] == ["session.created"]
        await socket.send_json({**NEW, "event_id": "late"})
        while (refused := await socket.receive_json())["type"] != "error":
            pass
        halting.go_on.set()
        last = (await events_of(socket))[-1]
        assert await draining == 0
    assert (idle.close_code, socket.close_code) == (1001, 1001)
    assert (refused["error"]["code"], refused["error"]["event_id"]) == ("server_going_away", "late")
    assert (last["type"], last["response"]["status"]) == ("response.done", "completed")


async def test_a_new_session_is_refused_while_it_goes_away() -> None:
    async with running(ScriptedSource([])) as server, aiohttp.ClientSession() as client:
        assert await server.drain(1) == 0
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await client.ws_connect(f"{server.base_url}/realtime")
        assert caught.value.status == 503


async def test_a_client_that_reads_slowly_gets_all_before_the_drain_ends() -> None:
    source = ScriptedSource([(0.0, page) for page in pages(spoken(30.0, packets_per_page=50))])
    async with running(source) as server:
        request = json.dumps({**OPUS, "response_format": "wav"}).encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.bound_port, limit=1 << 12)
        writer.write(b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(request), request))
        first = await reader.read(100)
        draining = asyncio.create_task(server.drain(PATIENCE))
        body = first
        while part := await reader.read(1 << 16):
            body += part
            await asyncio.sleep(0)
        writer.close()
        assert await draining == 0
    assert body.endswith(b"0\r\n\r\n")


async def test_a_server_that_has_drained_may_be_started_again() -> None:
    async with running(ScriptedSource([])) as server, aiohttp.ClientSession() as client:
        await server.drain(1)
        await server.stop()
        await server.start()
        async with client.get(f"{root(server.base_url)}/ready") as answer:
            assert answer.status == 200
