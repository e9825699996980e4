"""What an operator watches."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from oggstream.endpoint.server import SpeechServer
from oggstream.errors import LibraryError, ServerError
from oggstream.sources.phrases.phrase_cache import PhraseCache
from oggstream.sources.phrases.stores import MemoryStore
from oggstream.sources.traits import SourceTraits
from patience import PATIENCE
from scripted import ScriptedSource, every, pages, spoken


@pytest.fixture
async def server() -> AsyncIterator[SpeechServer]:
    source = ScriptedSource(every(0, pages(spoken(0.2))))
    source.traits = SourceTraits(name="service", identity="x")
    server = SpeechServer(source=source, metrics=True, cache=PhraseCache([MemoryStore()]), keys={"ours": "k-1"})
    await server.start()
    yield server
    await server.stop()


async def figures(server: SpeechServer) -> dict[str, float]:
    url = f"{server.base_url.removesuffix('/v1')}/metrics"
    async with aiohttp.request("GET", url, headers={"api-key": "k-1"}) as response:
        assert response.headers["Content-Type"].startswith("text/plain")
        lines = (await response.text()).splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


async def ask(server: SpeechServer, path: str = "/v1/audio/speech") -> None:
    url = server.base_url.removesuffix("/v1") + path
    request = {"input": "Hello.", "response_format": "opus"}
    async with aiohttp.request("POST", url, json=request, headers={"api-key": "k-1"}) as response:
        await response.read()


async def test_requests_first_audio_and_phrases_are_counted(server: SpeechServer) -> None:
    for path in ("/v1/audio/speech", "/audio/speech/", "/v1/audio/sing/k-secret"):
        await ask(server, path)
    told = await figures(server)
    assert told['oggstream_requests_total{path="/v1/audio/speech",status="200"}'] == 1
    assert told['oggstream_requests_total{path="/audio/speech",status="200"}'] == 1
    assert told['oggstream_requests_total{path="none",status="404"}'] == 1
    assert told['oggstream_first_audio_seconds_count{format="opus",source="service"}'] == 2
    assert told['oggstream_phrases_total{outcome="miss"}'] == 1
    assert told['oggstream_speeches{state="running"}'] == 0
    assert "secret" not in "".join(told)


async def test_what_went_wrong_within_speeches_is_counted_by_who_spoke() -> None:
    failing = ScriptedSource([(0, ServerError("no"))])
    failing.traits = SourceTraits(name="failing")
    speaking = ScriptedSource(every(0, pages(spoken(0.2))))
    speaking.traits = SourceTraits(name="speaking")
    server = SpeechServer(source=[failing, speaking], metrics=True, keys={"ours": "k-1"})
    await server.start()
    await ask(server)
    told = await figures(server)
    await server.stop()
    assert told['oggstream_failovers_total{source="speaking"}'] == 1
    assert told['oggstream_hedges_total{source="speaking"}'] == 0
    assert told['oggstream_first_audio_seconds_count{format="opus",source="speaking"}'] == 1


async def test_streams_under_way_are_told_until_they_end() -> None:
    source = ScriptedSource([(0, spoken(0.2)), (60, b"")])
    server = SpeechServer(source=source, metrics=True, keys={"ours": "k-1"})
    await server.start()
    asking = asyncio.create_task(ask(server))
    async with asyncio.timeout(PATIENCE):
        while not server.jobs.running:  # noqa: ASYNC110 - another task counts it
            await asyncio.sleep(0.001)
    told = await figures(server)
    asking.cancel()
    assert told['oggstream_requests_open{path="/v1/audio/speech"}'] == 1
    assert told['oggstream_speeches{state="running"}'] == 1
    await server.stop()
    assert server.metrics is not None
    text = server.metrics.text()[0].decode()
    assert 'oggstream_requests_open{path="/v1/audio/speech"} 0.0' in text
    assert 'oggstream_speeches{state="running"} 0.0' in text


async def test_without_a_key_they_are_not_told(server: SpeechServer) -> None:
    async with aiohttp.request("GET", f"{server.base_url.removesuffix('/v1')}/metrics") as response:
        assert response.status == 401


async def test_unasked_there_is_no_such_path() -> None:
    server = SpeechServer(source=ScriptedSource([]))
    await server.start()
    async with aiohttp.request("GET", f"{server.base_url.removesuffix('/v1')}/metrics") as response:
        assert response.status == 404
    await server.stop()


def test_without_the_library_the_error_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(LibraryError, match=r"pip install 'oggstream\[metrics\]'"):
        SpeechServer(metrics=True)
