"""The voice without a key, through its own server."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest

from oggstream import events
from oggstream.endpoint import server as voice_server
from oggstream.errors import LibraryError, TextError
from oggstream.events import Event, Recorder, Warned
from oggstream.options import SpeechOptions
from oggstream.opus.opus_reader import OpusReader
from oggstream.sources import offline_voice as offline
from oggstream.sources.offline_voice import OfflineVoice
from oggstream.sources.source import Source

PLAIN = SpeechOptions()


@pytest.fixture
async def voice() -> AsyncIterator[OfflineVoice]:
    voice = OfflineVoice()
    yield voice
    await voice.aclose()


async def spoken(voice: OfflineVoice, text: str = "Hello.", options: SpeechOptions = PLAIN) -> bytes:
    async with voice.open(text, options) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


def seconds(body: bytes) -> float:
    reader = OpusReader()
    items = reader.feed(body) + reader.finish()
    return sum(getattr(item, "samples", 0) for item in items) / 48000


@contextmanager
def recorded() -> Iterator[list[Event]]:
    happened: list[Event] = []
    with events.using(Recorder(asyncio.get_running_loop().time, 0.0, happened.append)):
        yield happened


async def test_it_is_a_source_and_speaks_ogg_opus(voice: OfflineVoice) -> None:
    assert isinstance(voice, Source)
    assert voice.traits.name == "offline"
    async with voice.open("Hello.", PLAIN) as stream:
        assert stream.content_type == "audio/ogg"
        assert stream.request_id is not None
        body = b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])
    assert 0.3 < seconds(body) < 2


async def test_the_server_starts_once_and_serves_what_follows(voice: OfflineVoice) -> None:
    await spoken(voice)
    [service] = voice._services.values()
    await asyncio.gather(spoken(voice), spoken(voice))
    assert list(voice._services.values()) == [service]


async def test_two_first_requests_at_once_start_one_server(
    voice: OfflineVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[object] = []
    original = voice_server.SpeechServer.start

    async def start(self: voice_server.SpeechServer) -> None:
        started.append(self)
        await original(self)

    monkeypatch.setattr(voice_server.SpeechServer, "start", start)
    await asyncio.gather(spoken(voice), spoken(voice))
    assert len(started) == 1


async def test_warming_starts_the_server_ahead(voice: OfflineVoice) -> None:
    await voice.warm()
    [service] = voice._services.values()
    assert service._server is not None
    assert await spoken(voice)


async def test_closing_stops_the_server_and_a_later_request_starts_it_again(voice: OfflineVoice) -> None:
    await spoken(voice)
    await voice.aclose()
    await voice.aclose()
    assert voice._services == {}
    assert await spoken(voice)


async def test_speed_and_voice_are_passed_on(voice: OfflineVoice) -> None:
    text = "This takes its time to be said, and no more than that."
    usual = await spoken(voice, text)
    assert seconds(await spoken(voice, text, SpeechOptions(speed=2))) == pytest.approx(seconds(usual) / 2, rel=0.1)
    assert await spoken(voice, text, SpeechOptions(voice="onyx")) != usual


async def test_a_voice_of_its_own_holds_where_the_options_leave_it_open(monkeypatch: pytest.MonkeyPatch) -> None:
    assert offline._known_voice(None) == "alloy"
    asked: list[str] = []
    monkeypatch.setattr(voice_server, "synthesize", _noting(asked))
    voice = OfflineVoice(voice="nova")
    await spoken(voice)
    await spoken(voice, options=SpeechOptions(voice="echo"))
    await voice.aclose()
    assert asked == ["nova", "echo"]


def _noting(asked: list[str]) -> object:
    async def synthesize(text: str, *, voice: str, speed: float, format: str) -> AsyncIterator[bytes]:  # noqa: A002
        asked.append(voice)
        yield b"OggS"

    return synthesize


@pytest.mark.parametrize("unknown", ["nobody", {"id": "voice_123"}])
async def test_an_unknown_voice_is_replaced_with_a_warning(voice: OfflineVoice, unknown: str | dict[str, str]) -> None:
    with recorded() as happened:
        assert await spoken(voice, options=SpeechOptions(voice=unknown))
    [warning] = [event for event in happened if isinstance(event, Warned)]
    assert "has no " in warning.message
    assert "'alloy'" in warning.message


async def test_a_custom_voice_with_a_known_name_is_taken(voice: OfflineVoice) -> None:
    with recorded() as happened:
        assert await spoken(voice, options=SpeechOptions(voice={"id": "echo"}))
    assert not [event for event in happened if isinstance(event, Warned)]


@pytest.mark.parametrize("text", ["", "  ", "x" * 4097])
async def test_a_text_that_cannot_be_spoken_is_refused_before_anything_starts(voice: OfflineVoice, text: str) -> None:
    with pytest.raises(TextError):
        await spoken(voice, text)
    assert voice._services == {}


async def test_without_the_library_the_error_comes_through(
    voice: OfflineVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing() -> None:
        raise LibraryError("espeak-ng was not found: pip install 'oggstream[voice]'")

    monkeypatch.setattr(voice_server, "load", missing)
    with pytest.raises(LibraryError, match="voice"):
        await spoken(voice)


async def test_proxies_and_keys_of_the_environment_are_not_for_loopback(
    voice: OfflineVoice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert await spoken(voice)
    [service] = voice._services.values()
    assert service._source is not None
    assert "Authorization" not in service._source._headers


async def test_leaving_in_mid_speech_stops_the_synthesis(voice: OfflineVoice) -> None:
    async with voice.open("The quick brown fox jumps over the lazy dog. " * 90, SpeechOptions(speed=0.5)) as stream:
        await anext(stream)
    async with asyncio.timeout(10):
        while any(thread.name == "oggstream-voice" for thread in threading.enumerate()):  # noqa: ASYNC110 - a thread has no asyncio.Event
            await asyncio.sleep(0.005)


async def test_cancelling_the_start_leaves_nothing(voice: OfflineVoice) -> None:
    for rounds in range(8):
        task = asyncio.create_task(voice.warm())
        for _ in range(rounds):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert await spoken(voice)


def test_each_loop_has_its_own_server_and_closed_ones_are_forgotten() -> None:
    voice = OfflineVoice()

    async def run() -> int:
        body = await spoken(voice)
        count = len(voice._services)
        await voice._services[asyncio.get_running_loop()].aclose()
        assert body
        return count

    counts: list[int] = []
    for _ in range(2):
        # In a thread: here, asyncio.run would take pytest-asyncio's loop away.
        thread = threading.Thread(target=lambda: counts.append(asyncio.run(run())))
        thread.start()
        thread.join()
    gc.collect()
    assert counts == [1, 1]


def test_its_repr_is_short() -> None:
    assert repr(OfflineVoice(voice="nova")) == "OfflineVoice(voice='nova')"
