"""AssemblyAI: its own client and LiveKit's plugin."""

from __future__ import annotations

from typing import Any

import aiohttp
import assemblyai as aai
import pytest
from livekit.agents import APIStatusError
from livekit.plugins.assemblyai import TTS

from socket_services.assemblyai import AssemblyAI
from socket_services.service import KEY

from .hearing import TEXT, Heard, Timed, check_audio, check_words, said_by_livekit


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aai.settings, "api_key", KEY)


def session_with(service: AssemblyAI, monkeypatch: pytest.MonkeyPatch, **options: Any) -> aai.AsyncTTSSession:
    monkeypatch.setattr(aai.settings, "tts_base_url", service.url)
    return aai.AsyncTTSSession(config=aai.TTSConfig(voice_id="aai-jane"), **options)


@pytest.mark.parametrize("late", [False, True])
async def test_its_client_gets_audio_and_words_of_each_flush(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    async with AssemblyAI(late=late).running() as service:
        session = session_with(service, monkeypatch, word_boundaries=True)

        def keep(event: Any) -> None:
            heard.words += [Timed(word.word, word.start / 1000, word.end / 1000) for word in event.words]

        session.on("WordBoundaries", keep)
        async with session:
            flushes = []
            for part in TEXT:
                await session.generate(part)
                flushes.append(await session.flush())
            for number in flushes:
                async for audio in session.audio(number):
                    heard.pcm += audio
        assert flushes == [0, 1, 2]
        check_audio(heard, service)
        check_words(heard, service)
        assert session.termination is not None


async def test_its_client_cancels_and_goes_on_with_the_same_session(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AssemblyAI(pace=10).running() as service:
        async with session_with(service, monkeypatch, word_boundaries=True) as session:
            await session.generate(TEXT[0])
            await anext(session.audio(await session.flush()))
            await session.cancel()
            await session.generate(TEXT[2])
            number = await session.flush()
            rest = [audio async for audio in session.audio(number)]
        assert number == 2
        assert b"".join(rest) == service.said[-1].pcm
        assert (service.handshakes, len(service.cancelled)) == (1, 1)


async def test_its_client_reports_a_wrong_key_and_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async with AssemblyAI(key="another").running() as service:
        with pytest.raises(aai.TTSError) as refused:
            await session_with(service, monkeypatch).connect()
        assert refused.value.error_code == "invalid_api_key"
    async with AssemblyAI(error="Too many sessions").running() as service:
        session = session_with(service, monkeypatch)
        await session.connect()
        with pytest.raises(aai.TTSError, match="Too many sessions") as failed:
            await anext(session.speak(TEXT[0]))
        await session.close()
        assert failed.value.retryable


async def test_its_client_is_closed_after_the_time_of_idleness_that_it_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with AssemblyAI().running() as service:
        session = session_with(service, monkeypatch, inactivity_timeout=1)
        await session.connect()
        assert [audio async for audio in session.audio()] == []
        assert session.error is None
        await session.close()


async def test_livekits_plugin_gets_audio_and_words() -> None:
    async with AssemblyAI().running() as service, aiohttp.ClientSession() as session:
        heard = await said_by_livekit(TTS(api_key=KEY, base_url=service.url, http_session=session))
        check_audio(heard, service)
        check_words(heard, service)


async def test_a_wrong_key_is_told_to_livekits_plugin() -> None:
    async with AssemblyAI(key="another").running() as service, aiohttp.ClientSession() as session:
        with pytest.raises(APIStatusError):
            await said_by_livekit(TTS(api_key=KEY, base_url=service.url, http_session=session))
