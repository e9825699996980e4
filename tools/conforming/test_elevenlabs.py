"""ElevenLabs: its own client over HTTP, LiveKit's plugin over both sockets, Pipecat's service over that for speech."""

from __future__ import annotations

from base64 import b64decode

import aiohttp
import numpy as np
import pytest
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.api_error import ApiError
from livekit.agents import APIStatusError
from livekit.plugins.elevenlabs import TTS
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService

from socket_services.elevenlabs import Dialogue, MultiStream
from socket_services.service import KEY, SocketService
from socket_services.speaking import bursts

from .by_pipecat import said_by_pipecat
from .hearing import TEXT, Heard, Timed, check_audio, check_words, said_by_livekit, spoken


def plugin(service: SocketService, session: aiohttp.ClientSession, model: str, encoding: str = "pcm_24000") -> TTS:
    url = service.url.replace("ws", "http", 1) + "/v1"
    return TTS(
        api_key=KEY,
        base_url=url,
        model=model,
        encoding=encoding,
        voice_id="voice-1",
        http_session=session,
        preferred_alignment="original",
    )


async def test_livekits_plugin_gets_audio_and_words_over_the_socket_for_speech() -> None:
    async with MultiStream(zero="context").running() as service, aiohttp.ClientSession() as session:
        heard = await said_by_livekit(plugin(service, session, "eleven_flash_v2_5"))
        check_audio(heard, service)
        check_words(heard, service, gaps=True)
        assert {"contextId"} < set(service.talks[0].sent[0][1])


async def test_livekits_plugin_gets_audio_and_words_over_the_socket_for_dialogues() -> None:
    async with Dialogue().running() as service, aiohttp.ClientSession() as session:
        heard = await said_by_livekit(plugin(service, session, "eleven_v3"))
        check_audio(heard, service)
        check_words(heard, service, gaps=True)


@pytest.mark.parametrize(("kind", "model"), [(MultiStream, "eleven_flash_v2_5"), (Dialogue, "eleven_v4")])
async def test_livekits_plugin_gets_opus(kind: type[MultiStream | Dialogue], model: str) -> None:
    async with kind().running() as service, aiohttp.ClientSession() as session:
        heard = await said_by_livekit(plugin(service, session, model, "opus_48000_64"), rate=48000)
        starts = np.array([start for start, _ in bursts(heard.pcm, 48000)])
        true = np.array([word.start for word in spoken(service).words])
        assert starts - starts[0] == pytest.approx(true - true[0], abs=0.005)  # it drops the first packet


@pytest.mark.parametrize(("kind", "model"), [(MultiStream, "eleven_flash_v2_5"), (Dialogue, "eleven_v3")])
async def test_a_wrong_key_and_a_quota_are_told_to_livekits_plugin(
    kind: type[MultiStream | Dialogue], model: str
) -> None:
    for service in (kind(key="another"), kind(error="quota")):
        async with service.running(), aiohttp.ClientSession() as session:
            with pytest.raises(APIStatusError):
                await said_by_livekit(plugin(service, session, model))
            assert not spoken(service).pcm or service.faults.error


async def test_pipecats_service_gets_audio_and_words_that_count_from_those_before() -> None:
    async with MultiStream(zero="characters").running() as service:
        settings = ElevenLabsTTSService.Settings(voice="voice-1", model="eleven_flash_v2_5")
        heard = await said_by_pipecat(ElevenLabsTTSService(api_key=KEY, url=service.url, settings=settings))
        check_audio(heard, service)
        heard.words[-1] = spoken(service).words[-1]  # it takes a word's time from the space behind it
        check_words(heard, service)


async def test_its_client_gets_audio_and_characters_over_http() -> None:
    async with MultiStream().running() as service:
        client = AsyncElevenLabs(api_key=KEY, base_url=service.url.replace("ws", "http", 1))
        heard = Heard()
        letters: list[tuple[str, float]] = []
        async for part in client.text_to_speech.stream_with_timestamps(
            "voice-1", text="".join(TEXT), output_format="pcm_24000"
        ):
            heard.pcm += b64decode(part.audio_base_64)
            if (told := part.alignment) is not None:
                letters += zip(told.characters, told.character_start_times_seconds, strict=True)
        heard.words = words_of(letters)
        check_audio(heard, service)
        check_words(heard, service)


async def test_its_client_reports_a_wrong_key() -> None:
    async with MultiStream(key="another").running() as service:
        client = AsyncElevenLabs(api_key=KEY, base_url=service.url.replace("ws", "http", 1))
        with pytest.raises(ApiError) as refused:
            await anext(aiter(client.text_to_speech.stream_with_timestamps("voice-1", text="No.")))
        assert refused.value.status_code == 401


def words_of(letters: list[tuple[str, float]]) -> list[Timed]:
    """The words that characters with their starts make."""
    words: list[Timed] = []
    before = " "
    for letter, start in letters:
        if letter != " " and before == " ":
            words.append(Timed("", start, None))
        if letter != " ":
            words[-1] = words[-1]._replace(text=words[-1].text + letter)
        before = letter
    return words
