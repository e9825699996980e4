from __future__ import annotations

import asyncio
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources.http import connections as session, retries, sender
from oggstream.sources.http.exchange import json_body
from oggstream.sources.http.redaction import Secrets
from oggstream.sources.http.url_source import HttpSource
from patience import PATIENCE
from speech_server import (
    BODY,
    Handler,
    answering,
    free_port,
    hanging,
    openai_error,
    raw_server,
    recorded,
    server_tls,
    serving,
    speaking,
    tunnelling_proxy,
    until,
)

if TYPE_CHECKING:
    from oggstream.sources.source import Source

OPTIONS = SpeechOptions()
SECRET = "wonderland-secret-1865"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries after a moment: their length has tests of its own."""
    monkeypatch.setattr(retries, "FIRST_DELAY", 0.001)


async def fetch(source: Source) -> bytes:
    """The whole body."""
    async with source.open("", OPTIONS) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


async def failure(url: str, **settings: Any) -> errors.OggStreamError:
    """The error that fetching ``url`` ends with."""
    source = HttpSource(url, **{"max_retries": 0, **settings})
    try:
        with pytest.raises(errors.OggStreamError) as caught:
            await fetch(source)
        assert "\n" not in str(caught.value)
        return caught.value
    finally:
        await source.aclose()


async def refusal(answer: web.Response | Handler, **settings: Any) -> errors.OggStreamError:
    """The error that an answer of a service ends with."""
    async with serving(answering(answer)) as service:
        return await failure(service.origin, **settings)


# The body


async def test_body_comes_in_the_chunks_in_which_it_arrives() -> None:
    async with serving(speaking(b"OggS1", b"OggS22", b"OggS333", gap=0.02)) as service:
        source = HttpSource(service.origin)
        async with source.open("", OPTIONS) as stream:
            assert [chunk async for chunk in stream if isinstance(chunk, bytes)] == [b"OggS1", b"OggS22", b"OggS333"]
        await source.aclose()


async def test_stream_knows_its_type_and_request() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(service.origin)
        async with source.open("", OPTIONS) as stream:
            assert (stream.content_type, stream.request_id) == ("audio/ogg", "req_1")
        await source.aclose()


async def test_plain_url_is_fetched_with_get_and_without_compression() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(f"{service.origin}/a%2Fb/c%20d%7E?voice=x%2By", headers={"X-One": "1"})
        assert await fetch(source) == BODY
        await source.aclose()
        [request] = service.received
    assert (request.method, request.path, request.body) == ("GET", "/a%2Fb/c%20d%7E?voice=x%2By", b"")
    assert (request.headers["accept-encoding"], request.headers["x-one"]) == ("identity", "1")


async def test_url_with_letters_that_must_be_quoted_is_quoted() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(f"{service.origin}/grüße und mehr")
        assert await fetch(source) == BODY
        await source.aclose()
        assert service.received[0].path == "/gr%C3%BC%C3%9Fe%20und%20mehr"


async def test_json_is_posted_with_its_type_unless_another_is_given() -> None:
    async with serving(speaking()) as service:
        for headers in ({}, {"Content-Type": "application/x-speech"}):
            source = HttpSource(service.origin, method="POST", json={"text": "größer"}, headers=headers)
            assert await fetch(source) == BODY
            await source.aclose()
        first, second = service.received
    assert (first.method, first.body) == ("POST", '{"text":"größer"}'.encode())
    assert first.headers["content-type"] == "application/json"
    assert second.headers["content-type"] == "application/x-speech"


async def test_user_in_the_url_is_sent_as_basic_credentials_and_not_in_the_path() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(f"http://alice:s%3Acret@{service.place}/x")
        assert await fetch(source) == BODY
        await source.aclose()
        [request] = service.received
    assert (request.path, request.headers["authorization"]) == ("/x", "Basic YWxpY2U6czpjcmV0")


async def test_redirect_is_followed() -> None:
    async with serving(speaking()) as goal:
        moved = answering(web.Response(status=307, headers={"Location": goal.origin}))
        async with serving(moved) as start:
            source = HttpSource(start.origin)
            assert await fetch(source) == BODY
            await source.aclose()


async def test_redirect_to_another_host_carries_no_credential() -> None:
    async with (
        serving(speaking()) as goal,
        serving(answering(web.Response(status=307, headers={"Location": f"{goal.origin}/x"}))) as start,
    ):
        source = HttpSource(start.origin, headers={"xi-api-key": SECRET, "Authorization": SECRET, "X-Voice": "y"})
        assert await fetch(source) == BODY
        await source.aclose()
        assert start.received[0].headers["xi-api-key"] == SECRET
        assert SECRET not in repr(goal.received)
        assert goal.received[0].headers["x-voice"] == "y"


async def test_redirect_on_the_same_host_keeps_the_credential() -> None:
    moved = web.Response(status=307, headers={"Location": "/there"})
    async with serving(answering(moved, speaking())) as service:
        source = HttpSource(service.origin, headers={"xi-api-key": SECRET})
        assert await fetch(source) == BODY
        await source.aclose()
        assert service.received[1].headers["xi-api-key"] == SECRET


async def test_body_that_is_called_compressed_comes_as_it_is() -> None:
    async with serving(speaking(headers={"Content-Encoding": "gzip"})) as service:
        source = HttpSource(service.origin)
        assert await fetch(source) == BODY
        await source.aclose()


async def test_cookies_are_not_kept() -> None:
    async with serving(speaking(headers={"Set-Cookie": "who=alice"})) as service:
        source = HttpSource(f"http://localhost:{service.port}")
        for _ in range(2):
            assert await fetch(source) == BODY
        await source.aclose()
        assert all("cookie" not in request.headers for request in service.received)


# Connections


async def test_idle_connections_are_kept_for_two_minutes() -> None:
    sessions = session.Sessions("http://host", Secrets(), connect_timeout=5, trust_env=False)
    connector: Any = (await sessions.get()).connector
    assert connector._keepalive_timeout == 120
    await sessions.aclose()


async def test_connection_is_kept_between_requests() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(service.origin)
        for _ in range(3):
            assert await fetch(source) == BODY
        assert service.connections == 1
        await source.aclose()
        await until(lambda: service.connections == 0)


async def test_warm_opens_a_connection_that_the_request_uses_and_emits_nothing() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(service.origin, headers={"Authorization": SECRET})
        with recorded() as seen:
            await source.warm()
            assert seen == []
            await fetch(source)
        first, second = service.received
        assert (first.method, second.method, first.port) == ("OPTIONS", "GET", second.port)
        assert SECRET not in repr(service.received[0])
        await source.aclose()


async def test_warming_again_uses_the_connection_that_is_there() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(service.origin)
        await source.warm()
        await source.warm()
        first, second = service.received
        assert first.port == second.port
        await source.aclose()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "no url", "http://nowhere.invalid"])
async def test_warm_leaves_failures_to_the_request(url: str) -> None:
    source = HttpSource(url)
    await source.warm()
    await source.aclose()


async def test_warm_gives_up_on_a_server_that_does_not_answer() -> None:
    async with serving(hanging) as service:
        source = HttpSource(service.origin, connect_timeout=0.05)
        await source.warm()
        await until(lambda: service.connections == 0)
        await source.aclose()


async def test_warm_wants_no_more_than_the_beginning_of_an_endless_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("oggstream.sources.http.client._ERROR_BODY", 10)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"OggS" * 1000)

    async with serving(endless) as service:
        source = HttpSource(service.origin)
        await source.warm()
        await until(lambda: service.connections == 0)
        await source.aclose()


async def test_kept_connection_that_the_server_closed_is_replaced_without_delay() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nOggS"
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await reader.readuntil(b"\r\n\r\n")  # the next request meets a server that has had enough
            gone.set()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    source = HttpSource(f"http://127.0.0.1:{port}", method="POST", json={})
    with recorded() as seen:
        assert await fetch(source) == b"OggS"
        assert await fetch(source) == b"OggS"
    assert gone.is_set()
    assert [event.delay for event in seen if isinstance(event, events.Retrying)] == [0.0]
    await source.aclose()
    server.close()
    await server.wait_closed()


def test_source_works_in_one_event_loop_after_another() -> None:
    code = """
import asyncio, gc, warnings
warnings.simplefilter("error")
from aiohttp import web
from oggstream.options import SpeechOptions
from oggstream.sources.http.url_source import HttpSource

async def speak(source):
    async def handler(request):
        return web.Response(body=b"OggS")

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", PORT).start()
    async with source.open("", SpeechOptions()) as stream:
        assert [chunk async for chunk in stream if isinstance(chunk, bytes)] == [b"OggS"]
    if last:
        await source.aclose()
        assert not source._client._sessions._sessions
    await runner.cleanup()

source = HttpSource(f"http://127.0.0.1:{PORT}")
for last in (False, True):
    asyncio.run(speak(source))
gc.collect()
"""
    code = f"PORT = {free_port()}\n{code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def test_session_of_a_loop_that_was_closed_is_forgotten() -> None:
    async with serving(speaking(headers={"Connection": "close"})) as service:
        source = HttpSource(service.origin)
        # In a thread of its own: asyncio.run here would take the main thread's loop away from pytest-asyncio.
        assert await asyncio.to_thread(asyncio.run, fetch(source)) == BODY
        assert await fetch(source) == BODY
        assert len(source._client._sessions._sessions) == 1
        await source.aclose()


async def test_closing_twice_is_harmless_and_a_closed_source_opens_again() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(service.origin)
        await source.aclose()
        assert await fetch(source) == BODY
        await source.aclose()
        await source.aclose()


def test_importing_the_module_loads_no_aiohttp() -> None:
    code = (
        "import sys, oggstream.sources.http.client, oggstream.sources.openai_source, oggstream.sources.resolve_source; "
    )
    code += "print([name for name in ('aiohttp', 'numpy', 'openai', 'sounddevice', 'yarl') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.strip() == "[]"


# Cancelling


@pytest.mark.parametrize("stage", ["headers", "body"])
async def test_cancelling_closes_the_connection(stage: str) -> None:
    async with serving(hanging if stage == "headers" else speaking(hang=True)) as service:
        source = HttpSource(service.origin)
        task = asyncio.create_task(fetch(source))
        await until(lambda: service.received and service.connections == 1)
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: service.connections == 0)
        await source.aclose()


async def test_cancelling_while_a_retry_is_waited_for_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_DELAY", 60)
    async with serving(answering(web.Response(status=503))) as service:
        source = HttpSource(service.origin)
        with recorded() as seen:
            task = asyncio.create_task(fetch(source))
            await until(lambda: any(isinstance(event, events.Retrying) for event in seen))
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await source.aclose()
        await until(lambda: service.connections == 0)


async def test_cancelling_while_it_connects_leaves_nothing() -> None:
    async with raw_server(None) as (origin, _, _):
        source = HttpSource(origin.replace("http", "https"))
        task = asyncio.create_task(fetch(source))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await source.aclose()


async def test_cancelling_while_the_name_is_looked_up_leaves_no_task(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def never(*_: object, **__: object) -> Any:
        asked.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(session, "in_thread", never)
    source = HttpSource("http://speech.invalid")
    task = asyncio.create_task(fetch(source))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await source.aclose()


async def test_leaving_in_the_middle_of_the_body_closes_the_connection() -> None:
    async with serving(speaking(hang=True)) as service:
        source = HttpSource(service.origin)
        async with source.open("", OPTIONS) as stream:
            assert await anext(stream) == BODY
        await until(lambda: service.connections == 0)
        await source.aclose()


# Events


async def test_events_tell_of_the_request_and_the_response_in_order() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(service.origin, method="POST", json=[1])
        with recorded() as seen:
            await fetch(source)
        await source.aclose()
    assert [type(event) for event in seen] == [events.RequestSent, events.ResponseStarted]
    assert isinstance(seen[1], events.ResponseStarted)
    assert (seen[1].content_type, seen[1].request_id) == ("audio/ogg", "req_1")


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_request_is_reported_while_the_answer_is_still_awaited(method: str) -> None:
    async with serving(hanging) as service:
        source = HttpSource(service.origin, method=method, json={} if method == "POST" else None)
        with recorded() as seen:
            task = asyncio.create_task(fetch(source))
            await until(lambda: service.received)
            assert [type(event) for event in seen] == [events.RequestSent]
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        await source.aclose()


async def test_every_attempt_is_reported() -> None:
    async with serving(answering(web.Response(status=503), speaking())) as service:
        source = HttpSource(service.origin)
        with recorded() as seen:
            assert await fetch(source) == BODY
        await source.aclose()
    kinds = [events.RequestSent, events.Retrying, events.RequestSent, events.ResponseStarted]
    assert [type(event) for event in seen] == kinds


async def test_redirected_request_is_reported_once() -> None:
    moved = web.Response(status=307, headers={"Location": "/there"})
    async with serving(answering(moved, speaking())) as service:
        source = HttpSource(service.origin, method="POST", json={})
        with recorded() as seen:
            assert await fetch(source) == BODY
        await source.aclose()
    assert [type(event) for event in seen] == [events.RequestSent, events.ResponseStarted]


async def test_listener_that_raises_ends_the_request_with_its_exception() -> None:
    def listener(event: events.Event) -> None:
        if isinstance(event, events.RequestSent):
            raise ZeroDivisionError

    async with serving(speaking(hang=True)) as service:
        source = HttpSource(service.origin)
        recorder = events.Recorder(asyncio.get_running_loop().time, 0.0, listener)
        with events.using(recorder), pytest.raises(ZeroDivisionError):
            await fetch(source)
        await until(lambda: service.connections == 0)
        await source.aclose()


# Retries


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_passing_failure_is_retried_twice_and_then_raised(status: int) -> None:
    async with serving(answering(web.Response(status=status))) as service:
        error = await failure(service.origin, max_retries=2)
        assert len(service.received) == 3
    assert isinstance(error, errors.SourceError)
    assert error.status == status


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_lasting_failure_is_not_retried(status: int) -> None:
    async with serving(answering(web.Response(status=status))) as service:
        await failure(service.origin, max_retries=2)
        assert len(service.received) == 1


async def test_quota_is_not_retried_and_a_rate_limit_is() -> None:
    quota = openai_error(429, "You exceeded your current quota", code="insufficient_quota", kind="insufficient_quota")
    async with serving(answering(quota)) as service:
        assert isinstance(await failure(service.origin, max_retries=2), errors.QuotaError)
        assert len(service.received) == 1
    slow = openai_error(429, "Rate limit reached", code="rate_limit_exceeded")
    async with serving(answering(slow, slow, speaking())) as service:
        source = HttpSource(service.origin)
        assert await fetch(source) == BODY
        await source.aclose()


async def test_delay_that_the_service_asks_for_is_kept() -> None:
    slow = openai_error(429, "slow down", code="slow_down", retry_after_ms="7")
    async with serving(answering(slow, speaking())) as service:
        source = HttpSource(service.origin)
        with recorded() as seen:
            assert await fetch(source) == BODY
        await source.aclose()
    assert [event.delay for event in seen if isinstance(event, events.Retrying)] == [0.007]


async def test_failure_of_the_service_on_a_kept_connection_is_waited_for_all_the_same() -> None:
    async with serving(answering(speaking(), web.Response(status=503), speaking())) as service:
        source = HttpSource(service.origin)
        await fetch(source)
        with recorded() as seen:
            assert await fetch(source) == BODY
        await source.aclose()
    assert [event.delay > 0 for event in seen if isinstance(event, events.Retrying)] == [True]


async def test_connection_that_breaks_before_the_answer_is_retried() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nOggS"
    async with raw_server(b"", b"", answer) as (origin, _, heads):
        source = HttpSource(origin, method="POST", json={})
        assert await fetch(source) == b"OggS"
        assert len(heads) == 3
        await source.aclose()


async def test_nothing_is_retried_once_a_body_began() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nOggS"
    async with raw_server(answer) as (origin, _, heads):
        assert isinstance(await failure(origin, max_retries=2), errors.SourceBrokenError)
        assert len(heads) == 1


# The fault matrix


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, errors.RequestRefusedError, "HTTP 400 (Bad Request): no voice"),
        (401, errors.AuthenticationError, "check the API key"),
        (403, errors.AccessError, "permissions"),
        (404, errors.NotFoundError, "check the URL"),
        (422, errors.RequestRefusedError, "no voice"),
        (429, errors.RateLimitError, "wait a while"),
        (500, errors.ServerError, "try again later"),
        (503, errors.ServerError, "try again later"),
        (599, errors.ServerError, "HTTP 599: no voice"),
        (304, errors.SourceError, "check the URL"),
    ],
)
async def test_refusal_has_its_error_and_says_what_to_do(
    status: int, kind: type[errors.SourceError], says: str
) -> None:
    error = await refusal(openai_error(status, "no voice", x_request_id="req_7"))
    assert type(error) is kind
    assert isinstance(error, errors.SourceError)
    assert says in str(error)
    assert (error.status, error.request_id) == (status, "req_7")


async def test_quota_says_that_trying_again_does_not_help() -> None:
    error = await refusal(openai_error(429, "You exceeded your current quota.", code="insufficient_quota"))
    assert isinstance(error, errors.QuotaError)
    assert "You exceeded your current quota; add credit" in str(error)


async def test_nobody_there() -> None:
    error = await failure(f"http://127.0.0.1:{free_port()}/v1")
    assert isinstance(error, errors.SourceConnectionError)
    assert "connection refused; check that the service runs there" in str(error)


async def test_unknown_host() -> None:
    error = await failure("http://speech.invalid/v1")
    assert isinstance(error, errors.SourceConnectionError)
    assert "cannot find the host speech.invalid" in str(error)


async def test_certificate_that_is_not_trusted_is_named_and_not_retried() -> None:
    async with serving(speaking(), tls=server_tls()) as service:
        with recorded() as seen:
            error = await failure(service.origin, max_retries=2)
        assert service.received == []
    assert isinstance(error, errors.SourceConnectionError)
    assert "self-signed certificate; " in str(error)
    assert seen == []


async def test_https_where_no_tls_is_spoken() -> None:
    async with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (origin, _, _):
        error = await failure(origin.replace("http", "https"))
    assert isinstance(error, errors.SourceConnectionError)
    assert "check that it speaks https there" in str(error)


async def test_answer_that_is_not_http() -> None:
    async with raw_server(b"220 mail.example ESMTP\r\n\r\n") as (origin, _, _):
        error = await failure(origin)
    assert isinstance(error, errors.SourceConnectionError)
    assert "does not answer in HTTP" in str(error)


@pytest.mark.parametrize("reset", [False, True])
async def test_no_byte_at_all(reset: bool) -> None:
    async with raw_server(b"", reset=reset) as (origin, _, _):
        error = await failure(origin)
    assert isinstance(error, errors.SourceConnectionError)
    assert "closed the connection without an answer" in str(error)


async def test_connection_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*_: object, **__: object) -> Any:
        await asyncio.sleep(60)

    monkeypatch.setattr(session, "in_thread", slow)
    error = await failure("http://speech.invalid", connect_timeout=0.01)
    assert isinstance(error, errors.SourceConnectionError)
    assert "within 0.01 s; check the network" in str(error)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\nx-request-id: req_9\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nx-request-id: req_9\r\n\r\n4\r\n",
    ],
)
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("late", [False, True])
async def test_cut_in_the_middle_of_the_body_gives_what_came_and_then_the_error(
    head: bytes, reset: bool, late: bool
) -> None:
    async with raw_server(head + b"OggS", reset=reset) as (origin, _, _):
        source = HttpSource(origin)
        async with source.open("", OPTIONS) as stream:
            await asyncio.sleep(0.05 if late else 0)
            assert await anext(stream) == b"OggS"
            for _ in range(2):
                with pytest.raises(errors.SourceBrokenError, match="broke off in the middle") as caught:
                    await anext(stream)
                assert caught.value.request_id == "req_9"
        await source.aclose()


async def test_empty_body_is_an_empty_stream() -> None:
    async with serving(answering(web.Response())) as service:
        source = HttpSource(service.origin)
        assert await fetch(source) == b""
        await source.aclose()


async def test_redirect_in_circles() -> None:
    error = await refusal(web.Response(status=302, headers={"Location": "/"}))
    assert isinstance(error, errors.SourceError)
    assert "redirects to nowhere" in str(error)


@pytest.mark.parametrize(
    "location",
    ["ftp://example.invalid/x", "http://[", "http://a..b/", f"http://{'a' * 64}.b/", "http://%e4..b/", "mailto:x"],
)
async def test_redirect_to_something_unusable(location: str) -> None:
    error = await refusal(web.Response(status=302, headers={"Location": location}))
    assert isinstance(error, errors.SourceError)
    assert "which is no usable URL; check the URL" in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "http://a..b/",
        f"http://{'a' * 64}.example.org/",
        "http://\xfc..b/",
        "127.0.0.1:8000/v1",
        "ftp://127.0.0.1/x",
        "http://",
        "http://:80/",
        "http://host:99999/",
        "http://host:0/",
        "http://[::1/",
        "http://a b/",
        "http://host/\n",
        "http://127.1/",
        "",
    ],
)
async def test_unusable_url(url: str) -> None:
    error = await failure(url)
    assert isinstance(error, errors.ConfigError)
    assert "unusable URL" in str(error)


@pytest.mark.parametrize("headers", [{"X-Key": f"{SECRET}\n"}, {"X-Key": f"{SECRET}\x00"}, {"X\r\nY": SECRET}])
async def test_header_that_cannot_be_sent(headers: dict[str, str]) -> None:
    error = await failure("http://127.0.0.1:1", headers=headers)
    assert isinstance(error, errors.ConfigError)
    assert SECRET not in str(error)


# Proxies


async def test_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(speaking()) as proxy:
        monkeypatch.setenv("http_proxy", f"http://alice:{SECRET}@{proxy.place}")
        source = HttpSource("http://speech.invalid/v1")
        assert await fetch(source) == BODY
        await source.aclose()
        [request] = proxy.received
    assert (request.headers["host"], request.path) == ("speech.invalid", "http://speech.invalid/v1")
    assert request.headers["proxy-authorization"].startswith("Basic ")


async def test_https_goes_through_the_proxys_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    async with tunnelling_proxy() as (port, heads), serving(speaking(), tls=server_tls()) as service:
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{port}")
        monkeypatch.setenv("no_proxy", "<-loopback>")
        error = await failure(service.origin)
    assert heads[0].startswith(f"CONNECT {service.place} ".encode())
    assert "self-signed certificate" in str(error)


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
@pytest.mark.parametrize("value", ["127.0.0.1", "*", "{place}"])
async def test_hosts_of_no_proxy_are_reached_directly(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(speaking()) as service:
        value = f"<-loopback>,{value}"
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
        monkeypatch.setenv(name, value.format(place=service.place))
        source = HttpSource(service.origin)
        assert await fetch(source) == BODY
        await source.aclose()


async def test_proxies_can_be_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "<-loopback>")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with serving(speaking()) as service:
        source = HttpSource(service.origin, trust_env=False)
        assert await fetch(source) == BODY
        await source.aclose()


async def test_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("all_proxy", f"http://alice:{SECRET}@127.0.0.1:{port}")
    error = await failure("http://speech.invalid/v1")
    assert isinstance(error, errors.SourceConnectionError)
    assert f"cannot connect to the proxy http://127.0.0.1:{port}: connection refused; check HTTP_PROXY" in str(error)


@pytest.mark.parametrize(("status", "says"), [(407, "USER:PASSWORD"), (502, "check HTTPS_PROXY")])
async def test_proxy_that_refuses_a_tunnel(status: int, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode()
    async with raw_server(answer) as (origin, _, _):
        monkeypatch.setenv("https_proxy", origin.replace("//", f"//alice:{SECRET}@"))
        error = await failure("https://speech.invalid/v1", headers={"Authorization": SECRET})
    assert isinstance(error, errors.SourceConnectionError)
    assert error.status == status
    assert f"refused to connect to https://speech.invalid/v1: HTTP {status}" in str(error)
    assert says in str(error)
    assert SECRET not in f"{error!r} {error.__cause__!r}"


async def test_proxy_that_wants_a_password_for_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(answering(web.Response(status=407))) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        error = await failure("http://speech.invalid/v1")
    assert isinstance(error, errors.SourceConnectionError)
    assert "USER:PASSWORD" in str(error)


async def test_credentials_that_a_proxy_echoes_are_struck_out(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(echo) as proxy:
        monkeypatch.setenv("http_proxy", f"http://alice:{SECRET}@{proxy.place}")
        error = await failure("http://speech.invalid/v1")
    assert "'Proxy-Authorization': 'Basic ***'" in str(error)


async def test_proxy_that_does_not_let_through_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async with raw_server(None) as (origin, _, heads):
        monkeypatch.setenv("https_proxy", origin)
        error = await failure("https://speech.invalid", connect_timeout=0.05)
        assert f"through the proxy {origin} within 0.05 s" in str(error)
    assert heads[0].startswith(b"CONNECT")


@pytest.mark.parametrize("proxy", ["socks5://alice:wonderland@127.0.0.1:1080", "http://"])
async def test_proxy_that_cannot_be_used(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    error = await failure("http://speech.invalid")
    assert isinstance(error, errors.ConfigError)
    assert "unusable proxy" in str(error)
    assert ("pip install aiohttp-socks" in str(error)) == proxy.startswith("socks")
    assert "wonderland" not in str(error)


# Credentials


async def echo(request: web.Request) -> web.StreamResponse:
    """Refuse and repeat everything that was sent."""
    said = f"{request.raw_path} {dict(request.headers)}"
    return web.json_response({"error": {"message": said, "code": SECRET}}, status=int(request.query.get("s", "401")))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
async def test_echoed_credentials_are_struck_out(status: int) -> None:
    async with serving(echo) as service:
        url = f"{service.origin}/v1?s={status}&api_key=walrus-and-oyster"
        headers = {"Authorization": "Token jabberwocky", "xi-api-key": SECRET}
        source = HttpSource(url, headers=headers)
        with recorded() as seen, pytest.raises(errors.SourceError) as caught:
            await fetch(source)
        await source.aclose()
    shown = f"{caught.value!r} {caught.value} {caught.value.__cause__!r} {seen} {source!r} {source._client!r}"
    assert not [word for word in ("wonder", "secret-", "walrus", "jabber") if word in shown]
    assert "***" in shown


@pytest.mark.parametrize("place", ["127.0.0.1:1", "speech.invalid", "[", "127.1"])
async def test_credentials_in_a_url_show_in_no_connection_error(place: str) -> None:
    error = await failure(f"http://alice:{SECRET}@{place}/v1?token={SECRET}")
    chain = f"{error!r} {error.__cause__!r} {error.__cause__}"
    assert SECRET not in chain
    assert "alice" not in chain


async def test_credentials_in_a_url_that_breaks_off_do_not_show() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\nOggS"
    async with raw_server(answer) as (_, port, _):
        error = await failure(f"http://alice:{SECRET}@127.0.0.1:{port}/v1?token={SECRET}")
    assert SECRET not in f"{error!r} {error.__cause__!r}"


# What is left


def test_json_is_written_as_openais_client_writes_it() -> None:
    assert json_body({"b": "ü\n", "a": [1, 1.5, None]}) == '{"b":"ü\\n","a":[1,1.5,null]}'.encode()
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_body(float("nan"))


async def test_exception_that_is_not_foreseen_is_not_disguised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "check_headers", lambda _: None)
    async with serving(speaking()) as service:
        with pytest.raises(ValueError, match="header"):
            await failure(service.origin, headers={"X": "a\r\nb"})


async def test_exception_in_the_body_that_is_not_foreseen_is_not_disguised(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(speaking()) as service:
        source = HttpSource(service.origin)
        async with source.open("", OPTIONS) as stream:
            monkeypatch.setattr(stream, "_content", None)
            with pytest.raises(AttributeError):
                await anext(stream)
        await source.aclose()


async def test_link_local_address_keeps_its_scope() -> None:
    assert session._numeric(("fe80::1", 80, 0, 3)) == "fe80::1%3"
    assert session._numeric(("::1", 80, 0, 0)) == "::1"


async def test_name_that_resolves_is_connected_to() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(f"http://localhost:{service.port}")
        assert await fetch(source) == BODY
        await source.aclose()


def test_tls_context_of_the_tests_is_a_server() -> None:
    assert server_tls().verify_mode is ssl.CERT_NONE
