"""The endpoint in front of a source: whose voice, whose model, and the service's own packets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from oggstream.endpoint.server import SpeechServer
from oggstream.errors import RateLimitError, SourceBrokenError
from oggstream.options import PlaybackOptions, SpeechOptions
from oggstream.opus.items import AudioPacket
from oggstream.opus.opus_reader import OpusReader
from oggstream.sources.openai_source import OpenAISource
from oggstream.sources.traits import SourceTraits
from oggstream.voice.engine import VoiceInfo
from patience import PATIENCE
from scripted import ScriptedSource, every, pages, spoken

BODY = spoken(1.0, packets_per_page=5)


class Service(ScriptedSource):
    """A service with two voices and a model, which notes how it was asked."""

    def __init__(self, *arrivals: Any) -> None:
        super().__init__(arrivals or every(0, pages(BODY)))
        self.traits = SourceTraits(name="service", model="own-1", longest_text=200)
        self.asked: list[tuple[str, SpeechOptions]] = []

    def open(self, text: str, options: SpeechOptions) -> Any:
        self.asked.append((text, options))
        return super().open(text, options)

    async def voices(self) -> list[VoiceInfo]:
        return [VoiceInfo("anna"), VoiceInfo("bert")]


@asynccontextmanager
async def serving(source: Any, **settings: Any) -> AsyncIterator[SpeechServer]:
    server = SpeechServer(source=source, **settings)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def ask(
    server: SpeechServer, path: str = "/v1/audio/speech", **fields: Any
) -> tuple[aiohttp.ClientResponse, bytes]:
    url = server.base_url.removesuffix("/v1") + path
    body = {"input": "Hello there.", "response_format": "opus", **fields}
    async with aiohttp.request("POST", url, json=body) as response:
        return response, await response.read()


def packets(body: bytes) -> list[AudioPacket]:
    reader = OpusReader()
    return [item for item in [*reader.feed(body), *reader.finish()] if isinstance(item, AudioPacket)]


async def test_the_packets_of_the_service_are_passed_on_as_they_are() -> None:
    async with serving(Service()) as server:
        response, body = await ask(server)
    assert response.headers["Content-Type"] == "audio/ogg"
    assert packets(body) == packets(BODY)


async def test_what_was_asked_for_reaches_the_service() -> None:
    service = Service()
    async with serving(service) as server:
        await ask(server, voice="bert", model="own-1", instructions="Kindly.", speed=1.5, language="de")
    ((text, options),) = service.asked
    assert text == "Hello there."
    wanted = SpeechOptions(voice="bert", model="own-1", instructions="Kindly.", speed=1.5, language="de")
    assert replace(options, format="auto") == wanted


@pytest.mark.parametrize(
    ("voice", "spoken_by", "told"),
    [("anna", "anna", None), ("nova", "bert", "bert"), ("ann", "anna", "anna"), ("zzz", None, "default")],
)
async def test_another_voice_than_was_asked_for_is_named_in_a_header(
    voice: str, spoken_by: str | None, told: str | None
) -> None:
    service = Service()
    async with serving(service) as server:
        response, _ = await ask(server, voice=voice)
    assert service.asked[0][1].voice == spoken_by
    assert response.headers.get("X-Oggstream-Voice") == told


@pytest.mark.parametrize(
    ("model", "asked", "told"), [("tts-1", None, None), ("own-1", "own-1", None), ("x", None, "own-1")]
)
async def test_openais_models_mean_the_usual_one_and_unknown_ones_too_with_a_header(
    model: str, asked: str | None, told: str | None
) -> None:
    service = Service()
    async with serving(service) as server:
        response, _ = await ask(server, model=model)
    assert service.asked[0][1].model == asked
    assert response.headers.get("X-Oggstream-Model") == told


@pytest.mark.parametrize(("field", "status"), [("voice", 400), ("model", 404)])
async def test_a_strict_request_rather_fails(field: str, status: int) -> None:
    service = Service()
    async with serving(service) as server:
        response, body = await ask(server, strict=True, **{field: "zzz"})
    assert response.status == status
    assert b"zzz" in body
    assert service.asked == []


async def test_a_table_maps_names_of_clients_to_voices() -> None:
    service = Service()
    async with serving(service, voices={"boss": "bert"}) as server:
        await ask(server, voice="Boss")
    assert service.asked[0][1].voice == "bert"


async def test_a_long_text_is_cut_as_the_service_takes_it_and_comes_as_one_body() -> None:
    service = Service()
    text = "This sentence has about fifty characters in it, yes. " * 20
    async with serving(service) as server:
        _, body = await ask(server, input=text)
    assert len(service.asked) > 4
    assert max(len(piece) for piece, _ in service.asked) <= 200
    assert len(packets(body)) >= len(service.asked) * len(packets(BODY))


@pytest.mark.parametrize(
    "path",
    [
        "/audio/speech",
        "/v1/audio/speech/",
        "/openai/v1/audio/speech",
        "/openai/deployments/tts/audio/speech?api-version=1",
    ],
)
async def test_the_paths_that_clients_make_of_a_base_url_lead_there(path: str) -> None:
    async with serving(Service()) as server:
        response, _ = await ask(server, path)
    assert response.status == 200


async def test_the_lists_name_the_voices_and_models() -> None:
    async with serving(Service()) as server, aiohttp.ClientSession() as client:
        voices = await (await client.get(f"{server.base_url}/audio/voices")).json()
        models = await (await client.get(f"{server.base_url}/audio/models")).json()
        one = await client.get(f"{server.base_url}/models/tts-1")
        none = await client.get(f"{server.base_url}/models/tts-9")
    assert voices["voices"][:2] == [{"id": "anna", "name": "anna"}, {"id": "bert", "name": "bert"}]
    assert [model["id"] for model in models["data"]] == ["own-1", "gpt-4o-mini-tts", "tts-1", "tts-1-hd"]
    assert (one.status, none.status) == (200, 404)


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/tts-1", "/v1/audio/voices", "/health", "/ready"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_what_can_be_read_has_a_head_and_may_have_a_slash_at_its_end(path: str, slash: str) -> None:
    async with serving(Service()) as server, aiohttp.ClientSession(server.base_url.removesuffix("/v1")) as client:
        got, head = await client.get(path + slash), await client.head(path + slash)
        assert (got.status, head.status) == (200, 200)
        assert head.headers["Content-Length"] == got.headers["Content-Length"]
        assert await head.read() == b""


@pytest.mark.parametrize(("path", "method"), [("/v1/audio/speech", "POST"), ("/v1/models", "GET,HEAD")])
async def test_options_tells_what_a_path_takes(path: str, method: str) -> None:
    async with serving(Service()) as server, aiohttp.ClientSession(server.base_url.removesuffix("/v1")) as client:
        answer = await client.options(path)
    assert (answer.status, answer.headers["Allow"]) == (204, method)


async def test_a_model_with_a_slash_in_its_name_is_looked_up() -> None:
    service = Service()
    service.traits = replace(service.traits, model="maker/own-1")
    async with serving(service) as server, aiohttp.ClientSession() as client:
        answers = [await client.get(f"{server.base_url}/models/maker/{name}") for name in ("own-1", "own-2")]
    assert [answer.status for answer in answers] == [200, 404]


async def test_a_refusal_of_the_service_is_one_of_the_endpoint() -> None:
    async with serving(Service((0, RateLimitError("too many requests", status=429)))) as server:
        response, body = await ask(server)
    assert response.status == 429
    assert b"too many requests" in body


async def test_a_service_that_breaks_off_ends_the_body_without_its_end() -> None:
    async with serving(Service(*every(0, pages(BODY)[:4]), (0, SourceBrokenError("cut")))) as server:
        with pytest.raises(aiohttp.ClientPayloadError):
            await ask(server)


@pytest.mark.parametrize(("options", "written"), [(None, False), ("default", False), ("named", True)])
async def test_speeches_write_no_history_but_one_that_was_named(
    options: str | None, written: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.json"
    monkeypatch.setattr("oggstream.history.default_path", lambda: str(path))
    service = Service()
    service.traits = replace(service.traits, identity="service")
    history: Any = {"default": "default", "named": path}
    async with serving(service, options=options and PlaybackOptions(history=history[options])) as server:
        await ask(server)
    assert path.exists() == written


async def test_a_service_is_asked_by_more_streams_than_aiohttp_allows_by_itself() -> None:
    everybody = asyncio.Barrier(120)

    async def answer(_: web.Request) -> web.Response:
        await everybody.wait()
        return web.Response(body=BODY, content_type="audio/ogg")

    app = web.Application()
    app.router.add_post("/v1/audio/speech", answer)
    async with TestServer(app) as service:
        source = OpenAISource(base_url=str(service.make_url("/v1")), api_key="none")
        async with serving(source) as server, asyncio.timeout(PATIENCE):
            answers = await asyncio.gather(*(ask(server) for _ in range(120)))
        await source.aclose()
    assert {response.status for response, _ in answers} == {200}


async def test_an_answer_tells_what_it_took() -> None:
    async with serving(Service()) as server:
        response, _ = await ask(server)
    assert [part.split(";")[0] for part in response.headers["Server-Timing"].split(", ")] == ["queue", "first"]
