"""The models and voices of a compatible server are named when it refuses one, and requested only then."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources import openai_offers
from oggstream.sources.http import retries
from oggstream.sources.openai_offers import names_in, refused_subjects
from oggstream.sources.openai_source import OPUS_RATE, OpenAISource
from speech_server import BODY, Service, recorded, serving

VOICES = {"voices": [{"id": "af_bella", "name": "Bella"}, {"name": "af_sky"}, "am_adam"]}
MODELS = {
    "data": [{"id": "whisper-1", "task": "automatic-speech-recognition"}, {"id": "kokoro", "task": "text-to-speech"}]
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_DELAY", 0.001)


def server(
    refusal: Callable[[dict[str, Any]], web.Response], voices: Any = VOICES, models: Any = MODELS
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        lists = {"/v1/audio/voices": voices, "/v1/models": models}
        if request.method == "GET":
            found = lists[request.path]
            if found is None:
                return web.Response(status=404)
            return web.Response(body=found if isinstance(found, bytes) else json.dumps(found).encode())
        return refusal(json.loads(await request.read()))

    return handle


def refused(status: int, said: Any) -> Callable[[dict[str, Any]], web.Response]:
    return lambda _: web.json_response(said, status=status)


async def failure(source: OpenAISource, **options: Any) -> errors.OggStreamError:
    with pytest.raises(errors.OggStreamError) as caught:
        await speak(source, **options)
    return caught.value


async def speak(source: OpenAISource, **options: Any) -> bytes:
    async with source.open("Hello.", SpeechOptions(**options)) as stream:
        body = b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])
        if not body:
            raise errors.EmptyBodyError("the body is empty", offset=0)
        return body


def lookups(service: Service) -> list[str]:
    return [received.path for received in service.received if received.method == "GET"]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (400, {"detail": {"error": "validation_error", "message": "Voice coral not found."}}),
        (404, {"error": {"message": "no such voice"}}),
        (422, {"detail": [{"loc": ["body", "voice"], "msg": "Input should be 'af_bella'"}]}),
    ],
)
async def test_a_refused_voice_is_answered_with_the_voices_of_the_server(status: int, said: Any) -> None:
    async with serving(server(refused(status, said))) as service:
        source = OpenAISource(base_url=service.base)
        with recorded() as seen:
            error = await failure(source)
        await failure(source)
        await source.aclose()
    assert "--voice (voice=) from what this server has: af_bella, af_sky, am_adam" in str(error)
    assert isinstance(error, errors.SourceError)
    assert error.status == status
    assert lookups(service) == ["/v1/audio/voices"]  # once
    assert [type(event) for event in seen].count(events.RequestSent) == 1  # a list is no request for speech


async def test_a_refused_model_is_answered_with_the_models_that_speak() -> None:
    said = {"detail": "Model 'gpt-4o-mini-tts' is not installed locally."}
    async with serving(server(refused(404, said))) as service:
        source = OpenAISource(base_url=service.base)
        error = await failure(source)
        await source.aclose()
    assert str(error).endswith("choose with --model (model=) from what this server has: kokoro")


async def test_an_answer_with_nothing_in_it_names_both() -> None:
    async with serving(server(lambda _: web.Response(body=b""))) as service:
        source = OpenAISource(base_url=service.base)
        error = await failure(source, format="wav")
        assert "--model (model=) from what this server has: kokoro" in str(error)
        assert "--voice (voice=) from what this server has: af_bella" in str(error)
        assert "--voice" not in str(await failure(source))  # auto tries another format first
        await source.aclose()


@pytest.mark.parametrize(
    "voices",
    [
        None,
        b"<html>",
        b"[" * 100_000,
        b"{}",
        b'{"voices": 7}',
        b'["' + b"x" * (1 << 20) + b'"]',
        {"voices": ["\x1b[2J"]},
    ],
    ids=range(7),
)
async def test_without_a_list_that_can_be_read_the_option_is_named_alone(voices: Any) -> None:
    async with serving(server(refused(400, {"detail": "unknown voice"}), voices=voices)) as service:
        source = OpenAISource(base_url=service.base)
        error = await failure(source)
        await source.aclose()
    assert str(error).endswith("unknown voice; name a voice of this server with --voice (voice=)")


async def test_a_list_that_never_comes_is_waited_for_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_offers, "LOOKUP_SECONDS", 0.05)

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            await asyncio.sleep(30)
        return web.json_response({"detail": "unknown voice"}, status=400)

    async with serving(handle) as service:
        source = OpenAISource(base_url=service.base)
        assert "name a voice of this server" in str(await failure(source))
        await source.aclose()


@pytest.mark.parametrize(
    ("status", "said", "subjects"),
    [
        (400, "Voice 'x' is not supported for model 'y'", ("model", "voice")),
        (400, "invoice", ()),
        (400, "response_format must be one of mp3; voices may be any", ()),
        (401, "no voice", ()),
        (500, "no voice", ()),
        (404, "Not Found", ()),
    ],
)
def test_only_what_is_refused_is_looked_up(status: int, said: str, subjects: tuple[str, ...]) -> None:
    assert refused_subjects(status, said) == subjects


@pytest.mark.parametrize(
    ("listed", "names"),
    [
        (["a", "b", "a"], ["a", "b"]),
        ({"voices": {"a": {}, "b": {}}}, ["a", "b"]),
        ({"models": [{"id": "m"}, 7, None, {"id": 3}]}, ["m"]),
        ({"voices": [{"voice_id": "v"}]}, ["v"]),
        (7, []),
        (None, []),
    ],
)
def test_lists_are_read_as_servers_write_them(listed: Any, names: list[str]) -> None:
    assert names_in(listed) == names


# Opus of a voice at a rate that Opus does not have.

SAID = "Opus only supports sample rates of 8000, 12000, 16000, 24000, and 48000."


def at_own_rate(first: web.Response) -> Callable[[dict[str, Any]], web.Response]:
    def answer(fields: dict[str, Any]) -> web.Response:
        if fields["response_format"] == "opus" and fields.get("sample_rate") != OPUS_RATE:
            return web.Response(body=first.body, status=first.status, headers=first.headers.copy())
        return web.Response(body=BODY, content_type="audio/ogg")

    return answer


@pytest.mark.parametrize("status", [400, 422, 500])
@pytest.mark.parametrize("asked", ["auto", "opus"])
async def test_a_server_that_speaks_of_the_sampling_rate_is_asked_for_one_that_opus_has(
    status: int, asked: str
) -> None:
    async with serving(server(at_own_rate(web.json_response({"detail": SAID}, status=status)))) as service:
        source = OpenAISource(base_url=service.base)
        with recorded() as seen:
            assert await speak(source, format=asked) == BODY
        assert await speak(source, format=asked) == BODY
        await source.aclose()
        rates = [json.loads(post.body).get("sample_rate") for post in service.posts]
    assert rates == [None, OPUS_RATE, OPUS_RATE]
    assert [event.message for event in seen if isinstance(event, events.Warned)] == [
        "this server sends Opus only at 24000 Hz: from now on that is requested"
    ]


async def test_an_empty_answer_where_only_opus_will_do_is_asked_for_with_a_rate() -> None:
    async with serving(server(at_own_rate(web.Response(body=b"")))) as service:
        source = OpenAISource(base_url=service.base)
        assert await speak(source, format="opus") == BODY
        await source.aclose()
        assert len(service.posts) == 2


async def test_a_server_that_has_no_such_field_is_asked_once_more_at_most() -> None:
    async with serving(server(refused(422, {"detail": SAID}))) as service:
        source = OpenAISource(base_url=service.base)
        assert "sample rates of 8000" in str(await failure(source))
        await source.aclose()
        assert len(service.posts) == 2


async def test_a_body_that_is_empty_both_times_is_empty() -> None:
    async with serving(server(lambda _: web.Response(body=b""))) as service:
        source = OpenAISource(base_url=service.base)
        assert isinstance(await failure(source, format="opus"), errors.EmptyBodyError)
        await source.aclose()
        assert [received.method for received in service.posts].count("POST") == 2


async def test_opus_that_came_once_is_not_doubted_any_more() -> None:
    async with serving(server(lambda _: web.Response(body=BODY, content_type="audio/ogg"))) as service:
        source = OpenAISource(base_url=service.base)
        for _ in range(2):
            assert await speak(source, format="opus") == BODY
        assert source._opus_came
        await source.aclose()
        assert len(service.posts) == 2
