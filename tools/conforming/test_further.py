"""Resemble, Smallest, Neuphonic, Sarvam and AsyncAI: LiveKit's plugins, and Pipecat's service for the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from livekit.agents import APIError
from livekit.plugins import asyncai, neuphonic, sarvam, smallestai
from pipecat.services.resembleai.tts import ResembleAITTSService

from socket_services.asyncai import AsyncAI
from socket_services.neuphonic import Neuphonic
from socket_services.resemble import Resemble
from socket_services.sarvam import Sarvam
from socket_services.service import KEY, SocketService
from socket_services.smallest import Smallest
from socket_services.speaking import RATE

from .by_pipecat import said_by_pipecat
from .hearing import check_audio, check_words, said_by_livekit

Plugin = Callable[[str, Any], Any]


def smallest(url: str, session: Any) -> Any:
    settings: dict[str, Any] = {"word_timestamps": True, "use_continuations": False, "http_session": session}
    return smallestai.TTS(api_key=KEY, ws_url=f"{url}/waves/v1/tts/live", **settings)


def of_neuphonic(url: str, session: Any) -> Any:
    http = url.replace("ws", "http", 1)
    return neuphonic.TTS(api_key=KEY, base_url=http, sample_rate=RATE, http_session=session)


def of_sarvam(url: str, session: Any) -> Any:
    settings: dict[str, Any] = {"speech_sample_rate": RATE, "output_audio_codec": "linear16", "http_session": session}
    return sarvam.TTS(api_key=KEY, target_language_code="en-IN", ws_url=f"{url}/text-to-speech/ws", **settings)


def of_asyncai(url: str, session: Any) -> Any:
    http = url.replace("ws", "http", 1)
    return asyncai.TTS(api_key=KEY, base_url=http, sample_rate=RATE, http_session=session)


PLUGINS = [
    pytest.param(Smallest, smallest, id="smallest"),
    pytest.param(Neuphonic, of_neuphonic, id="neuphonic"),
    pytest.param(Sarvam, of_sarvam, id="sarvam"),
    pytest.param(AsyncAI, of_asyncai, id="asyncai"),
]


@pytest.mark.parametrize(("shape", "plugin"), PLUGINS)
async def test_livekits_plugin_gets_the_audio(shape: type[SocketService], plugin: Plugin) -> None:
    async with shape().running() as service, aiohttp.ClientSession() as session:
        heard = await said_by_livekit(plugin(service.url, session))
        check_audio(heard, service)
        if heard.words:
            check_words(heard, service)
        assert bool(heard.words) == (shape is Smallest)


@pytest.mark.parametrize(("shape", "plugin"), PLUGINS)
async def test_livekits_plugin_is_refused_with_a_wrong_key(shape: type[SocketService], plugin: Plugin) -> None:
    async with shape(key="another").running() as service, aiohttp.ClientSession() as session:
        with pytest.raises(APIError):
            await said_by_livekit(plugin(service.url, session))


async def test_pipecats_service_gets_the_audio_of_resemble() -> None:
    async with Resemble().running() as service:
        voice = ResembleAITTSService.Settings(voice="voice-1")
        heard = await said_by_pipecat(
            ResembleAITTSService(api_key=KEY, url=service.url + service.path, sample_rate=RATE, settings=voice)
        )
        check_audio(heard, service)
        assert heard.words  # it takes them with some of the messages only
