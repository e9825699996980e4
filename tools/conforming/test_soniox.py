"""Soniox: its own client, LiveKit's plugin and Pipecat's service."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import aiohttp
import pytest
from livekit.plugins.soniox import TTS
from pipecat.services.soniox.tts import SonioxTTSService
from soniox import AsyncSonioxClient
from soniox.errors import SonioxRealtimeError
from soniox.types.realtime import RealtimeTTSConfig

from socket_services.service import KEY
from socket_services.soniox import Soniox
from socket_services.speaking import RATE

from .by_pipecat import said_by_pipecat
from .hearing import TEXT, Heard, Timed, check_audio, check_words, said_by_livekit


def connection_of(service: Soniox, key: str = KEY) -> Any:
    client = AsyncSonioxClient(api_key=key, tts_websocket_base_url=service.url + service.path)
    config = RealtimeTTSConfig(
        stream_id="one",
        model="tts-rt-v1",
        language="en",
        voice="Maya",
        audio_format="pcm_s16le",
        sample_rate=RATE,
        return_timestamps=True,
    )
    return client.realtime.tts.connect(config=config)


def words_of(letters: Iterable[tuple[str, float, float]]) -> list[Timed]:
    words: list[Timed] = []
    goes_on = False
    for letter, start, end in letters:
        if letter != " ":
            known = words.pop() if goes_on else Timed("", start, end)
            words.append(Timed(known.text + letter, known.start, end))
        goes_on = letter != " "
    return words


async def test_its_client_gets_audio_and_characters_of_a_text_that_comes_in_parts() -> None:
    async with Soniox().running() as service, connection_of(service) as connection:
        for part in TEXT:
            await connection.send_text_chunk(part)
        await connection.keep_alive()
        await connection.finish()
        heard = Heard()
        letters: list[tuple[str, float, float]] = []
        async for event in connection.receive_events():
            heard.pcm += event.audio_bytes() or b""
            if (told := event.timestamps) is not None:
                starts, ends = told.character_start_times_seconds, told.character_end_times_seconds
                letters += zip(told.characters, starts, ends, strict=True)
        heard.words = words_of(letters)
        check_audio(heard, service)
        check_words(heard, service)


async def test_its_client_cancels_and_is_told_so() -> None:
    async with Soniox(pace=5).running() as service, connection_of(service) as connection:
        await connection.send_text_chunks("".join(TEXT))
        events = aiter(connection.receive_events())
        assert (await anext(events)).audio
        await connection.cancel()
        last = [event async for event in events][-1]
        assert last.terminated
        assert len(service.cancelled) == 1


async def test_its_client_reports_an_error() -> None:
    async with Soniox(error="Out of order").running() as service, connection_of(service) as connection:
        await connection.send_text_chunks("".join(TEXT))
        with pytest.raises(SonioxRealtimeError, match="Out of order"):
            async for _ in connection.receive_events():
                pass


async def test_livekits_plugin_gets_audio_of_two_speeches_on_one_connection() -> None:
    async with Soniox().running() as service, aiohttp.ClientSession() as session:
        tts = TTS(api_key=KEY, websocket_url=service.url + service.path, http_session=session)
        streams = [tts.stream(), tts.stream()]
        for stream in streams:
            stream.push_text("".join(TEXT))
            stream.end_input()

        async def sound(stream: Any) -> bytes:
            return b"".join([bytes(audio.frame.data) async for audio in stream])

        first, second = await asyncio.gather(*map(sound, streams))
        await tts.aclose()
        assert first == second == service.said[0].pcm
        assert service.handshakes == 1


async def test_livekits_plugin_gets_audio() -> None:
    async with Soniox().running() as service, aiohttp.ClientSession() as session:
        tts = TTS(api_key=KEY, websocket_url=service.url + service.path, http_session=session)
        check_audio(await said_by_livekit(tts), service)


async def test_pipecats_service_gets_audio_and_words() -> None:
    async with Soniox().running() as service:
        heard = await said_by_pipecat(SonioxTTSService(api_key=KEY, url=service.url + service.path))
        check_audio(heard, service)
        check_words(heard, service)
