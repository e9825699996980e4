"""Cartesia: its own client, LiveKit's plugin and Pipecat's service."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from cartesia import AsyncCartesia
from livekit.agents import APIStatusError
from livekit.plugins.cartesia import TTS
from pipecat.services.cartesia.tts import CartesiaTTSService

from socket_services.cartesia import Cartesia
from socket_services.service import KEY
from socket_services.speaking import RATE, bursts

from .by_pipecat import said_by_pipecat
from .hearing import TEXT, Heard, Timed, check_audio, check_words, said_by_livekit, spoken

SOUND: Any = {"container": "raw", "encoding": "pcm_s16le", "sample_rate": RATE}
VOICE: Any = {"mode": "id", "id": "voice-1"}
SETTINGS: dict[str, Any] = {"model_id": "sonic-3", "voice": VOICE, "output_format": SOUND}


def client_of(service: Cartesia, key: str = KEY) -> AsyncCartesia:
    http = service.url.replace("ws", "http", 1)
    return AsyncCartesia(api_key=key, base_url=http, websocket_base_url=service.url, max_retries=0)


async def received(context: Any) -> tuple[Heard, list[str]]:
    """The audio and words of a context, and the kinds of all messages."""
    heard, kinds = Heard(), []
    async for event in context.receive():
        kinds.append(event.type)
        if event.type == "chunk":
            heard.pcm += event.audio
        elif event.type == "timestamps":
            times = event.word_timestamps
            heard.words += map(Timed, times.words, times.start, times.end)
    return heard, kinds


@pytest.mark.parametrize("delay", [0, 500, None])
async def test_its_client_gets_audio_and_words_of_a_text_that_comes_in_parts(delay: int | None) -> None:
    async with Cartesia().running() as service, client_of(service).tts.websocket_connect() as connection:
        context = connection.context(**SETTINGS, add_timestamps=True, max_buffer_delay_ms=delay)
        for part in TEXT:
            await context.push(part)
        await context.no_more_inputs()
        heard, kinds = await received(context)
        check_audio(heard, service)
        check_words(heard, service)
        assert kinds[-1] == "done"
        assert len(service.said) == (len(TEXT) if delay == 0 else 2)


async def test_its_client_is_told_which_flush_is_done() -> None:
    async with Cartesia().running() as service, client_of(service).tts.websocket_connect() as connection:
        context = connection.context(**SETTINGS)
        for part in TEXT[:2]:
            await context.push(part, flush=True)
        await context.no_more_inputs()
        flushes = [(event.type, event.flush_id) async for event in context.receive() if event.type != "done"]
        numbers = [number for kind, number in flushes if kind == "flush_done"]
        assert numbers == [1, 2]
        assert [number for _, number in flushes] == sorted(number for _, number in flushes)


async def test_contexts_of_one_connection_speak_beside_each_other() -> None:
    async with Cartesia().running() as service, client_of(service).tts.websocket_connect() as connection:
        contexts = [connection.context(**SETTINGS, add_timestamps=True) for _ in "12"]
        for context, part in zip(contexts, TEXT, strict=False):
            await context.push(part)
        for context in contexts:
            await context.no_more_inputs()
        for context, part in zip(contexts, TEXT, strict=False):
            heard, _ = await received(context)
            assert [word.text for word in heard.words] == part.split()
            assert [word.start for word in heard.words] == pytest.approx([start for start, _ in bursts(heard.pcm)])
        assert service.handshakes == 1


async def test_a_cancelled_context_is_not_spoken_to_its_end_and_the_next_uses_the_connection() -> None:
    async with Cartesia(pace=10).running() as service, client_of(service).tts.websocket_connect() as connection:
        context = connection.context(**SETTINGS, max_buffer_delay_ms=0)
        for part in TEXT:
            await context.push(part)
        await anext(aiter(context.receive()))
        await context.cancel()
        following = connection.context(**SETTINGS, max_buffer_delay_ms=0)
        await following.push(TEXT[-1])
        await following.no_more_inputs()
        heard, _ = await received(following)
        assert len(bursts(heard.pcm)) == len(TEXT[-1].split())
        assert len(service.said) == 2
        assert (service.handshakes, len(service.cancelled)) == (1, 1)


async def test_its_client_reports_an_error_of_a_context() -> None:
    async with Cartesia(error="Not enough credits").running() as service:
        async with client_of(service).tts.websocket_connect() as connection:
            context = connection.context(**SETTINGS, max_buffer_delay_ms=0)
            await context.push(TEXT[0])
            events = [event async for event in context.receive()]
        assert [(event.type, event.message) for event in events] == [("error", "Not enough credits")]


async def test_its_client_gets_the_bytes_over_http() -> None:
    async with Cartesia().running() as service:
        answer = await client_of(service).tts.generate(**SETTINGS, transcript="".join(TEXT))
        check_audio(Heard(await answer.read()), service)


async def test_livekits_plugin_gets_audio_and_words() -> None:
    async with Cartesia().running() as service, aiohttp.ClientSession() as session:
        tts = TTS(api_key=KEY, base_url=service.url.replace("ws", "http", 1), http_session=session)
        heard = await said_by_livekit(tts)
        check_audio(heard, service)
        check_words(heard, service)


async def test_pipecats_service_gets_audio_and_words() -> None:
    async with Cartesia().running() as service:
        settings = CartesiaTTSService.Settings(voice="voice-1")
        url = service.url + service.path
        heard = await said_by_pipecat(CartesiaTTSService(api_key=KEY, url=url, settings=settings))
        check_audio(heard, service)
        check_words(heard, service)


async def test_a_wrong_key_is_refused() -> None:
    async with Cartesia(key="another").running() as service, aiohttp.ClientSession() as session:
        tts = TTS(api_key=KEY, base_url=service.url.replace("ws", "http", 1), http_session=session)
        with pytest.raises(APIStatusError) as refused:
            await said_by_livekit(tts)
        assert refused.value.status_code == 401
        assert not spoken(service).pcm
