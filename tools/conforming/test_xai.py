"""xAI: LiveKit's plugin and Pipecat's service."""

from __future__ import annotations

import aiohttp
import pytest
from livekit.agents import APIConnectionError
from livekit.agents.tokenize.basic import WordTokenizer
from livekit.plugins.xai import TTS, tts
from pipecat.services.xai.tts import XAITTSService

from socket_services.service import KEY
from socket_services.xai import XAI

from .by_pipecat import said_by_pipecat
from .hearing import check_audio, check_words, said_by_livekit


async def test_livekits_plugin_feeds_words_and_gets_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    async with XAI().running() as service, aiohttp.ClientSession() as session:
        monkeypatch.setattr(tts, "XAI_WEBSOCKET_URL", service.url + service.path)
        words = WordTokenizer(ignore_punctuation=False, retain_format=True)
        check_audio(await said_by_livekit(TTS(api_key=KEY, tokenizer=words, http_session=session)), service)


async def test_pipecats_service_gets_audio_and_words() -> None:
    async with XAI().running() as service:
        heard = await said_by_pipecat(XAITTSService(api_key=KEY, base_url=service.url + service.path))
        check_audio(heard, service)
        check_words(heard, service)


async def test_a_wrong_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    async with XAI(key="another").running() as service, aiohttp.ClientSession() as session:
        monkeypatch.setattr(tts, "XAI_WEBSOCKET_URL", service.url + service.path)
        with pytest.raises(APIConnectionError):
            await said_by_livekit(TTS(api_key=KEY, http_session=session))
