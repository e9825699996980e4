"""Which web pages may use the endpoint."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from oggstream.endpoint.browsers import Browsers, is_local_name, normal_origin
from oggstream.endpoint.server import SpeechServer
from oggstream.errors import ConfigError
from patience import PATIENCE

GOOD, BAD = "https://example.org", "https://evil.example"
OPUS = {"response_format": "opus"}
PATHS = [
    ("POST", "/v1/audio/speech"),
    ("GET", "/v1/models"),
    ("GET", "/health"),
    ("GET", "/v1/realtime"),
    ("GET", "/x"),
]


@asynccontextmanager
async def asking(**settings: Any) -> AsyncIterator[tuple[SpeechServer, aiohttp.ClientSession]]:
    server = SpeechServer(**settings)
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.bound_port}") as client:
            yield server, client
    finally:
        await server.stop()


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    ("header", "code"),
    [
        ({"Host": "evil.example"}, "host_not_allowed"),
        ({"Host": "localhost.evil.example:80"}, "host_not_allowed"),
        ({"Host": "127.0.0.1.evil.example"}, "host_not_allowed"),
        ({"Host": "[::1"}, "host_not_allowed"),
        ({"Host": ""}, "host_not_allowed"),
        ({"Origin": BAD}, "origin_not_allowed"),
        ({"Origin": "null"}, "origin_not_allowed"),
        ({"Origin": f"{GOOD}.evil.example"}, "origin_not_allowed"),
    ],
)
async def test_pages_that_were_not_named_get_nothing(method: str, path: str, header: dict[str, str], code: str) -> None:
    async with (
        asking(origins=[GOOD]) as (_, client),
        client.request(method, path, headers=header, data=b"{}") as answer,
    ):
        assert answer.status == 403
        assert (await answer.json())["error"]["code"] == code
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    "host", ["localhost:1", "LOCALHOST", "127.0.0.1", "[::1]:80", "192.0.2.7", "a.localhost", "example.org"]
)
async def test_this_machine_and_what_was_named_are_known(host: str) -> None:
    async with asking(origins=[GOOD]) as (_, client), client.get("/health", headers={"Host": host}) as answer:
        assert answer.status == 200


@pytest.mark.parametrize(("version", "status"), [("1.0", b"200"), ("1.1", b"400")])
async def test_a_balancers_check_by_http_1_0_needs_no_host(version: str, status: bytes) -> None:
    async with asking() as (server, _), asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.bound_port)
        writer.write(f"GET /ready HTTP/{version}\r\nConnection: close\r\n\r\n".encode())
        assert (await reader.read()).split(maxsplit=2)[1] == status
        writer.close()


async def test_a_named_page_reads_the_speech_and_its_preflight_needs_no_key() -> None:
    async with asking(origins=[GOOD], key="k") as (_, client):
        ask = {
            "Origin": GOOD,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization",
        }
        async with client.options("/v1/audio/speech", headers=ask) as answer:
            assert answer.status == 204
            assert answer.headers["Access-Control-Allow-Origin"] == GOOD
            assert answer.headers["Access-Control-Allow-Headers"] == "authorization"
        async with client.options("/v1/audio/speech", headers={**ask, "Origin": BAD}) as answer:
            assert answer.status == 403
        headers = {"Origin": GOOD, "Authorization": "Bearer k"}
        async with client.post("/v1/audio/speech", json={"input": "Hi.", **OPUS}, headers=headers) as answer:
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == GOOD
            assert (await answer.read()).startswith(b"OggS")
        async with client.post("/v1/audio/speech", headers={"Origin": GOOD}) as answer:
            assert answer.status == 401
            assert json.loads(await answer.text())["error"]


async def test_a_socket_of_a_page_that_was_not_named_is_refused() -> None:
    async with asking(origins=[GOOD]) as (_, client):
        with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
            await client.ws_connect("/v1/realtime", origin=BAD)
        async with client.ws_connect("/v1/realtime", origin=GOOD) as socket:
            assert (await socket.receive_json())["type"] == "session.created"


async def test_beyond_loopback_a_key_is_wanted_and_then_any_name_will_do() -> None:
    with pytest.raises(ConfigError, match="other machines could use 0"):
        await SpeechServer("0.0.0.0").start()
    async with (
        asking(host="0.0.0.0", key="k") as (_, client),
        client.get("/v1/models", headers={"Host": "box.example", "Authorization": "Bearer k"}) as answer,
    ):
        assert answer.status == 200


def test_a_page_of_the_server_itself_may_use_it() -> None:
    browsers = Browsers((), (), any_name=False)
    assert browsers.allows(["http://127.0.0.1:8880"], "127.0.0.1:8880")
    assert not browsers.allows(["http://127.0.0.1:8881"], "127.0.0.1:8880")
    assert not browsers.allows([GOOD, GOOD], "127.0.0.1:8880")
    assert not browsers.knows_host(["localhost", "evil.example"])
    assert Browsers(["*"], (), any_name=False).allows([BAD], "localhost")


def test_origins_are_compared_as_browsers_write_them() -> None:
    assert normal_origin("HTTPS://Example.org:443/") == "https://example.org"
    assert normal_origin("http://example.org:8080") == "http://example.org:8080"
    assert not is_local_name("localhost.example")


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_the_page_of_a_room_may_listen_with_tls_and_without(scheme: str) -> None:
    async with asking(rooms=1) as (server, client):
        headers = {"Origin": f"{scheme}://127.0.0.1:{server.bound_port}"}
        async with client.ws_connect("/v1/live/kitchen/packets?open", headers=headers):
            assert server.rooms.listeners == 1
