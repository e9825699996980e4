"""The first request on a connection that was begun ahead, against the same over aiohttp."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources.http import dialling, direct, retries, sender, tls  # noqa: F401  # which remembers what was trusted when aiohttp was imported
from oggstream.sources.http.exchange import Outgoing
from oggstream.sources.http.url_source import HttpSource
from oggstream.sources.openai_source import OpenAISource
from speech_server import (
    BODY,
    CERTIFICATE,
    answering,
    free_port,
    hanging,
    openai_error,
    raw_server,
    recorded,
    server_tls,
    serving,
    speaking,
    until,
)

OPTIONS = SpeechOptions(format="opus")


@pytest.fixture(autouse=True)
def _hung_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(retries, "FIRST_DELAY", 0.001)
    monkeypatch.setattr(dialling, "_answered", [])
    yield
    dialling.hang_up()
    for thread in threading.enumerate():
        if thread.name == "oggstream-line":
            thread.join(5)


async def fetch(source: HttpSource | OpenAISource) -> bytes:
    """The whole body."""
    async with source.open("Hello.", OPTIONS) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


def dialled(url: str, timeout: float = 5.0, **settings: Any) -> HttpSource:
    """A source, to whose service a connection was begun."""
    dialling.dial(url, timeout)
    return HttpSource(url, max_retries=0, connect_timeout=timeout, **settings)


async def failure(source: HttpSource) -> errors.OggStreamError:
    try:
        with pytest.raises(errors.OggStreamError) as caught:
            await fetch(source)
        return caught.value
    finally:
        await source.aclose()


async def test_request_goes_out_on_the_connection_begun_ahead_and_loads_no_session() -> None:
    async with serving(speaking(b"OggS1", b"OggS22", gap=0.01)) as service:
        source = dialled(service.origin)
        await until(lambda: service.connections == 1)
        assert await fetch(source) == b"OggS1OggS22"
        assert not source._client._sessions._sessions
        await source.aclose()


async def test_request_is_that_of_aiohttp_but_for_its_name() -> None:
    async with serving(speaking()) as service:
        source = OpenAISource(base_url=service.base, api_key="key")
        dialling.dial(service.speech, 5)
        assert await fetch(source) == await fetch(source) == BODY
        await source.aclose()
        first, second = service.received
        agents = [headers.pop("user-agent").split()[0] for headers in (first.headers, second.headers)]
        assert agents[0] == agents[1]
        assert (first.path, first.headers, first.body) == (second.path, second.headers, second.body)


async def test_request_is_told_within_its_session_and_before_the_answer() -> None:
    async with serving(speaking()) as service:
        source = dialled(service.origin)
        with recorded() as heard:
            await fetch(source)
        await source.aclose()
        assert [type(event) for event in heard] == [events.RequestSent, events.ResponseStarted]


async def test_only_the_first_request_takes_the_connection() -> None:
    async with serving(speaking()) as service:
        source = dialled(service.origin)
        assert await fetch(source) == await fetch(source) == BODY
        assert len({request.port for request in service.received}) == 2
        await source.aclose()


async def test_connection_to_another_place_is_left_alone() -> None:
    async with serving(speaking()) as service, serving(speaking()) as other:
        dialling.dial(other.origin, 5)
        source = HttpSource(service.origin)
        assert await fetch(source) == BODY
        assert not other.received
        await source.aclose()


async def test_refusals_read_as_ever() -> None:
    answer = openai_error(401, "bad key", x_request_id="req_9")
    async with serving(answering(answer)) as service:
        directly = await failure(dialled(service.origin))
        assert isinstance(directly, errors.AuthenticationError)
        assert str(directly) == str(await failure(HttpSource(service.origin, max_retries=0)))


async def test_redirects_are_followed() -> None:
    async with (
        serving(speaking()) as goal,
        serving(answering(web.Response(status=307, headers={"Location": f"{goal.origin}/there"}))) as service,
    ):
        source = dialled(service.origin)
        assert await fetch(source) == BODY
        await source.aclose()


async def test_failed_request_is_repeated_as_ever() -> None:
    async with serving(answering(openai_error(500, "no"), speaking())) as service:
        dialling.dial(service.origin, 5)
        source = HttpSource(service.origin)
        assert await fetch(source) == BODY
        assert len(service.received) == 2
        await source.aclose()


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        (b"", errors.SourceConnectionError, "closed the connection without an answer"),
        (b"SSH-2.0-OpenSSH\r\n", errors.SourceConnectionError, "does not answer in HTTP"),
        (b"HTTP/1.1 200 OK\r\nno field\r\n\r\n", errors.SourceConnectionError, "malformed answer: bad header"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nOggS", errors.SourceBrokenError, "broke off in the middle"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nOggS", errors.SourceBrokenError, "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n", errors.SourceBrokenError, "broke off"),
    ],
)
async def test_answers_that_break_are_told_as_ever(script: bytes, kind: type[Exception], said: str) -> None:
    async with raw_server(script) as (origin, _, _):
        error = await failure(dialled(origin))
    assert isinstance(error, kind)
    assert said in str(error)


async def test_what_came_before_a_break_is_handed_on() -> None:
    async with raw_server(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nOggS") as (origin, _, _):
        source = dialled(origin)
        async with source.open("", OPTIONS) as stream:
            assert await anext(stream) == b"OggS"
            with pytest.raises(errors.SourceBrokenError):
                await anext(stream)
        await source.aclose()


async def test_place_where_nobody_listens_is_told_as_ever() -> None:
    error = await failure(dialled(f"http://127.0.0.1:{free_port()}"))
    assert isinstance(error, errors.SourceConnectionError)
    assert "connection refused" in str(error)


async def test_connection_that_takes_too_long_is_given_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()

    def slow(*_: object) -> None:
        held.wait(10)
        raise OSError

    monkeypatch.setattr(dialling, "connect", slow)
    source = dialled("http://127.0.0.1:9", timeout=0.05)
    try:
        assert "within 0.05 s" in str(await failure(source))
    finally:
        held.set()


async def test_tls_is_spoken_with_the_usual_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(speaking(), tls=server_tls()) as service:
        assert "certificate" in str(await failure(dialled(service.origin)))
        authority = tmp_path / "authority.pem"
        authority.write_text(CERTIFICATE)
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        source = dialled(service.origin)
        assert await fetch(source) == BODY
        assert not source._client._sessions._sessions
        await source.aclose()


async def test_cancelling_closes_the_connection() -> None:
    async with serving(hanging) as service:
        source = dialled(service.origin)
        task = asyncio.create_task(fetch(source))
        await until(lambda: service.received)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: not service.connections)
        await source.aclose()


async def test_leaving_in_the_middle_closes_the_connection() -> None:
    async with serving(speaking(hang=True)) as service:
        source = dialled(service.origin)
        async with source.open("", OPTIONS) as stream:
            assert await anext(stream) == BODY
        await until(lambda: not service.connections)
        await source.aclose()


async def test_slow_reader_makes_the_service_wait() -> None:
    sent = 0

    async def endless(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(65536))
            sent += 65536

    async with serving(endless) as service:
        source = dialled(service.origin)
        async with source.open("", OPTIONS) as stream:
            await anext(stream)
            before = -1
            while sent != before:
                before = sent
                await asyncio.sleep(0.1)
            assert sent < 32 << 20
        await source.aclose()
        await until(lambda: not service.connections)


async def test_connection_that_nothing_takes_is_closed() -> None:
    async with serving(speaking()) as service:
        dialling.dial(service.origin, 5, life=0.01)
        source = HttpSource(service.origin)
        await until(lambda: service.connections == 1)
        await until(lambda: not service.connections)
        assert await fetch(source) == BODY  # on a new one
        await source.aclose()


async def sent_ahead(source: HttpSource, url: str, *, whole: bool = True, **changed: Any) -> None:
    """Send the request of ``source``, or one that differs, and wait until its answer is there, at least its head."""
    outgoing = Outgoing("GET", url, dict(source._request.headers))._replace(**changed)
    line = dialling.dial(url, 5)
    assert line is not None
    direct.send_ahead(line, outgoing.unpacked().encoded())
    exchange = line.exchange
    assert exchange is not None
    await until(lambda: exchange.ended if whole else exchange.has_head)


async def test_answer_to_a_request_sent_ahead_is_given_to_whoever_asks_for_it() -> None:
    async with serving(speaking(b"OggS1", b"OggS22")) as service:
        source = HttpSource(service.origin)
        await sent_ahead(source, service.origin)
        asked = time.monotonic()
        with recorded() as heard:
            assert await fetch(source) == b"OggS1OggS22"
        await source.aclose()
        assert len(service.received) == 1
        assert [type(event) for event in heard] == [events.RequestSent, events.ResponseStarted]
        assert heard[0].at < asked <= heard[1].at


async def test_request_sent_ahead_that_is_another_one_is_not_used() -> None:
    async with serving(speaking()) as service:
        source = HttpSource(service.origin)
        await sent_ahead(source, service.origin, headers={"Accept": "text/html"})
        assert await fetch(source) == BODY
        await source.aclose()
        assert [request.headers["accept"] == "text/html" for request in service.received] == [True, False]
        await until(lambda: not service.connections)


async def test_request_sent_ahead_to_nobody_is_told_as_ever() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    source = HttpSource(url, max_retries=0)
    await sent_ahead(source, url)
    assert "connection refused" in str(await failure(source))


async def test_of_an_answer_that_nobody_takes_a_bounded_part_is_kept_and_hanging_up_ends_it() -> None:
    async with serving(speaking(bytes(16 << 20))) as service:
        source = HttpSource(service.origin)
        await sent_ahead(source, service.origin, whole=False)
        assert service.connections == 1
        dialling.hang_up()
        await until(lambda: not service.connections)
        await source.aclose()


@pytest.mark.parametrize("url", ["ftp://a/b", "http://", "http://ä.example/", "http://a/b c", "http://a/ä", "nonsense"])
def test_no_connection_is_begun_where_a_socket_alone_would_not_do(url: str) -> None:
    assert dialling.place_of(url) is None


def test_no_connection_is_begun_past_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    assert dialling.place_of("https://example.com/v1") is None
    assert dialling.place_of("http://example.com/v1") == ("http", "example.com", 80)


def test_next_address_is_tried_where_the_first_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", free_port())),
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port)),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with dialling.connect(dialling.Place("http", "name.example", port), time.monotonic() + 5) as made:
            assert made.getpeername()[1] == port


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The certificate of the servers here is trusted."""
    authority = tmp_path / "authority.pem"
    authority.write_text(CERTIFICATE)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))


async def connected(url: str) -> dialling.Line:
    """The line to ``url``, once there is one to use."""
    line = dialling.waiting_for(url)
    assert line is not None
    await until(lambda: line.open)
    return line


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.usefixtures("trusted")
async def test_connection_that_the_service_closed_meanwhile_is_not_used(scheme: str) -> None:
    async with serving(speaking(), tls=server_tls() if scheme == "https" else None) as service:
        dialling.dial(service.origin, 5, life=600)
        source = HttpSource(service.origin, max_retries=0)
        line = await connected(service.origin)
        await until(lambda: service.connections)
        assert service._runner.server is not None
        for connection in list(service._runner.server.connections):
            connection.force_close()
        await until(lambda: not line.usable)
        assert await fetch(source) == BODY
        assert len(service.received) == 1
        await source.aclose()


async def test_connection_on_which_the_service_has_spoken_unasked_is_not_used() -> None:
    async def too_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")
        await reader.read()
        writer.close()

    async with await asyncio.start_server(too_late, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        dialling.dial(url, 5, life=600)
        line = dialling.waiting_for(url)
        assert line is not None
        await until(lambda: not line.usable)
        assert dialling.take(url) is None


@pytest.mark.usefixtures("trusted")
async def test_tickets_of_tls_are_no_sign_that_the_service_has_closed() -> None:
    async with serving(speaking(), tls=server_tls()) as service:
        source = dialled(service.origin)
        line = await connected(service.origin)
        assert isinstance(line._socket, ssl.SSLSocket)
        assert line._socket.version() == "TLSv1.3"
        await asyncio.sleep(0.05)  # they have come
        assert line.usable
        assert await fetch(source) == BODY
        assert not source._client._sessions._sessions
        await source.aclose()


async def test_request_on_a_connection_that_went_dead_is_sent_once_more_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "IDLE", 0.0)
    monkeypatch.setattr(sender, "PATIENCE", 0.05)
    async with serving(answering(hanging, speaking())) as service:
        source = dialled(service.origin)
        await connected(service.origin)
        with recorded() as heard:
            assert await fetch(source) == BODY
        assert [event.reason for event in heard if isinstance(event, events.Retrying)] == [
            "no answer on a connection that was idle for 0 s: asked once more on a new one"
        ]
        assert len(service.received) == 2
        await source.aclose()


async def test_connection_that_waited_through_a_laptops_sleep_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(speaking()) as service:
        dialling.dial(service.origin, 5, life=60)
        line = await connected(service.origin)
        now = time.time()
        monkeypatch.setattr(time, "time", lambda: now + 50)
        assert line.usable
        monkeypatch.setattr(time, "time", lambda: now + 70)
        assert dialling.take(service.origin) is None


async def test_second_connection_is_begun_to_another_place_only() -> None:
    async with serving(speaking()) as service, serving(speaking()) as other:
        for url in (service.origin, service.speech, other.origin, f"{other.origin}/"):
            dialling.dial(url, 5)
        for url in (service.origin, other.origin):
            await connected(url)
        await until(lambda: service.connections and other.connections)
        assert (service.connections, other.connections) == (1, 1)


async def test_connections_that_are_not_there_yet_or_not_any_more_are_closed_on_request() -> None:
    async with serving(speaking()) as service:
        absent = f"http://127.0.0.1:{free_port()}"
        for url in (service.origin, absent):
            dialling.dial(url, 5)
        await connected(service.origin)
        dialling.keep_open_ones()
        assert dialling.waiting_for(absent) is None
        assert dialling.waiting_for(service.origin) is not None


async def test_place_that_answered_last_is_known_without_path_and_key() -> None:
    assert dialling.last_place() is None
    async with serving(answering(openai_error(401, "no"), speaking())) as service:
        source = HttpSource(f"http://user:password@{service.place}/secret?key=4711", max_retries=0)
        with pytest.raises(errors.AuthenticationError):
            await fetch(source)
        assert dialling.last_place() is None
        await fetch(source)
        assert (place := dialling.last_place()) is not None
        assert place.origin == service.origin
        await source.aclose()


async def test_place_behind_a_proxy_or_with_a_trust_of_its_own_is_none_to_begin_a_connection_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dialling.answered("https://example.com/v1")
    monkeypatch.setenv("https_proxy", "http://proxy.example:3128")
    dialling.answered("https://example.com/v1")
    assert dialling.last_place() is None
    async with serving(speaking()) as service:
        source = HttpSource(service.origin, ssl_context=ssl.create_default_context())
        await fetch(source)
        assert dialling.last_place() is None
        await source.aclose()


def test_place_is_written_as_it_is_dialled() -> None:
    for url in ("https://[::1]:8443/v1", "https://example.com/v1", "http://127.0.0.1:99/"):
        place = dialling.place_of(url)
        assert place is not None
        assert dialling.place_of(place.origin) == place
