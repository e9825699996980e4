"""Together: Pipecat's service."""

from __future__ import annotations

from pipecat.services.together.tts import TogetherTTSService

from socket_services.service import KEY
from socket_services.together import Together

from .by_pipecat import said_by_pipecat
from .hearing import TEXT, check_audio


async def test_pipecats_service_gets_audio() -> None:
    async with Together().running() as service:
        heard = await said_by_pipecat(TogetherTTSService(api_key=KEY, url=service.url + service.path))
        check_audio(heard, service)
        assert [speech.text for speech in service.said] == ["".join(TEXT)]
