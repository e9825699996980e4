"""Mistral: its own client."""

from __future__ import annotations

from array import array
from collections.abc import AsyncIterator
from typing import Any

import pytest
from mistralai.client import Mistral as Client
from mistralai.client.models import RealtimeSpeechError, SpeechStreamAudioDelta, SpeechStreamDone
from mistralai.extra.exceptions import RealtimeSpeechException
from mistralai.extra.realtime.speech import RealtimeSpeech, audio_bytes

from socket_services.mistral import Mistral
from socket_services.service import KEY

from .hearing import TEXT, Heard, check_audio


def client_of(service: Mistral, key: str = KEY) -> tuple[RealtimeSpeech, dict[str, Any]]:
    settings = {"server_url": service.url.replace("ws", "http", 1), "response_format": "pcm", "voice_id": "voice-1"}
    return RealtimeSpeech(Client(api_key=key).sdk_configuration), {"model": "voxtral-mini-tts-3-0", **settings}


def samples(floats: bytes) -> bytes:
    return array("h", (round(value * 32768) for value in array("f", floats))).tobytes()


async def parts() -> AsyncIterator[str]:
    for part in TEXT:
        yield part


async def test_its_client_gets_audio_of_a_text_that_comes_in_parts() -> None:
    async with Mistral().running() as service:
        client, settings = client_of(service)
        events = [event async for event in client.speak_stream(parts(), **settings)]
        sound = b"".join(audio_bytes(event) for event in events if isinstance(event, SpeechStreamAudioDelta))
        check_audio(Heard(samples(sound)), service)
        assert isinstance(events[-1], SpeechStreamDone)


async def test_its_client_gets_a_done_for_each_flush_of_one_session() -> None:
    async with Mistral().running() as service:
        client, settings = client_of(service)
        async with await client.connect(**settings) as connection:
            sound, done = b"", 0
            events = aiter(connection)
            for part in TEXT:
                await connection.send_text(part)
                await connection.flush()
                async for event in events:
                    sound += audio_bytes(event) if isinstance(event, SpeechStreamAudioDelta) else b""
                    if isinstance(event, SpeechStreamDone):
                        done += 1
                        break
        check_audio(Heard(samples(sound)), service)
        assert (done, service.handshakes) == (len(TEXT), 1)


async def test_its_client_reports_an_error() -> None:
    async with Mistral(error="It does not work").running() as service:
        client, settings = client_of(service)
        events = [event async for event in client.speak_stream(parts(), **settings)]
        assert isinstance(events[-1], RealtimeSpeechError)


async def test_its_client_reports_why_an_unknown_voice_was_closed() -> None:
    async with Mistral().running() as service:
        client, settings = client_of(service)
        with pytest.raises(RealtimeSpeechException, match="Unknown voice"):
            async for _ in client.speak_stream(parts(), **{**settings, "voice_id": "nobody"}):
                pass
