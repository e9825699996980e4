from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from oggstream import errors, events
from oggstream.options import SpeechOptions
from oggstream.sources.asking import Asking, telling
from oggstream.sources.http import dialling, sender
from oggstream.sources.http.url_source import HttpSource
from patience import PATIENCE
from speech_server import BODY, answering, recorded, serving, speaking, until

OPTIONS = SpeechOptions()
SECRET = "wonderland-secret-1865"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nContent-Length: 4\r\n\r\nOggS"


async def fetch(source: HttpSource) -> bytes:
    async with source.open("", OPTIONS) as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


def poster(url: str, **settings: Any) -> HttpSource:
    """A source that sends a text and a key."""
    headers = {"Authorization": f"Bearer {SECRET}"}
    return HttpSource(url, method="POST", json={"text": "Hello."}, headers=headers, max_retries=0, **settings)


async def refused(source: HttpSource) -> errors.SourceError:
    with pytest.raises(errors.SourceError) as caught:
        await fetch(source)
    await source.aclose()
    assert SECRET not in str(caught.value)
    return caught.value


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_post_is_never_turned_into_a_get(status: int) -> None:
    async with serving(answering(web.Response(status=status, headers={"Location": "/v1/there?x=1"}))) as service:
        error = await refused(poster(service.origin))
        assert [request.method for request in service.received] == ["POST"]
    assert f"redirects to {service.origin}/v1/there (HTTP {status}); use that URL" in str(error)
    assert error.status == status


@pytest.mark.parametrize("status", [307, 308])
async def test_post_is_sent_on_whole_within_the_same_origin(status: int) -> None:
    moved = web.Response(status=status, headers={"Location": "/there"})
    async with serving(answering(moved, speaking())) as service:
        source = poster(service.origin)
        assert await fetch(source) == BODY
        await source.aclose()
        first, second = service.received
    assert (second.method, second.body, second.path) == ("POST", first.body, "/there")
    assert SECRET in second.headers["authorization"]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_text_is_not_sent_on_to_another_host(status: int) -> None:
    async with serving(speaking()) as goal:
        moved = web.Response(status=status, headers={"Location": f"{goal.origin}/there?key={SECRET}"})
        async with serving(answering(moved)) as start:
            error = await refused(poster(start.origin))
        assert goal.received == []
    assert f"{start.origin} redirects to {goal.origin}/there (HTTP {status}): what is to be spoken is not" in str(error)


async def test_refusal_behind_a_redirect_names_who_answered_and_that_it_got_no_key() -> None:
    async with serving(answering(web.Response(status=401))) as goal:
        moved = web.Response(status=307, headers={"Location": f"{goal.origin}/there"})
        async with serving(answering(moved)) as start:
            headers = {"X-Api-Key": SECRET}
            error = await refused(HttpSource(start.origin, headers=headers, max_retries=0))
    assert f"{goal.origin}/there answered HTTP 401" in str(error)
    assert f"{start.origin} redirected there, and no key is sent on to another host" in str(error)


async def test_body_that_breaks_behind_a_redirect_names_who_sent_it() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        if request.path == "/":
            raise web.HTTPFound("/there")
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"OggS")
        await asyncio.sleep(0.05)
        assert request.transport is not None
        request.transport.abort()
        return response

    async with serving(cut) as service:
        error = await refused(HttpSource(service.origin, max_retries=0))
    assert str(error).startswith(f"{service.origin}/there broke off")


# Connections that are dead, or that keep a server busy


@asynccontextmanager
async def lossy_server(*, answers: int, slow: float = 0.0) -> AsyncIterator[tuple[str, list[int]]]:
    """A server whose first connection swallows everything after ``answers`` requests, or answers late.

    The list has the numbers of the connections on which requests came, from 0.
    """
    came: list[int] = []
    tasks: set[asyncio.Task[Any]] = set()
    number = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal number
        mine, number = number, number + 1
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        count = 0
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                came.append(mine)
                count += 1
                if mine == 0 and count > answers:
                    await asyncio.sleep(slow or 3600)
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}", came
    finally:
        server.close()
        for task in tasks:
            task.cancel()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are doubtful at once, and given up soon."""
    monkeypatch.setattr(sender, "IDLE", 0.0)
    monkeypatch.setattr(sender, "PATIENCE", 0.05)


@pytest.mark.usefixtures("brief")
async def test_dead_connection_is_noticed_and_the_request_asked_once_more_on_a_new_one() -> None:
    async with lossy_server(answers=1) as (url, came):
        source = HttpSource(url, max_retries=0)
        assert await fetch(source) == b"OggS"
        with recorded() as seen:
            assert await fetch(source) == b"OggS"
        assert came == [0, 0, 1]
        kinds = [events.RequestSent, events.Retrying, events.RequestSent, events.ResponseStarted]
        assert [type(event) for event in seen] == kinds
        assert await fetch(source) == b"OggS"  # the new one is kept
        assert came == [0, 0, 1, 1]
        await source.aclose()


@pytest.mark.usefixtures("brief")
async def test_warmed_connection_that_died_is_noticed_too() -> None:
    async with lossy_server(answers=1) as (url, came):
        source = HttpSource(url, max_retries=0)
        await source.warm()
        assert await fetch(source) == b"OggS"
        assert came == [0, 0, 1]
        await source.aclose()


@pytest.mark.usefixtures("brief")
async def test_slow_answer_on_the_old_connection_is_taken_if_it_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    async with lossy_server(answers=1, slow=0.2) as (url, _):
        source = HttpSource(url, max_retries=0)
        assert await fetch(source) == b"OggS"

        async def late(*_: Any) -> Any:
            await asyncio.sleep(3600)

        original = sender.Sender._request
        calls = 0

        def request(self: Any, *given: Any) -> Any:
            nonlocal calls
            calls += 1
            return original(self, *given) if calls == 1 else late()

        monkeypatch.setattr(sender.Sender, "_request", request)
        assert await fetch(source) == b"OggS"
        assert calls == 2
        await source.aclose()


@pytest.mark.usefixtures("brief")
async def test_service_that_is_known_to_be_slow_is_not_asked_twice() -> None:
    async def slow(_request: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response(body=BODY)

    async with serving(slow) as service:
        source = HttpSource(service.origin)
        for _ in range(3):
            assert await fetch(source) == BODY
        await source.aclose()
        assert len(service.received) == 3


@pytest.mark.usefixtures("brief")
async def test_new_connection_is_never_doubted() -> None:
    async with lossy_server(answers=0, slow=0.2) as (url, came):
        source = HttpSource(url, max_retries=0)
        assert await fetch(source) == b"OggS"
        assert came == [0]
        await source.aclose()


@pytest.mark.usefixtures("brief")
async def test_cancelling_while_both_connections_are_listened_to_leaves_no_task() -> None:
    async with serving(answering(speaking(), *[hang] * 2)) as service:
        source = HttpSource(service.origin)
        assert await fetch(source) == BODY
        task = asyncio.create_task(fetch(source))
        await until(lambda: len(service.received) == 3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not [left for left in asyncio.all_tasks() if left.get_name() == "oggstream-request"]
        await source.aclose()


async def hang(_request: web.Request) -> web.Response:
    await asyncio.sleep(3600)
    raise AssertionError


@asynccontextmanager
async def single_server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that serves one connection at a time, until that one is closed."""
    heads: list[bytes] = []
    turn = asyncio.Lock()
    tasks: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        try:
            async with turn:
                while True:
                    heads.append(await reader.readuntil(b"\r\n\r\n"))
                    await asyncio.sleep(0.02)
                    writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heads
    finally:
        server.close()
        for task in tasks:
            task.cancel()


async def test_request_beside_the_warming_one_is_not_blocked_by_its_connection() -> None:
    async with single_server() as (url, heads):
        source = HttpSource(url, max_retries=0)
        warming = asyncio.create_task(source.warm())
        await until(lambda: heads)
        async with asyncio.timeout(PATIENCE):
            assert await fetch(source) == b"OggS"
        await warming
        await source.aclose()


async def test_idle_connection_of_another_source_does_not_block_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "_BLOCKED", 0.05)
    async with single_server() as (url, _):
        first, second = HttpSource(url, max_retries=0), HttpSource(f"{url}/other", max_retries=0)
        assert await fetch(first) == b"OggS"
        async with asyncio.timeout(PATIENCE):
            assert await fetch(second) == b"OggS"
        await first.aclose()
        await second.aclose()


async def test_waiting_request_gets_its_turn_from_a_connection_that_is_always_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sender, "_BLOCKED", 0.05)
    async with single_server() as (url, heads):
        source = HttpSource(url, max_retries=0)
        assert await fetch(source) == b"OggS"
        first = asyncio.create_task(fetch(source))  # on the kept connection
        await until(lambda: len(heads) == 2)
        second = asyncio.create_task(fetch(source))  # on one that the server does not look at
        async with asyncio.timeout(PATIENCE):
            while not second.done():  # the kept one is asked for again as soon as it is free
                await first
                first = asyncio.create_task(fetch(source))
            assert await first == await second == b"OggS"
        await source.aclose()


async def test_dead_connections_do_not_make_the_next_one_wait_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "IDLE", 0.0)
    monkeypatch.setattr(sender, "PATIENCE", 0.1)
    asked: set[object] = set()  # not their ids, which a later one may get again

    async def once_per_connection(request: web.Request) -> web.Response:
        if request.transport in asked:
            await hang(request)
        asked.add(request.transport)
        return web.Response(body=BODY)

    async with serving(once_per_connection) as service:
        source = HttpSource(service.origin, max_retries=0)
        for _ in range(4):
            assert await fetch(source) == BODY
        assert max(source._client._sender._waits) < 0.1
        await source.aclose()


@asynccontextmanager
async def warm_but_mute() -> AsyncIterator[tuple[str, list[object]]]:
    """A service whose connections answer once and then swallow everything; the URL, and its requests so far."""
    asked: list[object] = []

    async def once_per_connection(request: web.Request) -> web.Response:
        asked.append(request.transport)
        if asked.count(asked[-1]) > 1:
            await hang(request)
        return web.Response(body=BODY)

    async with serving(once_per_connection) as service:
        yield service.origin, asked


async def test_nothing_is_asked_again_where_a_second_request_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "IDLE", 0.0)
    monkeypatch.setattr(sender, "PATIENCE", 0.05)
    async with warm_but_mute() as (url, asked):
        source = HttpSource(url, max_retries=0)
        assert await fetch(source) == BODY
        request = Asking()
        with telling(request):
            first = asyncio.create_task(fetch(source))
        await until(lambda: len(asked) == 2)
        request.hedge()
        with telling(Asking(fresh=True, doubled=True)):
            assert await fetch(source) == BODY
        assert len(asked) == 3
        assert not first.done()
        first.cancel()
        await asyncio.wait({first})
        await source.aclose()


async def test_what_the_engine_sends_as_a_second_request_uses_no_connection_that_was_idle() -> None:
    async with warm_but_mute() as (url, asked):
        source = HttpSource(url, max_retries=0)
        assert await fetch(source) == BODY
        with telling(Asking(fresh=True)):
            assert await fetch(source) == BODY
        assert len(set(asked)) == 2
        await source.aclose()


async def test_before_its_first_answer_a_service_has_the_time_that_the_history_explains() -> None:
    source = HttpSource("http://127.0.0.1:9", max_retries=0)
    assert source._client._sender._patience == sender.PATIENCE
    with telling(Asking(usual=4.0)):
        assert source._client._sender._patience == 6.0
    source._client._sender._waits.append(0.1)
    with telling(Asking(usual=4.0)):
        assert source._client._sender._patience == sender.PATIENCE
    await source.aclose()


def test_sockets_notice_peers_that_are_gone() -> None:
    with dialling.new_socket((socket.AF_INET, socket.SOCK_STREAM, 0)) as made:
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 20_000


# The head of an answer


async def answered(*portions: bytes) -> bytes:
    """What is made of an answer that arrives in such portions, behind which the connection stays open."""
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for portion in portions:
            writer.write(portion)
            await writer.drain()
            await asyncio.sleep(0.005)
        await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    source = HttpSource(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", max_retries=0)
    try:
        async with asyncio.timeout(PATIENCE):
            return await fetch(source)
    finally:
        done.set()
        await source.aclose()
        server.close()


TWICE = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"4\r\nOggS\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "portions",
    [
        [TWICE + CHUNKS],
        [TWICE.replace(b": 4", b": 5"), CHUNKS],
        [TWICE[:30], TWICE[30:] + CHUNKS[:4], CHUNKS[4:]],
        [TWICE.replace(b"\r\n", b"\n"), CHUNKS],
        [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + TWICE, CHUNKS],
        [ANSWER.replace(b"Content-Length: 4\r\n", b"content-length: 4\r\nContent-Length:4\r\n")],
        [bytes([byte]) for byte in ANSWER],
    ],
)
async def test_body_whose_length_is_said_more_than_once_is_read(portions: list[bytes]) -> None:
    assert await answered(*portions) == b"OggS"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nOggS",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x15\x03\x01\x00\x02\x02\x46",
    ],
)
async def test_answer_that_is_none_is_refused_at_once_though_the_connection_stays_open(answer: bytes) -> None:
    with pytest.raises(errors.SourceConnectionError, match=r"malformed answer|does not answer in HTTP"):
        await answered(answer)


@pytest.mark.parametrize(
    "head", [b"X-Policy: " + b"a" * 60_000 + b"\r\n", b"".join(b"X-%d: %s\r\n" % (n, b"a" * 64) for n in range(800))]
)
async def test_head_of_64_kb_is_read(head: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(ANSWER.replace(b"\r\n\r\n", b"\r\n" + head + b"\r\n", 1))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    source = HttpSource(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", max_retries=0)
    assert await fetch(source) == b"OggS"
    await source.aclose()
    server.close()
