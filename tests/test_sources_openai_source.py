from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources import openai_endpoint
from oggstream.sources.http import retries
from oggstream.sources.openai_api import default_model, endpoint_name, is_openai, is_realtime, speech_advice
from oggstream.sources.openai_source import OpenAISource
from oggstream.sources.source import Source
from realtime_service import PCM, realtime_service
from speech_server import BODY, Service, openai_error, recorded, serving, speaking

if TYPE_CHECKING:
    from aiohttp import web

KEY = "sk-proj-looking-glass-1871"
VARIABLES = {
    "OPENAI_API_KEY": KEY,
    "OPENAI_ORG_ID": "org-1",
    "OPENAI_PROJECT_ID": "proj-1",
}
MEANT = ("authorization", "openai-organization", "openai-project", "content-type", "accept")
CASES: list[dict[str, Any]] = [
    {},
    {"voice": "sage", "model": "tts-1-hd"},
    {"instructions": "Cheerful, «loud» \n and\ttabbed", "speed": 1.25},
    {"voice": {"id": "voice_123"}, "speed": 2},
    {"instructions": "", "speed": 1.0},
]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_DELAY", 0.001)


async def speak(source: Source, text: str = "Hello.", **options: Any) -> bytes:
    async with source.open(text, SpeechOptions(**options)) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


async def refusal(answer: web.Response, **settings: Any) -> errors.SourceError:
    async def handler(_: web.Request) -> web.Response:
        return answer

    async with serving(handler) as service:
        source = OpenAISource(base_url=service.base, **{"max_retries": 0, **settings})
        with pytest.raises(errors.SourceError) as caught:
            await speak(source)
        await source.aclose()
    return caught.value


async def sdk_request(service: Service, text: str, options: dict[str, Any]) -> None:
    """The same request by the official client."""
    openai = pytest.importorskip("openai")
    fields = {"model": "gpt-4o-mini-tts", "voice": "coral", **options}
    async with openai.AsyncOpenAI(base_url=service.base, max_retries=0) as client:
        create = client.audio.speech.with_streaming_response.create
        async with create(input=text, response_format="opus", **fields) as response:
            assert b"".join([chunk async for chunk in response.iter_bytes()]) == BODY


@pytest.mark.parametrize("text", ["Hello.", 'Größe "zählt" \\ / 🎧\u2028 end', "x" * 4096])
@pytest.mark.parametrize("options", CASES)
async def test_request_is_that_of_the_official_client(
    text: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=service.base)
        assert await speak(source, text, **options) == BODY
        await source.aclose()
        await sdk_request(service, text, options)
        ours, theirs = service.received
    assert ours[:2] == theirs[:2] == ("POST", "/v1/audio/speech")
    assert ours.body == theirs.body
    assert {name: ours.headers.get(name) for name in MEANT} == {name: theirs.headers.get(name) for name in MEANT}
    assert ours.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.parametrize("slash", ["", "/"])
async def test_settings_come_from_the_environment(slash: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(speaking()) as service:
        for name, value in {**VARIABLES, "OPENAI_BASE_URL": service.base + slash}.items():
            monkeypatch.setenv(name, f" {value}\n")  # as `$(cat file)` in a Windows file leaves them
        source = OpenAISource()
        assert await speak(source) == BODY
        await source.aclose()
        [request] = service.received
    assert request.path == "/v1/audio/speech"
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert (request.headers["openai-organization"], request.headers["openai-project"]) == ("org-1", "proj-1")


async def test_arguments_go_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**VARIABLES, "OPENAI_BASE_URL": "http://127.0.0.1:1"}.items():
        monkeypatch.setenv(name, value)
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=service.base, api_key="other-key", organization="o", project="p")
        assert await speak(source) == BODY
        await source.aclose()
        [request] = service.received
    assert [request.headers[name] for name in MEANT[:3]] == ["Bearer other-key", "o", "p"]


async def test_model_and_voice_of_the_source_fill_in_and_those_of_the_options_win() -> None:
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=service.base, model="kokoro", voice="af_bella")
        await speak(source)
        await speak(source, model="other", voice="echo")
        await source.aclose()
        first, second = service.received
    assert first.body == b'{"model":"kokoro","input":"Hello.","voice":"af_bella","response_format":"opus"}'
    assert second.body == b'{"model":"other","input":"Hello.","voice":"echo","response_format":"opus"}'


@pytest.mark.parametrize("api_key", [None, ""])
async def test_compatible_server_is_asked_without_a_key_if_there_is_none(api_key: str | None) -> None:
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=service.base, api_key=api_key)
        assert await speak(source) == BODY
        await source.aclose()
        assert "authorization" not in service.received[0].headers


async def test_empty_key_keeps_that_of_the_environment_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=service.base, api_key="")
        assert await speak(source) == BODY
        await source.aclose()
        assert "authorization" not in service.received[0].headers


@pytest.mark.parametrize("base_url", [None, "https://eu.api.openai.com/v1"])
async def test_openai_without_a_key_says_what_to_set(base_url: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " ")
    source = OpenAISource(base_url=base_url)
    with pytest.raises(errors.ConfigError, match="set OPENAI_API_KEY to your key, or OPENAI_BASE_URL"):
        await speak(source)
    await source.aclose()


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("https://api.openai.com/v1", True),
        ("https://API.openai.com/v1", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://api.openai.com.example/v1", False),
        ("http://localhost/v1", False),
        ("http://[", False),
    ],
)
def test_openais_own_endpoints_are_known(url: str, own: bool) -> None:
    assert is_openai(url) is own


async def test_query_of_the_base_url_stays_at_the_end() -> None:
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=f"{service.base}/?api-version=1")
        assert await speak(source) == BODY
        await source.aclose()
        assert service.received[0].path == "/v1/audio/speech?api-version=1"


async def test_user_in_the_base_url_goes_before_the_key() -> None:
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=f"http://alice:liddell@{service.place}/v1", api_key=KEY)
        assert await speak(source) == BODY
        await source.aclose()
        assert service.received[0].headers["authorization"] == "Basic YWxpY2U6bGlkZGVsbA=="


# Texts and options


@pytest.mark.parametrize(
    ("text", "says"),
    [("", "empty"), (" \n\t", "empty"), ("x" * 4097, "4097 characters, 4096 is the most"), ("a\ud800", "character 1")],
)
async def test_text_that_cannot_be_spoken(text: str, says: str) -> None:
    source = OpenAISource(base_url="http://127.0.0.1:1")
    with pytest.raises(errors.TextError, match=says):
        await speak(source, text)
    await source.aclose()


@pytest.mark.parametrize(("name", "sent"), [("auto", b"opus"), ("opus", b"opus"), ("pcm", b"pcm"), ("wav", b"wav")])
async def test_formats_are_asked_for_by_their_name(name: str, sent: bytes) -> None:
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=service.base)
        assert await speak(source, format=name) == BODY
        await source.aclose()
        assert b'"response_format":"%b"' % sent in service.received[0].body


def test_formats_that_can_be_asked_for_are_those_of_the_model() -> None:
    source = OpenAISource(base_url="http://127.0.0.1:1")
    assert source.traits.formats_for(SpeechOptions()) == ("opus", "pcm", "wav")
    assert source.traits.formats_for(SpeechOptions(model="gpt-realtime")) == ("pcm",)


# Models of the Realtime API

DAY_BEFORE = 1_799_193_599.0  # 2027-01-05 23:59:59 UTC
THE_DAY = DAY_BEFORE + 1


@pytest.mark.parametrize(
    ("model", "realtime"),
    [
        ("gpt-realtime", True),
        ("gpt-realtime-2.1-mini", True),
        ("gpt-4o-mini-realtime-preview", True),
        ("gpt-4o-mini-tts", False),
        ("qwen3-tts-realtime", False),
    ],
)
def test_models_of_the_realtime_api_are_known_by_their_name(model: str, realtime: bool) -> None:
    assert is_realtime(model) is realtime


@pytest.mark.parametrize(("now", "model"), [(DAY_BEFORE, "gpt-4o-mini-tts"), (THE_DAY, "gpt-realtime-2.1-mini")])
def test_default_model_follows_when_the_speech_models_end(now: float, model: str) -> None:
    assert default_model(now) == model
    own = OpenAISource(base_url="https://eu.api.openai.com/v1", clock=lambda: now)
    assert own.traits.identity_for(SpeechOptions()) == f"eu.api.openai.com|{model}|coral"


def test_default_model_of_other_endpoints_stays_and_so_does_one_that_was_named() -> None:
    other = OpenAISource(base_url="http://host/v1", clock=lambda: THE_DAY)
    assert other.traits.identity_for(SpeechOptions()) == "host|gpt-4o-mini-tts|coral"
    named = OpenAISource(model="tts-1", clock=lambda: THE_DAY)
    assert named.traits.identity_for(SpeechOptions()) == "api.openai.com|tts-1|coral"
    assert named.traits.identity_for(SpeechOptions(model="gpt-realtime")) == "api.openai.com|gpt-realtime|coral"


async def test_text_for_a_model_of_the_realtime_api_goes_there_and_the_next_one_does_not() -> None:
    async with realtime_service() as service:
        source = OpenAISource(base_url=service.base, api_key=KEY, voice="cedar")
        assert await speak(source, model="gpt-realtime-2.1-mini") == PCM
        assert source.traits.name == "realtime"
        with pytest.raises(errors.NotFoundError):
            await speak(source)
        assert source.traits.name == "openai"
        await source.aclose()
        [talk] = service.talks
    assert talk.received[0]["session"]["audio"]["output"]["voice"] == "cedar"


async def test_default_model_is_asked_over_the_realtime_api_from_the_day_on(monkeypatch: pytest.MonkeyPatch) -> None:
    async with realtime_service() as service:
        monkeypatch.setattr(openai_endpoint, "is_openai", lambda _: True)
        source = OpenAISource(base_url=service.base, api_key=KEY, clock=lambda: THE_DAY)
        await source.warm()
        assert await speak(source) == PCM
        await source.aclose()


# What the service says


async def test_events_count_the_characters() -> None:
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=service.base)
        with recorded() as seen:
            await source.warm()
            await speak(source, "Größe")
        await source.aclose()
        assert service.connections <= 1
        assert len(service.posts) == 1
    assert [event.characters for event in seen if isinstance(event, events.RequestSent)] == [5]


@pytest.fixture
def _openais_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server here is taken for OpenAI's own."""
    monkeypatch.setattr(openai_endpoint, "is_openai", lambda _: True)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.usefixtures("_openais_own")
@pytest.mark.parametrize("model", ["gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1", "tts-1-hd"])
async def test_missing_speech_model_says_when_they_end_and_the_way_on(model: str) -> None:
    answer = openai_error(404, f"The model `{model}` does not exist", code="model_not_found", x_request_id="req_4")
    error = await refusal(answer, model=model)
    assert isinstance(error, errors.NotFoundError)
    assert error.request_id == "req_4"
    assert f"`{model}` does not exist" in str(error)
    assert "end on 2027-01-06: go on with --model gpt-realtime-2.1-mini, or with a base_url" in str(error)


@pytest.mark.usefixtures("_openais_own")
@pytest.mark.parametrize(
    ("status", "said"),
    [(410, "gone"), (400, "The model `tts-1` has been deprecated"), (403, "tts-1 was shut down on 2027-01-06")],
)
async def test_ended_speech_model_says_the_way_on_however_that_is_told(status: int, said: str) -> None:
    error = await refusal(openai_error(status, said), model="tts-1")
    assert "go on with --model gpt-realtime-2.1-mini" in str(error)


async def test_another_server_than_openais_says_nothing_of_the_end_of_openais_models() -> None:
    error = await refusal(openai_error(404, "The model `gpt-4o-mini-tts` does not exist"))
    assert "2027" not in str(error)
    assert "name a model of this server with --model (model=)" in str(error)


@pytest.mark.usefixtures("_openais_own")
async def test_other_refusals_of_a_speech_model_say_nothing_of_its_end() -> None:
    assert "2027" not in str(await refusal(openai_error(400, "voice is unknown"), model="tts-1"))
    assert "2027" not in str(await refusal(openai_error(503, "no longer available"), model="tts-1"))


@pytest.mark.parametrize(
    ("base_url", "name"),
    [
        ("https://api.openai.com/v1", "api.openai.com"),
        ("http://Host:8880/v1/", "host:8880"),
        ("http://user:pass@host/kokoro/v1?key=abcdef", "host/kokoro"),
        ("http://host/piper/v1", "host/piper"),
        ("http://[", ""),
    ],
)
def test_the_behaviour_of_a_service_is_remembered_by_its_endpoint(base_url: str, name: str) -> None:
    assert endpoint_name(base_url) == name


def test_other_missing_model_asks_to_check_it() -> None:
    assert (
        speech_advice(404, "kokoro")
        == "check that the service has the model 'kokoro', and the base URL (most end in /v1)"
    )


async def test_key_that_is_refused_is_not_shown() -> None:
    said = f"Incorrect API key provided: {KEY[:8]}{'*' * 12}{KEY[-4:]}. You can find yours at https://example.invalid."
    error = await refusal(openai_error(401, said, code="invalid_api_key"), api_key=KEY)
    assert isinstance(error, errors.AuthenticationError)
    assert "check the API key" in str(error)
    assert "1871" not in str(error)
    assert "looking" not in str(error)


async def test_server_that_wants_a_key_and_got_none() -> None:
    error = await refusal(openai_error(401, "key needed"))
    assert str(error).endswith("this server wants a key: set OPENAI_API_KEY")


async def test_unusable_base_url_is_named_when_it_is_used() -> None:
    source = OpenAISource(base_url="localhost:8880/v1")
    with pytest.raises(errors.ConfigError, match="unusable URL 'localhost:8880/v1/audio/speech'"):
        await speak(source)
    await source.aclose()


def test_source_is_one_and_shows_no_key() -> None:
    source = OpenAISource(base_url="http://u:pass@host/v1?token=abcdef", api_key=KEY)
    assert isinstance(source, Source)
    assert repr(source) == "OpenAISource('http://host/v1/audio/speech')"
