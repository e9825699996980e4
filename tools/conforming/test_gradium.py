"""Gradium: its own client and LiveKit's plugin."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import gradium
import pytest
from livekit.agents import APIStatusError
from livekit.plugins.gradium import TTS

from socket_services.gradium import Gradium
from socket_services.service import KEY
from socket_services.speaking import bursts, decoded

from .hearing import TEXT, Heard, Timed, check_audio, check_words, said_by_livekit, spoken


def client_of(service: Gradium) -> gradium.GradiumClient:
    return gradium.GradiumClient(api_key=KEY, base_url=service.url.replace("ws", "http", 1) + "/api/")


def plugin(service: Gradium, session: aiohttp.ClientSession) -> TTS:
    return TTS(api_key=KEY, model_endpoint=service.url + service.path, http_session=session)


async def words_one_by_one() -> AsyncIterator[str]:
    for word in "".join(TEXT).split():
        yield word


async def said_by(service: Gradium, **setup: Any) -> Heard:
    stream = await client_of(service).tts_stream({"voice_id": "voice-1", **setup}, words_one_by_one())
    heard = Heard(b"".join([audio async for audio in stream.iter_bytes()]))
    heard.words = [Timed(told.text, told.start_s, told.stop_s) for told in vars(stream)["_text_with_timestamps"]]
    return heard


async def test_its_client_gets_audio_and_words_of_a_text_that_comes_word_by_word() -> None:
    async with Gradium().running() as service:
        heard = await said_by(service, output_format="pcm_24000")
        check_audio(heard, service)
        check_words(heard, service)


async def test_its_client_gets_opus() -> None:
    async with Gradium().running() as service:
        heard = await said_by(service, output_format="opus")
        starts = [start for start, _ in bursts(decoded(heard.pcm))]
        assert starts == pytest.approx([word.start for word in spoken(service).words], abs=0.005)
        check_words(heard, service)


async def test_streams_of_one_connection_are_told_apart_by_their_names() -> None:
    async with Gradium().running() as service:
        setup = {"voice_id": "voice-1", "output_format": "pcm_24000", "close_ws_on_eos": False}
        async with client_of(service).tts_realtime(**setup, client_req_id="a") as stream:
            await stream.send_setup({**setup, "client_req_id": "b"})
            for name, part in zip("ab", TEXT, strict=False):
                await stream.send_text(part, client_req_id=name)
                await stream.send_eos(client_req_id=name)
            told: dict[str, list[str]] = {"a": [], "b": []}
            ends = 0
            while ends < 2:
                message = await stream.recv()
                ends += message["type"] == "end_of_stream"
                if message["type"] == "text":
                    told[message["client_req_id"]].append(message["text"])
        assert told == {"a": TEXT[0].split(), "b": TEXT[1].split()}
        assert service.handshakes == 1


async def test_its_client_reports_an_error() -> None:
    async with Gradium(error="No more credits").running() as service:
        with pytest.raises(Exception, match="No more credits"):
            await said_by(service, output_format="pcm")


async def test_livekits_plugin_gets_the_audio() -> None:
    async with Gradium().running() as service, aiohttp.ClientSession() as session:
        heard = await said_by_livekit(plugin(service, session), rate=48000)
        assert heard.pcm.startswith(spoken(service).pcm)


async def test_a_wrong_key_is_refused() -> None:
    async with Gradium(key="another").running() as service, aiohttp.ClientSession() as session:
        with pytest.raises(APIStatusError) as refused:
            await said_by_livekit(plugin(service, session), rate=48000)
        assert refused.value.status_code == 401
