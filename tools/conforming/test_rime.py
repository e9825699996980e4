"""Rime: LiveKit's plugin for ws3."""

from __future__ import annotations

import aiohttp
import pytest
from livekit.agents import APIStatusError
from livekit.plugins.rime import TTS

from socket_services.rime import Rime
from socket_services.service import KEY

from .hearing import check_audio, check_words, said_by_livekit


@pytest.mark.parametrize("segment", ["never", "bySentence"])
async def test_livekits_plugin_gets_audio_and_words(segment: str) -> None:
    async with Rime().running() as service, aiohttp.ClientSession() as session:
        heard = await said_by_livekit(TTS(api_key=KEY, base_url=service.url, segment=segment, http_session=session))
        check_audio(heard, service)
        if segment == "never":
            check_words(heard, service)


async def test_a_wrong_key_is_refused() -> None:
    async with Rime(key="another").running() as service, aiohttp.ClientSession() as session:
        with pytest.raises(APIStatusError) as refused:
            await said_by_livekit(TTS(api_key=KEY, base_url=service.url, http_session=session))
        assert refused.value.status_code == 401
