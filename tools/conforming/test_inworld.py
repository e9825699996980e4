"""Inworld: LiveKit's plugin and Pipecat's service."""

from __future__ import annotations

import aiohttp
import pytest
from livekit.agents import APIConnectionError
from livekit.plugins.inworld import TTS
from pipecat.services.inworld.tts import InworldTTSService

from socket_services.inworld import Inworld
from socket_services.service import KEY

from .by_pipecat import said_by_pipecat
from .hearing import TEXT, check_audio, check_words, said_by_livekit, without_padding


async def test_livekits_plugin_gets_audio_and_words_over_its_generations() -> None:
    async with Inworld().running() as service, aiohttp.ClientSession() as session:
        tts = TTS(api_key=KEY, ws_url=f"{service.url}/", timestamp_type="WORD", http_session=session)
        heard = await said_by_livekit(tts)
        check_audio(without_padding(heard), service)
        assert len(service.said) == 2  # it sends sentences, and takes their times as counted from 0 in each


async def test_pipecats_service_gets_audio_and_words() -> None:
    async with Inworld().running() as service:
        url = f"{service.url}{service.path}"
        heard = await said_by_pipecat(InworldTTSService(api_key=KEY, url=url))
        check_audio(heard, service)
        check_words(heard, service)


async def test_speech_that_is_left_is_cancelled_in_place() -> None:
    async with Inworld(pace=5).running() as service, aiohttp.ClientSession() as session:
        tts = TTS(api_key=KEY, ws_url=f"{service.url}/", http_session=session)
        async with tts.stream() as stream:
            stream.push_text("".join(TEXT))
            stream.flush()
            await anext(aiter(stream))
        async with tts.stream() as stream:
            stream.push_text(TEXT[-1])
            stream.end_input()
            assert [True async for _ in stream]
        await tts.aclose()
        assert (service.handshakes, len(service.cancelled)) == (1, 1)


async def test_a_wrong_key_is_refused() -> None:
    async with Inworld(key="another").running() as service, aiohttp.ClientSession() as session:
        with pytest.raises(APIConnectionError):
            await said_by_livekit(TTS(api_key=KEY, ws_url=f"{service.url}/", http_session=session))
