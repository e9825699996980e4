"""The speech endpoint under load, behind a key, and with the official client at the other end."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from oggstream.endpoint import asked, speaker, speech_answer
from oggstream.endpoint.server import SpeechServer
from oggstream.errors import ConfigError
from oggstream.opus.opus_reader import OpusReader
from patience import PATIENCE

OPUS = {"response_format": "opus"}
KEY = "a-key-of-this-server"
TEXT = "The quick brown fox jumps over the lazy dog, and then it rests. "
CLIENTS = 20


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[SpeechServer]:
    server = SpeechServer(**settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        yield session


class Synthesis:
    """Stands in for `stream_bytes`: says ``b"begun"``, then waits to be let on."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.go_on = asyncio.Event()

    async def __call__(self, text: str, *_: object) -> AsyncIterator[bytes]:
        self.begun.append(text)
        yield b"begun"
        await self.go_on.wait()
        yield b"ended"


@pytest.fixture
async def synthesis(monkeypatch: pytest.MonkeyPatch) -> Synthesis:
    stand_in = Synthesis()
    monkeypatch.setattr(speaker, "stream_bytes", stand_in)
    return stand_in


def ask(client: aiohttp.ClientSession, server: SpeechServer, text: str = "Hi.", **headers: str) -> Any:
    return client.post(f"{server.base_url}/audio/speech", json={"input": text, **OPUS}, headers=headers)


async def answer(client: aiohttp.ClientSession, server: SpeechServer, text: str) -> tuple[int, bytes]:
    async with ask(client, server, text) as response:
        return response.status, await response.read()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - it happens inside aiohttp
            await asyncio.sleep(0.002)


async def health(client: aiohttp.ClientSession, server: SpeechServer) -> dict[str, Any]:
    async with client.get(f"{server.base_url.removesuffix('/v1')}/health") as response:
        told: dict[str, Any] = await response.json()
        return told


async def test_beyond_jobs_and_queue_a_client_is_turned_away_and_the_others_are_served_in_turn(
    client: aiohttp.ClientSession, synthesis: Synthesis
) -> None:
    async with running(jobs=2, queue=1) as server:
        asked = []
        for number in range(3):
            asked.append(asyncio.create_task(answer(client, server, f"{number}")))
            await until(lambda: server.jobs.running + server.jobs.waiting == len(asked))
        assert synthesis.begun == ["0", "1"]
        told = await health(client, server)
        assert (told["running"], told["waiting"]) == (2, 1)
        async with ask(client, server) as refused:
            assert refused.status == 429
            assert refused.headers["Retry-After"] == "1"
            error = (await refused.json())["error"]
        assert (error["type"], error["param"], error["code"]) == ("requests", None, "rate_limit_exceeded")
        synthesis.go_on.set()
        assert await asyncio.gather(*asked) == [(200, b"begunended")] * 3
        assert synthesis.begun == ["0", "1", "2"]


async def test_a_client_that_leaves_the_queue_is_never_spoken_for(
    client: aiohttp.ClientSession, synthesis: Synthesis
) -> None:
    async with running(jobs=1, queue=1) as server:
        first = asyncio.create_task(answer(client, server, "first"))
        await until(lambda: server.jobs.running == 1)
        waiting = asyncio.create_task(answer(client, server, "gone"))
        await until(lambda: server.jobs.waiting == 1)
        waiting.cancel()
        await until(lambda: server.jobs.waiting == 0)
        synthesis.go_on.set()
        assert await first == (200, b"begunended")
        assert synthesis.begun == ["first"]


async def test_stopping_cuts_off_those_who_wait_as_well(client: aiohttp.ClientSession, synthesis: Synthesis) -> None:
    async with running(jobs=1, queue=9) as server:
        asked = [asyncio.create_task(answer(client, server, "x")) for _ in range(5)]
        await until(lambda: server.jobs.waiting == 4)
    assert all(isinstance(left, aiohttp.ClientError) for left in await asyncio.gather(*asked, return_exceptions=True))
    assert synthesis.begun == ["x"]


async def test_twenty_clients_at_once_are_all_served_whole(client: aiohttp.ClientSession) -> None:
    async with running() as server:
        bodies = await asyncio.gather(*(answer(client, server, TEXT) for _ in range(CLIENTS)))
    assert {status for status, _ in bodies} == {200}
    assert len({_packets(body) for _, body in bodies}) == 1


def _packets(body: bytes) -> int:
    reader = OpusReader()
    reader.feed(body)
    reader.finish()
    assert reader.stats.packets > 100
    assert not reader.stats.warnings
    return reader.stats.packets


async def test_a_client_that_reads_no_further_loses_its_job(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_answer, "UNREAD_SECONDS", 0.2)
    async with running(jobs=1, queue=0) as server:
        with socket.create_connection(("127.0.0.1", server.bound_port)) as connection:
            body = json.dumps({"input": TEXT * 60, "response_format": "pcm", "speed": 0.25}).encode()
            head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall(head.encode() + body)
            await until(lambda: server.jobs.running == 1)
            await until(lambda: server.jobs.running == 0)
        async with ask(client, server) as response:
            assert response.status == 200


async def test_a_body_that_does_not_come_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "REQUEST_SECONDS", 0.1)
    async with running() as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.bound_port)
        writer.write(b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\n{")
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, None),
        ("Bearer ", None),
        ("Basic YTpi", None),
        ("Bearer \xff", "invalid_api_key"),
        (f"Bearer {KEY}x", "invalid_api_key"),
        (f"Bearer {KEY[:-1]}", "invalid_api_key"),
    ],
)
async def test_without_the_key_nothing_is_served_and_the_key_that_came_is_not_repeated(
    client: aiohttp.ClientSession, header: str | None, code: str | None
) -> None:
    async with running(key=KEY) as server:
        headers = {} if header is None else {"Authorization": header}
        for method, path in (("POST", "/audio/speech"), ("GET", "/models"), ("GET", "/nothing")):
            async with client.request(method, server.base_url + path, headers=headers) as response:
                assert response.status == 401
                assert response.headers["WWW-Authenticate"] == "Bearer"
                error = (await response.json())["error"]
            assert (error["type"], error["code"]) == ("invalid_request_error", code)
            assert KEY[:-1] not in error["message"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
async def test_with_the_key_everything_is(client: aiohttp.ClientSession, scheme: str) -> None:
    async with running(key=KEY) as server:
        async with ask(client, server, Authorization=f"{scheme} {KEY}") as response:
            assert response.status == 200
        assert (await health(client, server))["status"] == "ok"


async def test_a_model_is_told_by_name(client: aiohttp.ClientSession) -> None:
    async with running() as server:
        async with client.get(f"{server.base_url}/models/offline") as response:
            assert (await response.json())["id"] == "offline"
        async with client.get(f"{server.base_url}/models/tts-9") as response:
            assert response.status == 404
            assert (await response.json())["error"]["code"] == "model_not_found"


@pytest.mark.parametrize(("host", "is_open"), [("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)])
async def test_it_knows_whether_others_may_reach_it(host: str, is_open: bool) -> None:
    async with running(host=host, key=KEY) as server:
        assert server.is_open is is_open
        assert "0.0.0.0" not in server.base_url


@pytest.mark.parametrize(
    ("host", "says"),
    [("192.0.2.1", "no such address"), ("nobody.invalid", "check the name"), ("x" * 70, "check the name")],
)
async def test_a_host_that_cannot_be_listened_on_says_what_to_do(host: str, says: str) -> None:
    with pytest.raises(ConfigError, match=f"cannot listen on {host} port 0: .*{says}"):
        await SpeechServer(host, key=KEY).start()


async def test_a_port_in_use_says_what_to_do() -> None:
    async with running() as server:
        with pytest.raises(ConfigError, match="it is in use; stop the program that listens there, or choose another"):
            await SpeechServer(port=server.bound_port).start()


class InThread:
    """A server in a loop of its own, for clients that block."""

    def __init__(self, **settings: Any) -> None:
        self.server = SpeechServer(**settings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> SpeechServer:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(10)
        return self.server

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="module")
def server_with_key() -> Iterator[SpeechServer]:
    with InThread(key=KEY, jobs=1, queue=0) as server:
        yield server


@pytest.fixture(scope="module")
def openai() -> Any:
    return pytest.importorskip("openai")


@pytest.mark.parametrize(
    ("form", "starts"), [("opus", b"OggS"), ("wav", b"RIFF"), ("pcm", b"")], ids=["opus", "wav", "pcm"]
)
async def test_the_official_client_streams_each_format(
    openai: Any, server_with_key: SpeechServer, form: str, starts: bytes
) -> None:
    create = {"model": "tts-1", "voice": "coral", "input": "Hello.", "response_format": form}
    async with (
        openai.AsyncOpenAI(api_key=KEY, base_url=server_with_key.base_url) as client,
        client.audio.speech.with_streaming_response.create(**create) as response,
    ):
        assert response.request_id.startswith("req_")
        chunks = [chunk async for chunk in response.iter_bytes()]
    assert b"".join(chunks).startswith(starts)
    assert sum(map(len, chunks)) > 3000


def test_the_official_client_that_blocks_streams_as_well(openai: Any, server_with_key: SpeechServer) -> None:
    create = {"model": "tts-1", "voice": "coral", "input": "Hello.", **OPUS}
    with (
        openai.OpenAI(api_key=KEY, base_url=server_with_key.base_url) as client,
        client.audio.speech.with_streaming_response.create(**create) as response,
    ):
        assert b"".join(response.iter_bytes()).startswith(b"OggS")


def test_the_official_client_lists_the_models(openai: Any, server_with_key: SpeechServer) -> None:
    with openai.OpenAI(api_key=KEY, base_url=server_with_key.base_url) as client:
        assert [model.id for model in client.models.list()][:2] == ["offline", "gpt-4o-mini-tts"]
        assert client.models.retrieve("offline").owned_by == "oggstream"


def test_faults_are_the_official_clients_own_exceptions(openai: Any, server_with_key: SpeechServer) -> None:
    def create(key: str = KEY, path: str = "", **fields: Any) -> None:
        with openai.OpenAI(api_key=key, base_url=server_with_key.base_url + path, max_retries=0) as client:
            client.audio.speech.create(**{"model": "tts-1", "voice": "coral", "input": "Hi.", **fields})

    with pytest.raises(openai.AuthenticationError, match="Incorrect API key") as caught:
        create("sk-another-key-that-is-wrong")
    assert caught.value.code == "invalid_api_key"
    with pytest.raises(openai.BadRequestError) as caught:
        create(input="")
    assert (caught.value.param, caught.value.code) == ("input", "string_below_min_length")
    with pytest.raises(openai.BadRequestError, match="'mp3'"):
        create(response_format="ogg")
    with pytest.raises(openai.NotFoundError):
        create(path="/nothing")
    with pytest.raises(openai.APIStatusError) as caught:
        create(instructions="x" * 1_100_000)
    assert caught.value.status_code == 413


async def test_the_official_client_waits_as_told_and_is_served_then(openai: Any, synthesis: Synthesis) -> None:
    async with running(jobs=1, queue=0) as server, aiohttp.ClientSession() as other:
        first = asyncio.create_task(answer(other, server, "first"))
        await until(lambda: server.jobs.running == 1)
        create = {"model": "tts-1", "voice": "coral", "input": "second", **OPUS}
        async with openai.AsyncOpenAI(api_key="none", base_url=server.base_url) as client:
            with pytest.raises(openai.RateLimitError) as caught:
                await client.with_options(max_retries=0).audio.speech.create(**create)
            assert caught.value.response.headers["retry-after"] == "1"
            second = asyncio.create_task(client.audio.speech.create(**create))
            synthesis.go_on.set()
            assert (await second).content == b"begunended"
        assert await first == (200, b"begunended")
