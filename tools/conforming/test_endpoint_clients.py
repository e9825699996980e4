"""The clients that people have, at our endpoint in front of a service: each gets sound that decodes.

Those that are no packages (Open WebUI, LibreChat, Home Assistant's openai_tts, voice-mode) are represented by the
requests that their sources send.
"""

from __future__ import annotations

import asyncio
import io
import json
import queue
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import Request, urlopen

import aiohttp
import av
import numpy as np
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, AuthenticationError, BadRequestError, OpenAI

from oggstream.endpoint.server import SpeechServer
from oggstream.sources.traits import SourceTraits
from oggstream.voice.engine import VoiceInfo
from scripted import ScriptedSource, every, pages, spoken

SECONDS = 2.0
KEY = "key-of-a-test"
TEXT = "The endpoint speaks to everybody."
NODE_PACKAGES = ("openai@6.49.0", "ws@8.23.0")
REALTIMETTS = "realtimetts==0.8.10"


class Service(ScriptedSource):
    """A service of Ogg Opus with two voices."""

    def __init__(self) -> None:
        super().__init__(every(0, pages(spoken(SECONDS, packets_per_page=5))))
        self.traits = SourceTraits(name="service", model="own-1")

    async def voices(self) -> list[VoiceInfo]:
        return [VoiceInfo("anna"), VoiceInfo("bert")]


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    server = SpeechServer(source=Service(), key=KEY, origins=["https://page.example"])
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def url(server: SpeechServer) -> str:
    return server.base_url


@pytest.fixture
async def openai(url: str) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=KEY, base_url=url, max_retries=0) as client:
        yield client


def check(audio: bytes, name: str = "mp3") -> None:
    """It is in the format ``name``, and lasts as long as the service spoke."""
    samples: Any
    if name == "pcm":
        samples, rate = np.frombuffer(audio, np.int16), 24000
    else:
        with av.open(io.BytesIO(audio), "r") as container:
            wanted = {"opus": "ogg", "aac": "aac"}.get(name, name)
            assert container.format.name == wanted
            parts = [frame.to_ndarray() for frame in container.decode(audio=0)]
            rate = container.streams.audio[0].rate
            samples = np.concatenate(parts, axis=1).ravel()
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.1)
    assert np.abs(samples).max() > 0


# openai, Python


async def test_openai_that_names_no_format_gets_mp3(openai: AsyncOpenAI) -> None:
    response = await openai.audio.speech.create(model="gpt-4o-mini-tts", voice="coral", input=TEXT)
    check(response.content)


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
async def test_openai_streams_each_format(openai: AsyncOpenAI, name: Any) -> None:
    async with openai.audio.speech.with_streaming_response.create(
        model="tts-1", voice="alloy", input=TEXT, response_format=name
    ) as response:
        parts = [part async for part in response.iter_bytes(1024)]
    check(b"".join(parts), name)


async def test_openai_gets_the_sound_in_events(openai: AsyncOpenAI) -> None:
    from base64 import b64decode

    async with openai.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="sage", input=TEXT, response_format="wav", stream_format="sse"
    ) as response:
        events = [json.loads(line[6:]) async for line in response.iter_lines() if line.startswith("data: ")]
    assert events[-1]["type"] == "speech.audio.done"
    check(b"".join(b64decode(event["audio"]) for event in events[:-1]), "wav")


async def test_openai_without_asyncio(url: str) -> None:
    def speak() -> bytes:
        with OpenAI(api_key=KEY, base_url=url + "/") as client:
            return client.audio.speech.create(model="tts-1-hd", voice="nova", input=TEXT, speed=1.2).content

    check(await asyncio.to_thread(speak))


async def test_openai_lists_models_and_asks_for_a_custom_voice(openai: AsyncOpenAI) -> None:
    assert {model.id async for model in openai.models.list()} >= {"own-1", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"}
    assert (await openai.models.retrieve("tts-1")).id == "tts-1"
    response = await openai.audio.speech.create(model="own-1", voice={"id": "bert"}, input=TEXT)
    check(response.content)


async def test_openai_is_told_what_is_wrong_in_its_own_errors(openai: AsyncOpenAI, url: str) -> None:
    with pytest.raises(BadRequestError, match="response_format"):
        await openai.audio.speech.create(model="tts-1", voice="alloy", input=TEXT, response_format="ogg")  # type: ignore[arg-type]
    async with AsyncOpenAI(api_key="another", base_url=url) as stranger:
        with pytest.raises(AuthenticationError):
            await stranger.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)


@pytest.mark.parametrize("deployment", [None, "my-tts"])
async def test_azures_client(url: str, deployment: str | None) -> None:
    async with AsyncAzureOpenAI(
        api_key=KEY,
        azure_endpoint=url.removesuffix("/v1"),
        api_version="2025-04-01-preview",
        azure_deployment=deployment,
    ) as client:
        response = await client.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
    check(response.content)


async def test_openai_speaks_over_realtime(openai: AsyncOpenAI) -> None:
    from base64 import b64decode

    heard = b""
    async with openai.realtime.connect(model="gpt-realtime") as connection:
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": TEXT}]}
        wanted: Any = {"conversation": "none", "input": [item]}
        await connection.response.create(response=wanted)
        async for event in connection:
            if event.type == "response.output_audio.delta":
                heard += b64decode(event.delta)
            elif event.type == "response.done":
                break
            assert event.type != "error", event
    check(heard, "pcm")


# Node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the packages of npm."""
    if shutil.which("npm") is None:
        pytest.skip("no npm here: install Node.js")
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"type": "module"}')
    subprocess.run(["npm", "install", "--silent", *NODE_PACKAGES], cwd=folder, check=True, timeout=300)
    return folder


async def run_node(folder: Path, program: str, *arguments: str) -> bytes:
    path = folder / "program.mjs"
    path.write_text(program)
    process = await asyncio.create_subprocess_exec("node", path, *arguments, stdout=subprocess.PIPE)
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output


OPENAI_NODE = """
import OpenAI from 'openai';
const [baseURL, apiKey, input, format] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey });
const wanted = { model: 'tts-1', voice: 'alloy', input };
const response = await client.audio.speech.create(format ? { ...wanted, response_format: format } : wanted);
process.stdout.write(Buffer.from(await response.arrayBuffer()));
"""
WS_NODE = """
import WebSocket from 'ws';
const [url, key, text, headers] = process.argv.slice(2);
const protocols = ['realtime', 'openai-insecure-api-key.' + key];
const socket = new WebSocket(url, protocols, { headers: JSON.parse(headers) });
const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
socket.on('open', () => socket.send(JSON.stringify({ type: 'response.create', response: { input: [item] } })));
socket.on('message', (data) => {
  const event = JSON.parse(data);
  if (event.type === 'error') { console.error(event); process.exit(1); }
  if (event.type === 'response.output_audio.delta') process.stdout.write(Buffer.from(event.delta, 'base64'));
  if (event.type === 'response.done') socket.close();
});
socket.on('error', (error) => { console.error(error); process.exit(1); });
"""


@pytest.mark.parametrize("name", ["", "opus", "wav"])
async def test_openai_of_npm(node: Path, url: str, name: str) -> None:
    check(await run_node(node, OPENAI_NODE, url, KEY, TEXT, name), name or "mp3")


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://page.example"}], ids=["program", "page"])
async def test_ws_of_npm_and_browsers_name_the_key_as_a_subprotocol(
    node: Path, url: str, headers: dict[str, str]
) -> None:
    place = url.replace("http", "ws", 1) + "/realtime?model=gpt-realtime"
    check(await run_node(node, WS_NODE, place, KEY, TEXT, json.dumps(headers)), "pcm")


# Frameworks


async def test_livekits_tts(url: str) -> None:
    from livekit.plugins.openai import TTS

    heard, rate = b"", 0
    async with TTS(api_key=KEY, base_url=url, voice="ash").synthesize(TEXT) as stream:
        async for audio in stream:
            heard += bytes(audio.frame.data)
            rate = audio.frame.sample_rate
    assert rate == 24000
    check(heard, "pcm")


async def test_pipecats_service(url: str) -> None:
    from pipecat.services.openai.tts import OpenAITTSService

    from .by_pipecat import said_by_pipecat

    heard = await said_by_pipecat(OpenAITTSService(api_key=KEY, base_url=url), TEXT)
    check(heard.pcm, "pcm")


async def test_openai_agents_voice_model(openai: AsyncOpenAI) -> None:
    from agents.voice import OpenAITTSModel, TTSModelSettings

    model = OpenAITTSModel("gpt-4o-mini-tts", openai)
    parts = [part async for part in model.run(TEXT, TTSModelSettings(voice="ash", instructions="Kindly."))]
    check(b"".join(parts), "pcm")


@pytest.mark.parametrize("name", [None, "opus"])
async def test_litellm(url: str, name: str | None) -> None:
    import litellm

    wanted: dict[str, Any] = {"model": "openai/tts-1", "voice": "alloy", "input": TEXT}
    wanted |= {"api_base": url, "api_key": KEY, "response_format": name}
    check((await litellm.aspeech(**wanted)).content, name or "mp3")
    check((await asyncio.to_thread(lambda: litellm.speech(**wanted))).content, name or "mp3")


@pytest.fixture(scope="module")
def realtimetts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """RealtimeTTS, with nothing in place of PyAudio, which takes a C compiler and which its engine does not need."""
    folder = tmp_path_factory.mktemp("realtimetts")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(folder), REALTIMETTS]
    subprocess.run(command, check=True, timeout=300)
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(folder)
    patch.setitem(sys.modules, "pyaudio", SimpleNamespace(paInt16=8, paCustomFormat=65536))
    from RealtimeTTS.engines.openai_engine import OpenAIEngine

    yield OpenAIEngine
    patch.undo()


@pytest.mark.parametrize("name", ["mp3", "pcm"])
async def test_realtimettss_engine(realtimetts: Any, url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    engine = realtimetts(api_key=KEY, response_format=name)
    engine.queue = queue.Queue()
    assert await asyncio.to_thread(engine.synthesize, TEXT)
    check(b"".join(engine.queue.queue), name)


# Programs: their requests


async def post(url: str, fields: dict[str, Any], **headers: str) -> bytes:
    async with aiohttp.request("POST", url, json=fields, headers=headers) as response:
        response.raise_for_status()
        return await response.read()


async def get(url: str, **headers: str) -> Any:
    async with aiohttp.request("GET", url, headers=headers) as response:
        response.raise_for_status()
        return await response.json()


async def test_open_webui(url: str) -> None:
    """routers/audio.py, with the headers that it forwards."""
    user = {"X-OpenWebUI-User-Name": "Ann", "X-OpenWebUI-User-Id": "1", "X-OpenWebUI-User-Role": "user"}
    key = {"Authorization": f"Bearer {KEY}"}
    check(await post(f"{url}/audio/speech", {"input": TEXT, "voice": "alloy", "model": "tts-1"}, **key, **user))
    assert {model["id"] for model in (await get(f"{url}/audio/models", **key))["models"]} >= {"tts-1"}
    voices = {voice["id"]: voice["name"] for voice in (await get(f"{url}/audio/voices", **key))["voices"]}
    assert {"anna", "alloy"} <= voices.keys()


async def test_open_webui_that_lists_without_a_key() -> None:
    """It sends none with its lists, and takes the usual names where it is refused."""
    server = SpeechServer(source=Service())
    await server.start()
    try:
        assert (await get(f"{server.base_url}/audio/voices"))["voices"][0] == {"id": "anna", "name": "anna"}
    finally:
        await server.stop()


@pytest.mark.parametrize(
    "fields",
    [
        {"input": TEXT, "model": "tts-1", "voice": "alloy"},
        {"input": TEXT, "model": "tts-1", "voice": "alloy", "backend": "kokoro"},
        {"input": TEXT, "model": "alloy"},  # for LocalAI the voice stands there
    ],
)
async def test_librechat(url: str, fields: dict[str, str]) -> None:
    """TTSService.js: openAIProvider and localAIProvider."""
    check(await post(f"{url}/audio/speech", fields, Authorization=f"Bearer {KEY}"))


async def test_librechat_as_a_client_of_azure(url: str) -> None:
    """TTSService.js: azureOpenAIProvider."""
    place = f"{url.removesuffix('/v1')}/openai/deployments/tts/audio/speech?api-version=2024-05-01"
    check(await post(place, {"model": "tts-1", "input": TEXT, "voice": "nova"}, **{"api-key": KEY}))


@pytest.mark.parametrize("name", ["mp3", "opus"])
async def test_home_assistants_openai_tts(url: str, name: str) -> None:
    """openaitts_engine.py, by urllib as there."""
    fields = {"model": "tts-1", "input": TEXT, "voice": "shimmer", "response_format": name, "speed": 1.0}
    headers = {"Content-Type": "application/json", "User-Agent": "HomeAssistant-OpenAI-TTS"}
    headers["Authorization"] = f"Bearer {KEY}"

    def ask(fields: dict[str, Any]) -> bytes:
        request = Request(f"{url}/audio/speech", json.dumps(fields).encode(), headers, method="POST")  # noqa: S310
        with urlopen(request) as response:  # noqa: S310
            body: bytes = response.read()
        return body

    check(await asyncio.to_thread(ask, fields), name)
    check(await asyncio.to_thread(ask, {**fields, "input": "."}), name)  # as it tries a key
    assert await get(f"{url}/audio/voices?limit=100", **headers)


@pytest.mark.parametrize("name", ["pcm", "mp3"])
async def test_voice_mode(openai: AsyncOpenAI, url: str, name: Any) -> None:
    """core.py and provider_discovery.py: a voice of Kokoro's, at Kokoro's port."""
    assert [model.id async for model in openai.models.list()]
    voices = (await get(f"{url}/audio/voices", Authorization=f"Bearer {KEY}"))["voices"]
    assert voices
    async with openai.audio.speech.with_streaming_response.create(
        model="tts-1", input=TEXT, voice="af_sky", response_format=name
    ) as response:
        check(await response.read(), name)
    assert await get(f"{url.removesuffix('/v1')}/health")
