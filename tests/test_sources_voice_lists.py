"""Lists of voices, as services document them."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

import oggstream
from oggstream.errors import AuthenticationError, ConfigError, SourceError, UsageError
from oggstream.sources.openai_source import OpenAISource
from oggstream.sources.services.service_source import ServiceSource
from oggstream.sources.services.table import service
from oggstream.sources.voice_lists import voices_in
from oggstream.voice.engine import VoiceInfo
from oggstream.voice.names import NAMES
from speech_server import serving

AZURE = [
    {
        "DisplayName": "Ava",
        "ShortName": "en-US-AvaMultilingualNeural",
        "Gender": "Female",
        "Locale": "en-US",
        "SecondaryLocaleList": ["de-DE", "fr-FR"],
        "VoiceType": "Neural",
    }
]
DEEPGRAM = {
    "tts": [
        {
            "name": "thalia",
            "canonical_name": "aura-2-thalia-en",
            "languages": ["en", "en-US"],
            "metadata": {"tags": ["feminine", "clear"]},
        }
    ]
}
ELEVENLABS = {
    "voices": [
        {
            "voice_id": "JBFqnCBsd6RMkjVDRZzb",
            "name": "George",
            "labels": {"gender": "male", "accent": "british"},
            "verified_languages": [{"language": "en"}, {"language": "de"}],
        }
    ]
}
POLLY = {"Voices": [{"Id": "Joanna", "LanguageCode": "en-US", "Gender": "Female", "LanguageName": "US English"}]}


@pytest.mark.parametrize(
    ("name", "answer", "voice"),
    [
        (
            "azure",
            AZURE,
            VoiceInfo("en-US-AvaMultilingualNeural", ("en-US", "de-DE", "fr-FR"), "Ava, Female, Neural", "azure"),
        ),
        ("deepgram", DEEPGRAM, VoiceInfo("aura-2-thalia-en", ("en", "en-US"), "thalia, feminine, clear", "deepgram")),
        (
            "elevenlabs",
            ELEVENLABS,
            VoiceInfo("JBFqnCBsd6RMkjVDRZzb", ("en", "de"), "George, male, british", "elevenlabs"),
        ),
        ("kokoro", {"voices": ["af_heart"]}, VoiceInfo("af_heart", (), "", "kokoro")),
        ("speaches", [{"id": "af_heart", "language": "en"}], VoiceInfo("af_heart", ("en",), "", "speaches")),
        ("polly", POLLY, VoiceInfo("Joanna", ("en-US",), "Female, US English", "polly")),
    ],
)
async def test_each_service_s_list_is_asked_for_and_read(name: str, answer: Any, voice: VoiceInfo) -> None:
    asked: list[web.Request] = []

    async def answering(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response(answer)

    async with serving(answering) as server:
        source = ServiceSource(name, base_url=server.origin, api_key="k-0123456789")
        assert await oggstream.voices(source) == [voice]
        await source.aclose()
    [request] = asked
    assert request.method == "GET"
    assert request.path_qs == service(name).voices["path"]
    assert "k-0123456789" in str(dict(request.headers)) or name == "polly"


async def test_a_server_like_openai_s_is_asked_for_its_list() -> None:
    async def answering(request: web.Request) -> web.Response:
        assert request.path == "/v1/audio/voices"
        return web.json_response({"voices": [{"id": "alloy", "name": "alloy"}, {"id": "x", "name": "Mr. X"}]})

    async with serving(answering) as server:
        source = OpenAISource(base_url=f"{server.origin}/v1", api_key="k")
        found = await source.voices()
        await source.aclose()
    assert [(voice.id, voice.description) for voice in found] == [("alloy", ""), ("x", "Mr. X")]


async def test_openai_itself_has_thirteen() -> None:
    source = OpenAISource(api_key="k")
    assert tuple(voice.id for voice in await source.voices()) == NAMES


async def test_without_a_source_it_is_this_machine() -> None:
    found = await oggstream.voices()
    assert {"alloy", "cedar", "de"} <= {voice.id for voice in found}
    assert await oggstream.voices("service:offline:espeak") == found


async def test_a_source_without_a_list_says_so() -> None:
    with pytest.raises(UsageError, match="localai has no list of voices"):
        await oggstream.voices("service:localai")
    with pytest.raises(UsageError, match="lists no voices"):
        await oggstream.voices("http://localhost:1/a.opus")


async def test_without_its_key_a_service_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="elevenlabs needs a key: set ELEVENLABS_API_KEY"):
        await oggstream.voices("service:elevenlabs")


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (404, SourceError), (500, SourceError)])
async def test_a_refusal_is_an_error(status: int, error: type[Exception]) -> None:
    async def refusing(_: web.Request) -> web.Response:
        return web.Response(status=status)

    async with serving(refusing) as server:
        source = ServiceSource("kokoro", base_url=server.origin, max_retries=0)
        with pytest.raises(error):
            await source.voices()
        await source.aclose()


async def test_what_is_no_json_is_an_error() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<html>")

    async with serving(page) as server:
        source = ServiceSource("kokoro", base_url=server.origin)
        with pytest.raises(SourceError, match="gives no list of voices: JSON expected"):
            await source.voices()
        await source.aclose()


@pytest.mark.parametrize(
    "value", [None, 7, {}, {"voices": 7}, [7, None, {}, {"id": 7}, {"id": "\x1b[2J"}, {"id": ""}], {"voices": [[[]]]}]
)
def test_what_is_not_understood_is_left_out(value: Any) -> None:
    assert voices_in(value, "x") == []


def test_a_table_of_voices_is_a_list_of_its_keys_and_doubles_count_once() -> None:
    assert [voice.id for voice in voices_in({"voices": {"a": {}, "b": None}}, "x")] == ["a", "b"]
    assert len(voices_in(["a", "a"], "x")) == 1
