"""MiniMax: LiveKit's plugin, for the elder of its two paths, which has the same messages but flush and cancel."""

from __future__ import annotations

import aiohttp
import pytest
from livekit.agents import APIStatusError
from livekit.plugins.minimax import TTS

from socket_services.minimax import MiniMax
from socket_services.service import KEY

from .hearing import check_audio, said_by_livekit, without_padding


async def test_livekits_plugin_gets_audio() -> None:
    async with MiniMax().running() as service, aiohttp.ClientSession() as session:
        url = service.url.replace("ws", "http", 1)
        heard = await said_by_livekit(TTS(api_key=KEY, base_url=url, audio_format="pcm", http_session=session))
        check_audio(without_padding(heard), service)


async def test_a_wrong_key_is_refused() -> None:
    async with MiniMax(key="another").running() as service, aiohttp.ClientSession() as session:
        url = service.url.replace("ws", "http", 1)
        with pytest.raises(APIStatusError):
            await said_by_livekit(TTS(api_key=KEY, base_url=url, audio_format="pcm", http_session=session))
