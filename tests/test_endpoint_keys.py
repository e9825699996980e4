"""Keys of the endpoint: several, with names, shown in the ways that clients have."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from oggstream.endpoint.keys import Keys, read_keys
from oggstream.endpoint.server import SpeechServer
from oggstream.errors import ConfigError
from scripted import ScriptedSource, every, pages, spoken

KEYS = {"kitchen": "k-3f9a1c", "office": "k-77b2d0"}


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    server = SpeechServer(source=ScriptedSource(every(0, pages(spoken(0.2)))), keys=KEYS)
    await server.start()
    yield server
    await server.stop()


async def status(server: SpeechServer, headers: dict[str, str], path: str = "/models") -> int:
    async with aiohttp.request("GET", server.base_url + path, headers=headers) as response:
        return response.status


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer k-3f9a1c"},
        {"Authorization": "bearer  k-77b2d0 "},
        {"api-key": "k-77b2d0"},
        {"X-Api-Key": "k-3f9a1c"},
        {"Authorization": "Bearer none", "api-key": "k-3f9a1c"},
        {"Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.k-3f9a1c"},
    ],
)
async def test_a_key_is_taken_wherever_clients_put_it(server: SpeechServer, headers: dict[str, str]) -> None:
    assert await status(server, headers) == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer k-3f9a1"},
        {"Authorization": "Basic k-3f9a1c"},
        {"api-key": ""},
        {"Sec-WebSocket-Protocol": "k-3f9a1c"},
    ],
)
async def test_anything_else_is_refused(server: SpeechServer, headers: dict[str, str]) -> None:
    assert await status(server, headers) == 401


async def test_whether_it_lives_needs_no_key(server: SpeechServer) -> None:
    for path in ("health", "health/", "ready"):
        async with aiohttp.request("GET", f"{server.base_url.removesuffix('/v1')}/{path}") as response:
            assert response.status == 200


async def test_a_browsers_websocket_shows_its_key_as_a_subprotocol_and_hears_realtime_back(
    server: SpeechServer,
) -> None:
    protocols = ("realtime", "openai-insecure-api-key.k-3f9a1c", "openai-beta.realtime-v1")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{server.base_url}/realtime", protocols=protocols) as socket,
    ):
        assert socket.protocol == "realtime"
        assert (await socket.receive_json())["type"] == "session.created"


def test_the_owner_of_a_key_has_a_name() -> None:
    keys = Keys(KEYS)
    assert keys.owner([b"k-77b2d0"]) == "office"
    assert keys.owner([b"", b"k-3f9a1c"]) == "kitchen"
    assert keys.owner([]) is None


@pytest.mark.parametrize("key", ["", "two words", "schlüssel", "a\tb"])
def test_a_key_that_no_header_can_hold_is_an_error_that_does_not_repeat_it(key: str) -> None:
    with pytest.raises(ConfigError, match="the key 'office' cannot be sent") as caught:
        Keys({"office": key})
    assert not key or key not in str(caught.value)


def test_a_file_of_keys_has_names_comments_and_keys_alone() -> None:
    lines = ["# ours", "", "kitchen: k-1", "k-2  ", "office : k-3"]
    assert read_keys(lines) == {"kitchen": "k-1", "line 4": "k-2", "office": "k-3"}
