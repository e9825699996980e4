from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources.client_source import ClientSource, is_client
from oggstream.sources.hurry import hurrying
from oggstream.sources.openai_source import OpenAISource
from realtime_service import PCM, BetaService, realtime_service
from speech_server import (
    BODY,
    answering,
    free_port,
    hanging,
    openai_error,
    raw_server,
    recorded,
    serving,
    speaking,
    until,
)

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

openai = pytest.importorskip("openai")

KEY = "sk-proj-looking-glass-1871"


@pytest.fixture
async def clients() -> AsyncIterator[Any]:
    """Makes clients and closes them."""
    made: list[Any] = []

    def client(base_url: str, **settings: Any) -> Any:
        made.append(openai.AsyncOpenAI(base_url=base_url, **{"api_key": KEY, "max_retries": 0, **settings}))
        return made[-1]

    yield client
    for one in made:
        await one.close()


def opened(source: ClientSource, text: str = "Hello.", **options: Any) -> AbstractAsyncContextManager[Any]:
    return source.open(text, SpeechOptions(**options))


async def speak(source: Any, text: str = "Hello.", **options: Any) -> bytes:
    async with source.open(text, SpeechOptions(**options)) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


async def failure(client: Any) -> errors.OggStreamError:
    with pytest.raises(errors.OggStreamError) as caught:
        await speak(ClientSource(client))
    assert "\n" not in str(caught.value)
    assert "looking" not in f"{caught.value!r} {caught.value.__cause__!r}"
    return caught.value


@pytest.mark.parametrize("options", [{}, {"voice": {"id": "v_1"}, "instructions": "Größe", "speed": 1.5, "model": "m"}])
async def test_request_is_that_of_our_own_source(clients: Any, options: dict[str, Any]) -> None:
    async with serving(speaking()) as service:
        assert await speak(ClientSource(clients(service.base)), **options) == BODY
        ours = OpenAISource(base_url=service.base, api_key=KEY)
        assert await speak(ours, **options) == BODY
        await ours.aclose()
        first, second = service.received
    assert (first.method, first.path, first.body) == (second.method, second.path, second.body)
    for name in ("authorization", "accept", "content-type"):
        assert first.headers[name] == second.headers[name]


async def test_azure_client_works_as_it_is() -> None:
    async with serving(speaking()) as service:
        async with openai.AsyncAzureOpenAI(
            azure_endpoint=service.origin, api_key=KEY, api_version="2025-03-01-preview"
        ) as client:
            assert await speak(ClientSource(client, model="my-tts", voice="sage")) == BODY
        [request] = service.received
    assert request.path == "/openai/deployments/my-tts/audio/speech?api-version=2025-03-01-preview"
    assert request.headers["api-key"] == KEY
    assert b'"voice":"sage"' in request.body


async def test_chunks_type_and_request_id_come_through(clients: Any) -> None:
    two = speaking(b"OggS1", b"OggS22", gap=0.02)
    async with serving(two) as service, opened(ClientSource(clients(service.base))) as stream:
        assert (stream.content_type, stream.request_id) == ("audio/ogg", "req_1")
        assert [chunk async for chunk in stream if isinstance(chunk, bytes)] == [b"OggS1", b"OggS22"]


async def test_events_are_emitted_and_the_clients_own_retries_told(clients: Any) -> None:
    slow = openai_error(429, "slow down", code="slow_down", retry_after_ms="1")
    async with serving(answering(slow, speaking())) as service:
        with recorded() as seen:
            assert await speak(ClientSource(clients(service.base, max_retries=1))) == BODY
    assert [type(event) for event in seen] == [events.RequestSent, events.Retrying, events.ResponseStarted]


async def test_client_stays_open(clients: Any) -> None:
    async with serving(speaking()) as service:
        client = clients(service.base)
        source = ClientSource(client)
        for _ in range(2):
            assert await speak(source) == BODY
        assert not client.is_closed()


@pytest.mark.parametrize("stage", ["headers", "body", "left", "unread"])
async def test_cancelling_or_leaving_closes_the_response(clients: Any, stage: str) -> None:
    async with serving(hanging if stage == "headers" else speaking(hang=True)) as service:
        source = ClientSource(clients(service.base))
        if stage in ("left", "unread"):
            async with opened(source) as stream:
                assert stage == "unread" or await anext(stream) == BODY
        else:
            task = asyncio.create_task(speak(source))
            await until(lambda: service.received and service.connections == 1)
            await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await until(lambda: service.connections == 0)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, "invalid_api_key", errors.AuthenticationError),
        (403, None, errors.AccessError),
        (404, "model_not_found", errors.NotFoundError),
        (422, None, errors.RequestRefusedError),
        (429, "insufficient_quota", errors.QuotaError),
        (429, "rate_limit_exceeded", errors.RateLimitError),
        (503, None, errors.ServerError),
    ],
)
async def test_refusals_are_translated_with_the_request_id(
    clients: Any, status: int, code: str | None, kind: type[errors.SourceError]
) -> None:
    answer = openai_error(status, f"no, {KEY} may not", code=code, x_request_id="req_8")
    async with serving(answering(answer)) as service:
        error = await failure(clients(service.base))
    assert type(error) is kind
    assert isinstance(error, errors.SourceError)
    assert (error.status, error.request_id) == (status, "req_8")
    assert "no, *** may not" in str(error)
    assert "2027-01-06" not in str(error)


async def test_html_error_page_is_named(clients: Any) -> None:
    page = web.Response(status=502, text="<html><title>Bad Gateway</title>", content_type="text/html")
    async with serving(answering(page)) as service:
        assert 'an HTML page titled "Bad Gateway"' in str(await failure(clients(service.base)))


@pytest.mark.parametrize("status", [301, 302, 303])
@pytest.mark.parametrize("behind", [200, 405])
async def test_a_redirect_that_loses_the_text_is_named(clients: Any, status: int, behind: int) -> None:
    moved = web.Response(status=status, headers={"Location": "/v2/there?key=secret"})
    async with serving(answering(moved, web.Response(status=behind, body=b"OggS"))) as service:
        with pytest.raises(errors.SourceError, match=rf"/audio/speech redirects to .*/v2/there \(HTTP {status}\); use"):
            async with opened(ClientSource(clients(service.base))):
                pass


async def test_nobody_there(clients: Any) -> None:
    error = await failure(clients(f"http://alice:looking@127.0.0.1:{free_port()}/v1"))
    assert isinstance(error, errors.SourceConnectionError)
    assert "cannot connect to http://127.0.0.1" in str(error)


async def test_clients_own_timeout_is_named(clients: Any) -> None:
    async with serving(hanging) as service:
        error = await failure(clients(service.base, timeout=0.1))
    assert isinstance(error, errors.SourceTimeoutError)
    assert "openai client's own timeout" in str(error)


async def test_clients_own_timeout_in_the_body_is_named(clients: Any) -> None:
    async with serving(speaking(hang=True)) as service:
        error = await failure(clients(service.base, timeout=0.1))
    assert isinstance(error, errors.SourceTimeoutError)
    assert error.request_id == "req_1"


async def test_body_that_is_cut_is_named(clients: Any) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\nx-request-id: req_9\r\n\r\nOggS"
    async with raw_server(answer) as (origin, _, _):
        error = await failure(clients(origin))
    assert isinstance(error, errors.SourceBrokenError)
    assert error.request_id == "req_9"


async def test_client_that_cannot_make_a_request_says_why(clients: Any) -> None:
    async def provider() -> str:
        raise openai.OpenAIError(f"no token for\n{KEY}")

    error = await failure(clients("http://127.0.0.1:1", api_key=provider))
    assert isinstance(error, errors.ConfigError)
    assert str(error) == f"no token for {KEY}".replace(KEY, "***")


async def test_other_exceptions_are_not_disguised(clients: Any) -> None:
    async def provider() -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await speak(ClientSource(clients("http://127.0.0.1:1", api_key=provider)))


async def test_exception_of_another_kind_in_the_body_is_not_disguised(clients: Any) -> None:
    async with serving(speaking()) as service, opened(ClientSource(clients(service.base))) as stream:

        async def broken() -> AsyncIterator[bytes]:
            raise ZeroDivisionError
            yield b""

        stream._chunks = broken()
        with pytest.raises(ZeroDivisionError):
            await anext(stream)


async def test_text_is_checked_before_the_client_is_used(clients: Any) -> None:
    with pytest.raises(errors.TextError):
        await speak(ClientSource(clients("http://127.0.0.1:1")), "")


@pytest.mark.parametrize("other", [object(), "client", 7])
def test_other_objects_are_refused(other: object) -> None:
    assert not is_client(other)
    with pytest.raises(errors.UsageError, match=r"openai\.AsyncOpenAI"):
        ClientSource(other)


def test_synchronous_client_is_refused() -> None:
    with openai.OpenAI(api_key=KEY) as client, pytest.raises(errors.UsageError, match="not an asynchronous openai"):
        ClientSource(client)


# Beside the client's own requests


async def test_a_voice_that_the_server_refuses_is_answered_with_those_that_it_has(clients: Any) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.method == "GET":
            assert request.headers["Authorization"] == f"Bearer {KEY}"
            return web.json_response({"voices": ["af_bella"]})
        return web.json_response({"detail": "voice not found"}, status=400)

    async with serving(handle) as service:
        error = await failure(clients(service.base))
    assert str(error).endswith("choose with --voice (voice=) from what this server has: af_bella")


MODEL = "gpt-realtime-2.1-mini"


async def test_a_model_of_the_realtime_api_is_asked_as_the_client_itself_would_connect(clients: Any) -> None:
    async with realtime_service() as service:
        settings = {"organization": "org-1", "default_headers": {"X-Mine": "yes"}, "default_query": {"tier": "gold"}}
        source = ClientSource(clients(f"{service.base}?old=1", **settings))
        assert source.traits.formats_for(SpeechOptions(model=MODEL)) == ("pcm",)
        assert source.traits.formats_for(SpeechOptions()) == ("opus", "pcm", "wav")
        assert await speak(source, model=MODEL) == PCM
        await source.aclose()
        ours = service.requests[0]
        async with clients(f"{service.base}?old=1", **settings).realtime.connect(model=MODEL):
            pass
        theirs = service.requests[1]
    of_the_socket = {"Sec-WebSocket-Key", "Sec-WebSocket-Extensions", "Accept-Encoding"}
    assert dict(ours.query) == dict(theirs.query) == {"model": MODEL, "tier": "gold", "old": "1"}
    for name in theirs.headers.keys() - of_the_socket - {"Accept", "Content-Type"}:
        assert ours.headers[name] == theirs.headers[name]


async def test_a_key_that_is_a_callable_is_asked_for_with_each_connection(clients: Any) -> None:
    keys = iter(("sk-first-key-1", "sk-second-key-2"))

    async def key() -> str:
        return next(keys)

    async with realtime_service() as service:
        source = ClientSource(clients(service.base, api_key=key))
        for _ in range(2):
            assert await speak(source, model=MODEL) == PCM
            await source.aclose()
        sent = [request.headers["Authorization"] for request in service.requests]
        assert sent == ["Bearer sk-first-key-1", "Bearer sk-second-key-2"]


async def test_what_a_callable_key_raises_is_raised(clients: Any) -> None:
    async def key() -> str:
        raise LookupError("no key in the vault")

    async with realtime_service() as service:
        with pytest.raises(LookupError, match="no key in the vault"):
            await speak(ClientSource(clients(service.base, api_key=key)), model=MODEL)


async def token() -> str:
    return "azure-token-1234"


@pytest.mark.parametrize(
    ("settings", "name", "value"),
    [
        ({"api_key": KEY}, "api-key", KEY),
        ({"azure_ad_token": "azure-token-1234"}, "Authorization", "Bearer azure-token-1234"),
        ({"azure_ad_token_provider": token}, "Authorization", "Bearer azure-token-1234"),
    ],
)
@pytest.mark.parametrize("deployment", [None, "my-voice"])
async def test_an_azure_client_goes_to_its_deployment_with_its_version_and_its_key(
    settings: dict[str, Any], name: str, value: str, deployment: str | None
) -> None:
    async with realtime_service() as service:
        client = openai.AsyncAzureOpenAI(
            azure_endpoint=service.base.removesuffix("/v1"),
            azure_deployment=deployment,
            api_version="2025-04-01-preview",
            **settings,
        )
        source = ClientSource(client)
        assert await speak(source, model=MODEL) == PCM
        await source.aclose()
        await client.close()
        (request,) = service.requests
    assert request.path == "/openai/realtime"
    assert dict(request.query) == {"api-version": "2025-04-01-preview", "deployment": deployment or MODEL}
    assert request.headers[name] == value


@pytest.mark.parametrize("greets", [True, False])
async def test_an_azure_service_of_a_preview_version_is_spoken_to_in_the_form_of_the_beta(greets: bool) -> None:
    behave = BetaService(strict=True, greets=greets)
    async with realtime_service(behave) as service:
        endpoint = service.base.removesuffix("/v1")
        async with openai.AsyncAzureOpenAI(azure_endpoint=endpoint, api_version="v", api_key=KEY) as client:
            source = ClientSource(client)
            assert await speak(source, model=MODEL, voice="marin") == BetaService.PCM
            await source.aclose()
    assert behave.voices == ["marin"]


async def test_a_refused_azure_key_is_struck_out() -> None:
    refusal = web.json_response({"error": {"code": "401", "message": f"Bad key {KEY}."}}, status=401)
    async with realtime_service(refusals=[refusal]) as service:
        endpoint = service.base.removesuffix("/v1")
        async with openai.AsyncAzureOpenAI(azure_endpoint=endpoint, api_version="v", api_key=KEY) as client:
            source = ClientSource(client)
            with pytest.raises(errors.AuthenticationError, match=r"Bad key \*\*\*; check the API key"):
                await speak(source, model=MODEL)
            await source.aclose()


@pytest.mark.parametrize(
    ("base_url", "model"),
    [("https://api.openai.com/v1", "gpt-realtime-2.1-mini"), ("http://host/v1", "gpt-4o-mini-tts")],
)
async def test_default_model_follows_at_openais_own_endpoint_only(clients: Any, base_url: str, model: str) -> None:
    source = ClientSource(clients(base_url), clock=lambda: 1_799_193_600.0)  # 2027-01-06
    assert f"|{model}|" in str(source.traits.identity_for(SpeechOptions()))


async def test_in_a_hurry_the_client_does_not_try_again(clients: Any) -> None:
    async with serving(answering(openai_error(503, "busy"))) as service:
        source = ClientSource(clients(service.base, max_retries=2))
        with hurrying(), pytest.raises(errors.ServerError):
            await speak(source)
        assert len(service.posts) == 1
