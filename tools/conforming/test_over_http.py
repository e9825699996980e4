"""Makers' clients speak over HTTP with the stand-ins of tests/json_shapes.py and tests/plain_shapes.py."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any

from google import genai
from groq import AsyncGroq
from inworld_tts import stream_with_timestamps
from mistralai.client import Mistral
from openrouter import OpenRouter
from together import AsyncTogether

from json_shapes import SHAPES as JSON, truth
from plain_shapes import SHAPES as PLAIN
from shape_parts import KEY, OPUS, PCM, WAV
from speech_server import serving

TEXT = "One small step, then another."


async def test_groqs_client() -> None:
    async with serving(PLAIN["groq"]) as server:
        client = AsyncGroq(api_key=KEY, base_url=server.origin)
        answer = await client.audio.speech.create(
            model="canopylabs/orpheus-v1-english", input=TEXT, voice="autumn", response_format="wav"
        )
        assert await answer.read() == WAV


async def test_mistrals_client() -> None:
    async with serving(JSON["mistral"]) as server:
        client = Mistral(api_key=KEY, server_url=server.origin)
        stream = await client.audio.speech.complete_async(
            input=TEXT, model="voxtral-mini-tts-latest", voice_id="en_paul_neutral", response_format="opus", stream=True
        )
        parts = [event.data async for event in stream]
    assert b"".join(b64decode(part.audio_data) for part in parts if part.type == "speech.audio.delta") == OPUS


async def test_togethers_client() -> None:
    async with serving(JSON["together"]) as server:
        client = AsyncTogether(api_key=KEY, base_url=server.origin)
        stream = await client.audio.speech.create(
            model="hexgrad/Kokoro-82M",
            input=TEXT,
            voice="af_heart",
            response_format="raw",
            response_encoding="pcm_s16le",
            stream=True,
        )
        assert b"".join([b64decode(part.b64) async for part in stream]) == PCM


async def test_geminis_client() -> None:
    async with serving(JSON["gemini"]) as server:
        client = genai.Client(api_key=KEY, http_options={"base_url": server.origin})
        voice = genai.types.VoiceConfig(
            prebuilt_voice_config=genai.types.PrebuiltVoiceConfig(voice_name="Kore"),
        )
        stream = await client.aio.models.generate_content_stream(
            model="gemini-3.1-flash-tts-preview",
            contents=TEXT,
            config=genai.types.GenerateContentConfig(
                response_modalities=["AUDIO"], speech_config=genai.types.SpeechConfig(voice_config=voice)
            ),
        )
        parts = [part async for part in stream]
    found = [part.candidates[0].content.parts[0].inline_data.data for part in parts if part.candidates[0].content]
    assert b"".join(found) == PCM


async def test_inworlds_client() -> None:
    async with serving(JSON["inworld"]) as server:
        parts = [
            part
            async for part in stream_with_timestamps(
                TEXT,
                timestamp_type="WORD",
                voice="Ashley",
                model="inworld-tts-1.5-max",
                encoding="OGG_OPUS",
                sample_rate=48000,
                api_key=KEY,
                base_url=server.origin,
            )
        ]
    assert b"".join(part["audio"] for part in parts) == OPUS
    told = [word for part in parts if part["timestamps"] for word in part["timestamps"]["wordAlignment"]["words"]]
    assert len(told) == len(truth(TEXT))


async def test_openrouters_client() -> None:
    async with serving(PLAIN["openrouter"]) as server:

        def ask() -> Any:
            with OpenRouter(api_key=KEY, server_url=f"{server.origin}/api/v1") as client:
                return client.tts.create_speech(
                    input=TEXT, model="any/model", voice="any", response_format="pcm"
                ).read()

        assert await asyncio.to_thread(ask) == PCM
