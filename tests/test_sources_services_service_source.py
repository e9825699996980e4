from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

import oggstream
from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources.services.service_source import ServiceSource
from oggstream.sources.services.table import Service, service, service_names
from oggstream.sources.source import Source
from oggstream.text.replacing.replaced_text import replaced
from oggstream.text.replacing.replacements import replacements
from scripted import spoken
from service_shapes import KEY, OPUS, SHAPES
from shape_parts import BODIES
from speech_server import Handler, Service as Server, recorded, serving

FORMATS = {
    "assemblyai": ("pcm",),
    "azure": ("opus", "pcm", "wav"),
    "cartesia": ("pcm", "wav"),
    "deepgram": ("opus", "pcm", "wav"),
    "elevenlabs": ("opus", "pcm"),
    "fish": ("opus", "pcm", "wav"),
    "gemini": ("pcm",),
    "groq": ("wav",),
    "inworld": ("opus", "pcm"),
    "kokoro": ("opus", "pcm", "wav"),
    "localai": ("opus", "wav"),
    "mistral": ("pcm", "opus", "wav"),
    "openrouter": ("pcm",),
    "piper": ("wav",),
    "pocket-tts": ("wav",),
    "polly": ("opus", "pcm"),
    "rime": ("opus", "pcm", "wav"),
    "speaches": ("opus", "pcm", "wav"),
    "together": ("pcm", "wav"),
}
RATES = {"polly": 16000}


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the user's own."""
    monkeypatch.delenv("OGGSTREAM_SERVICES", raising=False)
    for name in service_names():
        for variables in service(name).environment.values():
            for variable in variables:
                monkeypatch.delenv(variable, raising=False)


@asynccontextmanager
async def asked(
    name: str, handler: Handler | None = None, **settings: Any
) -> AsyncIterator[tuple[ServiceSource, Server]]:
    """The source of a service, and a server of its shape."""
    async with serving(handler or SHAPES[name]) as server:
        entry = service(name)
        base = server.origin + (urlsplit(entry.base_url).path if "{" not in entry.base_url else "")
        usual = {"api_key": KEY} if "key" in entry.needs else {}
        model = {"model": "openai/any"} if "model" in entry.needs else {}
        source = ServiceSource(name, **{"base_url": base, "max_retries": 0, **usual, **model, **settings})
        try:
            yield source, server
        finally:
            await source.aclose()


async def speak(source: Source, text: str = "Hello.", **options: Any) -> tuple[bytes, Any]:
    async with source.open(text, SpeechOptions(**options)) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)]), stream


async def refusal(name: str, text: str = "Hello.", settings: dict[str, Any] | None = None, **options: Any) -> Any:
    async with asked(name, **(settings or {})) as (source, _):
        with pytest.raises(errors.OggStreamError) as caught:
            await speak(source, text, **options)
    assert KEY not in f"{caught.value} {caught.value!r} {caught.value.__cause__!r}"
    return caught.value


# What is asked and comes


def test_every_service_of_the_table_has_its_shape_and_makes_sense() -> None:
    over_http = [name for name in service_names() if service(name).over_http]
    assert over_http == sorted(SHAPES)
    assert {name: tuple(service(name).formats) for name in over_http} == FORMATS


@pytest.mark.parametrize(("name", "wanted"), [(name, wanted) for name in FORMATS for wanted in FORMATS[name]])
async def test_each_service_gives_each_of_its_formats(name: str, wanted: str) -> None:
    async with asked(name) as (source, _):
        body, stream = await speak(source, format=wanted)
    assert body == BODIES[wanted]
    assert stream.traits.format == wanted
    if wanted == "pcm":
        assert f"rate={RATES.get(name, 24000)}" in stream.content_type
        assert stream.content_type.startswith(("audio/pcm;", "audio/l16;"))


@pytest.mark.parametrize("name", FORMATS)
async def test_auto_is_the_first_of_the_formats(name: str) -> None:
    async with asked(name) as (source, _):
        assert source.traits.formats_for(SpeechOptions()) == FORMATS[name]
        body, stream = await speak(source)
    assert (body, stream.traits.format) == (BODIES[FORMATS[name][0]], FORMATS[name][0])


async def test_format_that_a_service_does_not_have_is_refused_with_those_it_has() -> None:
    error = await refusal("elevenlabs", format="wav")
    assert isinstance(error, errors.UsageError)
    assert str(error) == "elevenlabs gives no wav: use format auto or opus or pcm"


@pytest.mark.parametrize("name", FORMATS)
async def test_text_with_letters_of_every_syntax_arrives_as_it_is(name: str) -> None:
    text = "\"A\" & <b>b</b> {text} {{x}} ${HOME} %41 'c' \\n Größe 🎧 ]]> \u2028 end"
    async with asked(name) as (source, server):
        body, _ = await speak(source, text)
        [request] = server.received
    assert body == BODIES[FORMATS[name][0]]
    if name == "azure":
        from xml.etree import ElementTree as ET

        assert "".join(ET.fromstring(request.body).itertext()) == text
    elif name == "pocket-tts":
        assert f'form-data; name="text"\r\n\r\n{text}\r\n'.encode() in request.body
    else:
        assert json.dumps(text)[1:-1] in json.dumps(json.loads(request.body))


async def test_options_stand_where_each_service_wants_them() -> None:
    options: dict[str, Any] = {"voice": "aura-2-v", "model": None, "speed": 1.25}
    async with asked("deepgram") as (source, server):
        await speak(source, **options)
        query = parse_qs(urlsplit(server.received[0].path).query)
    assert query == {
        "model": ["aura-2-v"],
        "encoding": ["opus"],
        "container": ["ogg"],
        "bit_rate": ["32000"],
        "speed": ["1.25"],
    }
    async with asked("elevenlabs", model="eleven_multilingual_v2") as (source, server):
        await speak(source, voice="a/b?c=d", speed=1.25)
        await speak(source)
        first, second = server.received
    assert first.path == "/v1/text-to-speech/a%2Fb%3Fc%3Dd/stream/with-timestamps?output_format=opus_48000_64"
    assert json.loads(first.body)["voice_settings"] == {"speed": 1.25}
    assert json.loads(second.body) == {"text": "Hello.", "model_id": "eleven_multilingual_v2"}
    async with asked("kokoro", api_key=KEY) as (source, server):
        await speak(source, voice={"id": "af_bella"}, speed=1)
        [request] = server.received
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.body == (
        b'{"model":"kokoro","input":"Hello.","voice":"af_bella","response_format":"opus","speed":1,"stream":true}'
    )


@pytest.mark.parametrize(
    ("name", "other", "kind"),
    [
        ("kokoro", "/v1/audio/speech", "audio/ogg"),
        ("elevenlabs", "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/stream", "audio/ogg"),
        ("piper", "/", "audio/wav"),
    ],
)
async def test_a_server_that_does_not_know_the_path_is_asked_at_the_other_one_from_then_on(
    name: str, other: str, kind: str
) -> None:
    body = BODIES["wav" if kind.endswith("wav") else "opus"]

    async def plain(request: web.Request) -> web.Response:
        if request.path != other:
            return web.json_response({"detail": "Not Found"}, status=404)
        return web.Response(body=body, headers={"Content-Type": kind})

    async with asked(name, plain) as (source, server):
        assert (await speak(source))[0] == body
        assert (await speak(source))[0] == body
    assert [request.path.partition("?")[0] for request in server.received][1:] == [other, other]


async def test_what_is_found_at_neither_is_the_error_of_the_last() -> None:
    async def nothing(request: web.Request) -> web.Response:
        return web.json_response({"detail": f"no {request.path}"}, status=404)

    async with asked("kokoro", nothing) as (source, server):
        for _ in range(2):
            with pytest.raises(errors.NotFoundError, match="no /v1/audio/speech"):
                await speak(source)
    assert len(server.received) == 4


async def test_the_language_stands_where_each_service_wants_it_and_nowhere_else() -> None:
    async with asked("azure") as (source, server):
        await speak(source, language="de-AT")
        await speak(source)
        assert [b'xml:lang="de-AT"' in server.received[0].body, b'xml:lang="en-US"' in server.received[1].body] == [
            True,
            True,
        ]
    for name, key in (("elevenlabs", "language_code"), ("localai", "language")):
        async with asked(name) as (source, server):
            await speak(source, language="pt-BR")
            await speak(source)
            assert [json.loads(request.body).get(key) for request in server.received] == ["pt", None]
    with recorded() as seen:
        async with asked("deepgram") as (source, server):
            await speak(source, language="pt-BR")
    assert not [event for event in seen if isinstance(event, events.Warned)]


@pytest.mark.parametrize(
    ("name", "settings", "expected"),
    [
        ("azure", {}, 'An <phoneme alphabet="ipa" ph="heɪvæk">HVAC</phoneme> &#38; &#60;b&#62;.'),
        ("deepgram", {}, r'An \{"word": "HVAC", "pronounce": "heɪvæk"\} & <b>.'),
        ("deepgram", {"model": "aura-2-viktoria-de"}, "An HVAC & <b>."),
        ("elevenlabs", {}, "An HVAC & <b>."),
        ("elevenlabs", {"model": "eleven_flash_v2"}, 'An <phoneme alphabet="ipa" ph="heɪvæk">HVAC</phoneme> & <b>.'),
        ("kokoro", {}, "An [HVAC](/heɪvæk/) & <b>."),
        ("localai", {}, "An HVAC & <b>."),
    ],
)
async def test_phonemes_are_sent_as_each_model_takes_them(name: str, settings: dict[str, Any], expected: str) -> None:
    async with asked(name, **settings) as (source, server):
        words = replacements({"HVAC": oggstream.Ipa("heɪvæk")}, source.traits.ipa_for(SpeechOptions()))
        piece = replaced("An HVAC & <b>.", words)
        await speak(source, piece.text)
        [request] = server.received
    body = request.body.decode()
    assert expected in (body if name == "azure" else json.loads(body).values())
    assert piece.spelled == (None if "heɪvæk" in expected else "HVAC")


async def test_a_word_with_marks_of_its_own_is_sent_without_phonemes() -> None:
    words = replacements({"A<B": oggstream.Ipa("a")}, service("azure").ipa_of(""))
    assert replaced("An A<B.", words).text == "An A<B."


async def test_ssml_holds_voice_and_speed_escaped() -> None:
    async with asked("azure") as (source, server):
        _, stream = await speak(source, "a\x00b\x0bc", voice='x"><evil/>', speed=0.5)
        [request] = server.received
    assert stream.headers["X-Heard"] == "0.5"
    assert request.body.count(b"<") == 6
    assert b"abc" in request.body


async def test_model_of_the_options_is_deepgrams_voice_too() -> None:
    async with asked("deepgram", voice="aura-2-mine") as (source, server):
        await speak(source)
        await speak(source, model="aura-2-other")
        assert ["model=aura-2-mine" in server.received[0].path, "model=aura-2-other" in server.received[1].path] == [
            True
        ] * 2


async def test_region_makes_azures_address() -> None:
    source = ServiceSource("azure", api_key=KEY, region="west europe/x")
    assert repr(source) == "ServiceSource('azure', base_url='https://west%20europe%2Fx.tts.speech.microsoft.com')"
    identity = source.traits.identity_for(SpeechOptions(voice="v"))
    assert identity == "west%20europe%2fx.tts.speech.microsoft.com/cognitiveservices/v1||v"


async def test_what_a_service_cannot_do_is_told_once() -> None:
    async with asked("deepgram") as (source, _):
        with recorded() as seen:
            await speak(source, instructions="Whisper.")
            await speak(source, instructions="Whisper.", speed=1.0)
    assert [event.message for event in seen if isinstance(event, events.Warned)] == [
        "deepgram takes no instructions: left out"
    ]


async def test_request_is_counted_and_its_name_kept() -> None:
    names = {"deepgram": "dg-1", "elevenlabs": "el-1", "azure": "az-1", "polly": "aws-1"}
    for name, request_id in names.items():
        async with asked(name) as (source, _):
            with recorded() as seen:
                _, stream = await speak(source, "Größe")
        assert stream.request_id == request_id
        assert [event.characters for event in seen if isinstance(event, events.RequestSent)] == [5]


async def test_kept_connection_serves_the_next_text() -> None:
    async with asked("speaches") as (source, server):
        await source.warm()
        await speak(source)
        await speak(source)
        assert len({request.port for request in server.received}) == 1


async def test_speaches_is_asked_for_opus_at_a_rate_that_opus_has_and_for_wav_at_the_voices_own() -> None:
    async with asked("speaches") as (source, server):
        for name in ("opus", "wav"):
            await speak(source, format=name)
        assert [json.loads(request.body).get("sample_rate") for request in server.received] == [24000, None]


# What is not configured


@pytest.mark.parametrize(
    ("name", "settings", "says"),
    [
        ("deepgram", {"api_key": ""}, "deepgram needs a key: set DEEPGRAM_API_KEY"),
        ("elevenlabs", {"api_key": ""}, "elevenlabs needs a key: set ELEVENLABS_API_KEY or ELEVEN_API_KEY"),
        ("azure", {"api_key": ""}, "azure needs a key: set AZURE_SPEECH_KEY or SPEECH_KEY"),
        ("azure", {"base_url": None}, "azure needs a region: set AZURE_SPEECH_REGION or SPEECH_REGION"),
        ("polly", {"base_url": None}, "polly needs an endpoint: set AWS_ENDPOINT_URL_POLLY"),
    ],
)
async def test_what_is_missing_is_named_with_its_variable(name: str, settings: dict[str, Any], says: str) -> None:
    error = await refusal(name, settings=settings)
    assert isinstance(error, errors.ConfigError)
    assert str(error) == says


async def test_settings_come_from_each_services_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(SHAPES["localai"]) as server:
        monkeypatch.setenv("LOCALAI_BASE_URL", f" {server.origin}/v1/ \n")
        monkeypatch.setenv("LOCALAI_API_KEY", f"{KEY}\n")
        source = ServiceSource("localai")
        assert (await speak(source))[0] == OPUS
        await source.aclose()
        assert server.received[0].headers["authorization"] == f"Bearer {KEY}"
    monkeypatch.setenv("SPEECH_KEY", KEY)
    monkeypatch.setenv("SPEECH_REGION", "eastus")
    assert "https://eastus.tts" in repr(ServiceSource("azure"))
    assert KEY not in repr(ServiceSource("azure"))


async def test_a_model_that_must_be_chosen_is_asked_for() -> None:
    error = await refusal("openrouter", settings={"model": None})
    assert str(error) == "openrouter needs a model: give one"


def test_setting_that_a_service_does_not_know_is_refused() -> None:
    with pytest.raises(errors.UsageError, match="deepgram takes no region; it takes base_url"):
        ServiceSource("deepgram", region="x")


# What they refuse


@pytest.mark.parametrize(
    ("name", "settings", "options", "kind", "says"),
    [
        ("deepgram", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, "credentials; check DEEPGRAM_API_KEY"),
        ("deepgram", {}, {"voice": "x"}, errors.RequestRefusedError, "No such model/version combination found"),
        ("deepgram", {}, {"voice": "aura-poor"}, errors.QuotaError, "not have enough credits .*; add credit"),
        ("elevenlabs", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, r"API key \*\*\*; check ELEVENLABS"),
        ("elevenlabs", {}, {"voice": "unknown"}, errors.RequestRefusedError, "voice_id unknown does not exist"),
        ("azure", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, "denied .*; check AZURE_SPEECH_KEY, and"),
        ("azure", {}, {"voice": "nobody"}, errors.RequestRefusedError, "Unsupported voice nobody"),
        ("polly", {}, {"voice": "Unsigned"}, errors.AccessError, "Missing .*; AWS wants its requests signed"),
        ("polly", {}, {"model": "x"}, errors.RequestRefusedError, "1 validation error detected"),
        ("kokoro", {}, {"voice": "nobody"}, errors.RequestRefusedError, "Voice 'nobody' not found. Available"),
        ("kokoro", {}, {"model": "x"}, errors.RequestRefusedError, "Unsupported model: x"),
        ("speaches", {}, {"model": "absent"}, errors.NotFoundError, "not installed .*; check the voice, the model"),
        ("speaches", {}, {"speed": 4.0}, errors.RequestRefusedError, "speed must be between 0.5 and 2.0"),
        ("localai", {}, {"model": "absent"}, errors.ServerError, "failed to load model .*; the service failed"),
        ("localai", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, "key is required; check LOCALAI_API_KEY"),
        ("groq", {}, {"model": "tts-1"}, errors.NotFoundError, "`tts-1` does not exist; check the voice, the model"),
        ("groq", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, "Invalid API Key; check GROQ_API_KEY"),
        ("openrouter", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, "check OPENROUTER_API_KEY"),
        ("assemblyai", {}, {"model": "tts-1"}, errors.RequestRefusedError, "'tts-1' does not exist; it has models of"),
        ("rime", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, "Unauthorized; check RIME_API_KEY"),
        ("fish", {}, {"model": "x"}, errors.RequestRefusedError, "unknown model"),
        ("cartesia", {}, {"voice": "nobody"}, errors.NotFoundError, "voice not found; check the voice, the model"),
        ("gemini", {"api_key": "wrong-key"}, {}, errors.RequestRefusedError, "API key not valid"),
        ("gemini", {}, {"model": "x"}, errors.RequestRefusedError, "Model x does not support audio; voice Kore"),
        ("inworld", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, "Unauthorized; check INWORLD_API_KEY"),
        ("inworld", {}, {"voice": "nobody"}, errors.ServerError, "broke off with an error: .*Unknown voice: nobody"),
        ("mistral", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, "Unauthorized; check MISTRAL_API_KEY"),
        ("together", {"api_key": "wrong-key"}, {}, errors.AuthenticationError, "Invalid API key provided; check TOGE"),
        ("pocket-tts", {}, {"voice": "nobody"}, errors.RequestRefusedError, "voice_url must start with http"),
    ],
)  # fmt: skip
async def test_refusals_of_each_service_are_told_in_its_words(
    name: str, settings: dict[str, Any], options: dict[str, Any], kind: type, says: str
) -> None:
    error = await refusal(name, settings=settings, **options)
    assert type(error) is kind
    assert re.search(says, str(error)), str(error)
    assert "wrong-key" not in str(error)
    assert "\n" not in str(error)


async def test_elevenlabs_quota_is_known_behind_its_401() -> None:
    error = await refusal("elevenlabs", "too much")
    assert type(error) is errors.QuotaError
    assert "3 credits remaining" in str(error)


async def test_missing_key_is_named_where_a_server_turns_out_to_want_one() -> None:
    async def locked(_: web.Request) -> web.Response:
        return web.json_response({"error": {"code": 401, "message": "An authentication key is required"}}, status=401)

    async with asked("localai", locked) as (source, _):
        with pytest.raises(errors.AuthenticationError, match="this server wants a key: set LOCALAI_API_KEY"):
            await speak(source)


@pytest.mark.parametrize("name", [name for name in FORMATS if service(name).longest_text])
async def test_text_beyond_a_services_limit_is_not_sent(name: str) -> None:
    limit = service(name).longest_text
    async with asked(name) as (source, server):
        assert source.traits.longest_text == limit
        with pytest.raises(errors.TextError, match=f"{limit} is the most"):
            await speak(source, "x" * ((limit or 0) + 1))
        with pytest.raises(errors.TextError, match="empty"):
            await speak(source, " ")
        assert server.received == []


async def test_page_of_text_does_not_become_samples() -> None:
    async def html(_: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    async with asked("kokoro", html) as (source, _):
        _, stream = await speak(source, format="pcm")
    assert stream.content_type.startswith("text/html")


# One of one's own


async def test_service_in_a_few_lines_of_python() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=OPUS if request.query["q"] == "Hi & bye" else b"", content_type="audio/ogg")

    async with serving(answer) as server:
        mine = Service(name="mine", base_url=server.origin, path="/say", query={"q": "{text}", "v": "{voice}"})
        source = ServiceSource(mine)
        assert isinstance(source, Source)
        assert (await speak(source, "Hi & bye"))[0] == OPUS
        await source.aclose()
        assert server.received[0][:2] == ("GET", "/say?q=Hi%20%26%20bye")
        assert source.traits.longest_text is None


async def test_keys_in_a_query_or_a_body_are_struck_out_too() -> None:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(status=400, text=f"cannot: {request.path_qs} {await request.text()}")

    async with serving(echo) as server:
        mine = Service(
            name="mine",
            base_url=server.origin,
            query={"k": "{key}"},
            json={"k": "{key}", "t": "{text}"},
            environment={"key": ["MINE_KEY"]},
        )
        source = ServiceSource(mine, api_key=KEY, max_retries=0)
        with pytest.raises(errors.RequestRefusedError) as caught:
            await speak(source)
        await source.aclose()
    assert "cannot" in str(caught.value)
    assert KEY not in str(caught.value)


async def test_field_of_the_path_without_a_value_is_asked_for() -> None:
    source = ServiceSource(Service(name="mine", base_url="http://127.0.0.1:1", path="/{voice}"))
    with pytest.raises(errors.UsageError, match="mine needs a voice: give one"):
        await speak(source)


async def test_a_document_of_ssml_is_sent_as_it_is_to_a_service_that_takes_it() -> None:
    document = '<speak version="1.0"><p>One &amp; two.</p> <break time="1s"/> Three.</speak>'

    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=spoken(0.3), content_type="audio/ogg")

    async with serving(answer) as server:
        source = ServiceSource(Service(name="mine", base_url=server.origin, xml="<speak>{text}</speak>"))
        assert source.traits.ssml
        for text in (document, "A & b."):
            async for _ in oggstream.stream_packets(text, source=source):
                pass
        await source.aclose()
        assert [request.body for request in server.posts] == [document.encode(), b"<speak>A &#38; b.</speak>"]


async def test_where_no_ssml_is_taken_its_words_are_sent() -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(body=spoken(0.3), content_type="audio/ogg")

    async with serving(answer) as server:
        source = ServiceSource(Service(name="mine", base_url=server.origin, json={"text": "{text}"}))
        async for _ in oggstream.stream_packets("<speak><p>One two.</p></speak>", source=source):
            pass
        await source.aclose()
        assert json.loads(server.posts[0].body) == {"text": "One two."}
