"""Deepgram: its own client, LiveKit's plugins and Pipecat's services, over both sockets."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from deepgram import AsyncDeepgramClient
from deepgram.core.api_error import ApiError
from deepgram.environment import DeepgramClientEnvironment
from deepgram.speak.v1.types.speak_v1text import SpeakV1Text
from deepgram.speak.v2.types.speak_v2interrupt import SpeakV2Interrupt
from deepgram.speak.v2.types.speak_v2interrupt_playback_offset import SpeakV2InterruptPlaybackOffset
from deepgram.speak.v2.types.speak_v2speak import SpeakV2Speak
from livekit.plugins.deepgram import TTS, TTSv2
from pipecat.services.deepgram.flux.tts import DeepgramFluxTTSService
from pipecat.services.deepgram.tts import DeepgramTTSService

from socket_services.deepgram import Aura, Flux
from socket_services.service import KEY, SocketService
from socket_services.speaking import RATE

from .by_pipecat import said_by_pipecat
from .hearing import TEXT, Heard, check_audio, said_by_livekit

SOUND: Any = {"encoding": "linear16", "sample_rate": RATE}


def client_of(service: SocketService, key: str = KEY) -> AsyncDeepgramClient:
    http = service.url.replace("ws", "http", 1)
    places = DeepgramClientEnvironment(base=http, production=service.url, agent=service.url, agent_rest=http)
    return AsyncDeepgramClient(api_key=key, environment=places)


async def heard_until(socket: Any, last: str) -> tuple[Heard, list[Any]]:
    """The audio up to the message of the kind ``last``, and the other messages."""
    heard = Heard()
    events: list[Any] = []
    while not events or events[-1].type != last:
        message = await socket.recv()
        if isinstance(message, bytes):
            heard.pcm += message
        else:
            events.append(message)
    return heard, events


async def test_its_client_hears_what_aura_speaks_until_it_is_flushed() -> None:
    async with Aura().running() as service:
        async with client_of(service).speak.v1.connect(model="aura-2-thalia-en", **SOUND) as socket:
            for part in TEXT:
                await socket.send_text(SpeakV1Text(text=part))
            await socket.send_flush()
            heard, events = await heard_until(socket, "Flushed")
        check_audio(heard, service)
        assert [event.type for event in events] == ["Metadata", "Flushed"]


async def test_its_client_clears_what_aura_has_not_spoken_and_goes_on() -> None:
    async with Aura(pace=10).running() as service:
        async with client_of(service).speak.v1.connect(model="aura-2-thalia-en", **SOUND) as socket:
            for part in TEXT:
                await socket.send_text(SpeakV1Text(text=part))
            await socket.send_flush()
            while not isinstance(await socket.recv(), bytes):
                pass
            await socket.send_clear()
            await heard_until(socket, "Cleared")
            await socket.send_text(SpeakV1Text(text=TEXT[-1]))
            await socket.send_flush()
            heard, _ = await heard_until(socket, "Flushed")
        assert heard.pcm == service.said[-1].pcm
        assert (service.handshakes, len(service.cancelled)) == (1, 1)


@pytest.mark.parametrize("flushed", ["first", "last"])
async def test_its_client_hears_a_turn_of_flux(flushed: str) -> None:
    async with Flux(flushed=flushed).running() as service:
        async with client_of(service).speak.v2.connect(model="flux-alexis-en", **SOUND) as socket:
            for part in TEXT:
                await socket.send_speak(SpeakV2Speak(text=part))
            await socket.send_flush()
            heard, events = await heard_until(socket, "SpeechMetadata")
        check_audio(heard, service)
        kinds = [event.type for event in events if event.type != "Flushed"]
        assert kinds == ["Connected", "SpeechStarted", "SpeechMetadata"]
        assert events[-1].audio_duration_ms == round(1000 * len(heard.pcm) / 2 / RATE)


async def test_its_client_interrupts_a_turn_of_flux_and_is_told_what_was_heard() -> None:
    async with Flux(pace=10).running() as service:
        async with client_of(service).speak.v2.connect(model="flux-alexis-en", **SOUND) as socket:
            await socket.send_speak(SpeakV2Speak(text=TEXT[1]))
            for _ in range(8):
                await socket.recv()
            offset = SpeakV2InterruptPlaybackOffset(value=500)
            await socket.send_interrupt(SpeakV2Interrupt(playback_offset=offset))
            _, events = await heard_until(socket, "SpeechInterrupted")
            heard = [word.text for word in service.said[0].words if word.end <= 0.5]
            assert events[-1].text_spoken == " ".join(heard)
            assert events[-1].text_remaining == " ".join(TEXT[1].split()[len(heard) :])
            await socket.send_speak(SpeakV2Speak(text=TEXT[2]))
            await socket.send_flush()
            after, _ = await heard_until(socket, "SpeechMetadata")
        assert after.pcm == b"".join(speech.pcm for speech in service.said[1:])
        assert service.handshakes == 1


@pytest.mark.parametrize("kind", [Aura, Flux])
async def test_its_client_reports_a_wrong_key_and_an_error(kind: type[Aura | Flux]) -> None:
    for service in (kind(key="another"), kind(error="The server fell over.")):
        async with service.running():
            speak = client_of(service).speak
            connect = speak.v1.connect if kind is Aura else speak.v2.connect
            if service.key != KEY:
                with pytest.raises(ApiError) as refused:
                    await connect(model="flux-alexis-en", **SOUND).__aenter__()
                assert refused.value.status_code == 401
                continue
            async with connect(model="flux-alexis-en", **SOUND) as socket:
                if kind is Aura:
                    await socket.send_text(SpeakV1Text(text="Too late. "))
                else:
                    await socket.send_speak(SpeakV2Speak(text="Too late. "))
                _, events = await heard_until(socket, "Error")
            assert events[-1].description == "The server fell over."


@pytest.mark.parametrize(("kind", "plugin"), [(Aura, TTS), (Flux, TTSv2)])
async def test_livekits_plugin_gets_the_audio(kind: type[Aura | Flux], plugin: Any) -> None:
    async with kind().running() as service, aiohttp.ClientSession() as session:
        url = service.url.replace("ws", "http", 1) + kind.path
        heard = await said_by_livekit(plugin(api_key=KEY, base_url=url, sample_rate=RATE, http_session=session))
        check_audio(heard, service)


async def test_pipecats_services_get_the_audio() -> None:
    async with Aura().running() as aura:
        check_audio(await said_by_pipecat(DeepgramTTSService(api_key=KEY, base_url=aura.url)), aura)
    async with Flux().running() as flux:
        check_audio(await said_by_pipecat(DeepgramFluxTTSService(api_key=KEY, url=flux.url + flux.path)), flux)
