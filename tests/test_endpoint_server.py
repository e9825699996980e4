"""The speech endpoint: OpenAI's requests, answers and errors, over real HTTP."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from typing import Any

import aiohttp
import pytest

from oggstream.endpoint import speaker
from oggstream.endpoint.server import SpeechServer
from oggstream.errors import ConfigError, LibraryError, ServerError
from oggstream.opus.opus_reader import OpusReader
from oggstream.sources.offline_voice import OfflineVoice
from oggstream.voice import pools, synthesis
from patience import PATIENCE

LONG = "The quick brown fox jumps over the lazy dog. " * 90


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    server = SpeechServer()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


def speaking() -> bool:
    return any(thread.name == "oggstream-voice" for thread in threading.enumerate())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - a thread has no asyncio.Event
            await asyncio.sleep(0.005)


def speech(client: aiohttp.ClientSession, server: SpeechServer, **fields: Any) -> Any:
    return client.post(
        f"{server.base_url}/audio/speech", json={"model": "tts-1", "voice": "nova", "input": "Hi.", **fields}
    )


async def test_speech_comes_as_chunked_ogg_opus(client: aiohttp.ClientSession, server: SpeechServer) -> None:
    async with speech(client, server, response_format="opus") as response:
        assert response.status == 200
        assert response.headers["Content-Type"] == "audio/ogg"
        assert response.headers["Transfer-Encoding"] == "chunked"
        assert response.headers["x-request-id"].startswith("req_")
        reader = OpusReader()
        reader.feed(await response.read())
        reader.finish()
        assert reader.stats.packets > 10
        assert reader.stats.pages >= 3


@pytest.mark.parametrize(
    ("name", "kind", "start"),
    [
        ("", "audio/mpeg", b"ID3"),
        ("mp3", "audio/mpeg", b"ID3"),
        ("aac", "audio/aac", b"\xff\xf1"),
        ("flac", "audio/flac", b"fLaC"),
        ("wav", "audio/wav", b"RIFF"),
        ("pcm", "audio/pcm", b""),
    ],
)
async def test_each_format_comes_when_asked_for_and_mp3_unasked(
    client: aiohttp.ClientSession, server: SpeechServer, name: str, kind: str, start: bytes
) -> None:
    async with speech(client, server, response_format=name) as response:
        assert response.headers["Content-Type"] == kind
        body = await response.read()
        assert body.startswith(start)
        assert len(body) > 3000


async def test_events_carry_the_same_audio(client: aiohttp.ClientSession, server: SpeechServer) -> None:
    async with speech(client, server, stream_format="sse", response_format="opus") as response:
        assert response.headers["Content-Type"] == "text/event-stream"
        events = [json.loads(line[6:]) async for line in response.content if line.startswith(b"data: ")]
    assert events[-1] == {
        "type": "speech.audio.done",
        "usage": {"input_tokens": 3, "output_tokens": 0, "total_tokens": 3},
    }
    assert {event["type"] for event in events[:-1]} == {"speech.audio.delta"}
    reader = OpusReader()
    reader.feed(b"".join(b64decode(event["audio"]) for event in events[:-1]))
    reader.finish()
    assert reader.stats.packets > 10


async def test_every_request_has_its_own_id(client: aiohttp.ClientSession, server: SpeechServer) -> None:
    ids = set()
    for _ in range(3):
        async with speech(client, server, input="") as response:
            ids.add(response.headers["x-request-id"])
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"voice": "nobody", "strict": True}, "voice"),
        ({"speed": 9}, "speed"),
        ({"response_format": "ogg"}, "response_format"),
    ],
)
async def test_faults_of_the_request_are_told_in_openais_shape(
    client: aiohttp.ClientSession, server: SpeechServer, fields: dict[str, Any], param: str
) -> None:
    async with speech(client, server, **fields) as response:
        assert response.status == 400
        assert response.content_type == "application/json"
        error = (await response.json())["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["code"]


@pytest.mark.parametrize(
    ("request_line", "data", "status", "message"),
    [
        ("POST /v1/audio/speech", b"{", 400, "could not parse the JSON"),
        ("POST /v1/audio/speech", b" " * 1_100_000, 413, "it may have 1048576 bytes"),
        ("GET /v1/audio/speech", b"", 405, "GET /v1/audio/speech"),
        ("POST /v1/audio/sing", b"{}", 404, "Invalid URL (POST /v1/audio/sing)"),
    ],
)
async def test_http_faults_have_that_shape_too(
    server: SpeechServer, request_line: str, data: bytes, status: int, message: str
) -> None:
    method, path = request_line.split()
    url = server.base_url.removesuffix("/v1") + path
    async with aiohttp.request(method, url, data=BytesIO(data) if data else None) as response:
        assert response.status == status
        error = (await response.json())["error"]
        assert message in error["message"]
        assert set(error) == {"message", "type", "param", "code"}
        assert response.headers["x-request-id"]
        assert response.headers.get("Allow") == ("POST" if status == 405 else None)


async def test_models_and_health_answer(client: aiohttp.ClientSession, server: SpeechServer) -> None:
    async with client.get(f"{server.base_url}/models") as response:
        models = await response.json()
    assert models["object"] == "list"
    assert [model["id"] for model in models["data"]] == ["offline", "gpt-4o-mini-tts", "tts-1", "tts-1-hd"]
    async with client.get(server.base_url.removesuffix("/v1") + "/health") as response:
        health = await response.json()
    assert health["status"] == "ok"
    assert health["source"] == "offline"


async def test_a_client_that_goes_away_stops_the_synthesis(client: aiohttp.ClientSession, server: SpeechServer) -> None:
    response = await speech(client, server, input=LONG, speed=0.5)
    await response.content.readany()
    await until(speaking)
    response.close()
    await until(lambda: not speaking() and not len(server.under_way))


async def test_stopping_cuts_off_what_is_said(client: aiohttp.ClientSession) -> None:
    server = SpeechServer()
    await server.start()
    response = await speech(client, server, input=LONG, speed=0.5)
    await response.content.readany()
    await server.stop()
    assert not speaking()
    with pytest.raises(aiohttp.ClientPayloadError):
        await response.read()
    await server.stop()


async def test_a_server_may_be_started_again(client: aiohttp.ClientSession) -> None:
    server = SpeechServer()
    for _ in range(2):
        await server.start()
        url = server.base_url
        await server.start()  # changes nothing
        assert server.base_url == url
        async with speech(client, server) as response:
            assert response.status == 200
        await server.stop()


async def test_a_port_that_is_taken_is_an_error_of_one_line(server: SpeechServer) -> None:
    port = int(server.base_url.split(":")[2].removesuffix("/v1"))
    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1 port {port}") as caught:
        await SpeechServer(port=port).start()
    assert "\n" not in str(caught.value)


async def test_without_the_library_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    async def missing(*_: object) -> None:
        raise LibraryError("no espeak-ng")

    monkeypatch.setattr(synthesis, "load", missing)
    with pytest.raises(LibraryError, match="no espeak-ng"):
        await SpeechServer().start()


def failing(parts: list[bytes]) -> Callable[..., AsyncIterator[bytes]]:
    async def stream(*_: object) -> AsyncIterator[bytes]:
        for part in parts:
            yield part
        raise ServerError("espeak-ng failed")

    return stream


async def test_a_failure_before_the_first_byte_is_a_server_error(
    client: aiohttp.ClientSession, server: SpeechServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker, "stream_bytes", failing([]))
    async with speech(client, server) as response:
        assert response.status == 502
        error = (await response.json())["error"]
    assert error == {"message": "espeak-ng failed", "type": "server_error", "param": None, "code": None}


async def test_a_failure_in_mid_speech_breaks_the_body_off(
    client: aiohttp.ClientSession, server: SpeechServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaker, "stream_bytes", failing([b"OggS"]))
    with pytest.raises(aiohttp.ClientError):
        async with speech(client, server) as response:
            await response.read()


async def test_a_connection_lost_while_writing_is_no_error(
    client: aiohttp.ClientSession, server: SpeechServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object, **__: object) -> AsyncIterator[bytes]:
        yield b"OggS"
        raise ConnectionResetError

    monkeypatch.setattr(speaker, "stream_bytes", gone)
    async with speech(client, server) as response:
        assert await response.read() == b"OggS"


def test_the_base_url_of_an_ipv6_host_has_brackets() -> None:
    assert SpeechServer("::1", 80).base_url == "http://[::1]:80/v1"


async def test_the_official_client_is_served(server: SpeechServer) -> None:
    openai = pytest.importorskip("openai")
    async with openai.AsyncOpenAI(api_key="none", base_url=server.base_url, max_retries=0) as client:
        answer = await client.audio.speech.create(model="tts-1", voice="coral", input="Hi.", response_format="opus")
        assert answer.content.startswith(b"OggS")
        assert (await client.audio.speech.create(model="tts-1", voice="coral", input="Hi.")).content[:3] == b"ID3"
        with pytest.raises(openai.BadRequestError) as caught:
            await client.audio.speech.create(model="tts-1", voice="coral", input="Hi.", response_format="ogg")
    assert (caught.value.param, caught.value.code) == ("response_format", "invalid_value")
    assert caught.value.request_id


def test_importing_it_loads_neither_aiohttp_nor_numpy_nor_a_library() -> None:
    program = (
        "import sys, oggstream.endpoint.server, oggstream.sources.offline_voice\n"
        "print([name for name in ('aiohttp', 'numpy', 'soxr', 'opuslib', 'espeakng_loader') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_a_voice_of_this_machine_speaks_for_as_many_at_once_whoever_made_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools.Pool, "size", 0)
    server = SpeechServer(source=OfflineVoice("espeak"), jobs=1)
    await server.start()
    await server.stop()
    assert pools.Pool.size == 1
