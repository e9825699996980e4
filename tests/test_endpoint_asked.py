"""The bodies of requests, from clients of any kind, by raw bytes."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator

import aiohttp
import pytest

from oggstream.endpoint.server import SpeechServer
from patience import PATIENCE
from scripted import ScriptedSource, every, pages, spoken

BODY = json.dumps({"input": "Hello.", "response_format": "opus"}).encode()
PLAIN = b"Content-Length: %d\r\n\r\n%b" % (len(BODY), BODY)


@pytest.fixture
async def source() -> ScriptedSource:
    return ScriptedSource(every(0, pages(spoken(0.2))))


@pytest.fixture
async def server(source: ScriptedSource) -> AsyncIterator[SpeechServer]:
    server = SpeechServer(source=source)
    await server.start()
    yield server
    await server.stop()


def post(rest: bytes, version: bytes = b"1.1", host: bytes = b"Host: localhost\r\n") -> bytes:
    return b"POST /v1/audio/speech HTTP/" + version + b"\r\n" + host + rest


async def answers(server: SpeechServer, data: bytes, count: int = 1) -> list[bytes]:
    """The status lines of so many answers to ``data``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.bound_port)
    found: list[bytes] = []
    async with asyncio.timeout(PATIENCE):
        writer.write(data)
        got = b""
        while len(found) < count and (part := await reader.read(1 << 16)):
            got += part
            found = [answer.partition(b"\r\n")[0] for answer in got.split(b"HTTP/1.")[1:]]
    writer.close()
    return found


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate, gzip", "odd"])
async def test_an_encoded_body_is_refused_without_being_unpacked(server: SpeechServer, coding: str) -> None:
    data = gzip.compress(b" " * 20_000_000)
    headers = {"Content-Encoding": coding, "Content-Type": "application/json"}
    async with aiohttp.request("POST", f"{server.base_url}/audio/speech", data=data, headers=headers) as response:
        assert response.status == 415
        assert "send it as it is" in (await response.json())["error"]["message"]


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (post(PLAIN), [b"1 200 OK"]),
        (post(PLAIN, b"1.0"), [b"0 200 OK"]),
        (post(PLAIN, b"1.0", b""), [b"0 200 OK"]),
        (post(b"Content-Encoding: identity\r\n" + PLAIN), [b"1 200 OK"]),
        (post(b"Expect: 100-continue\r\n" + PLAIN), [b"1 100 Continue", b"1 200 OK"]),
        (post(b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)), [b"1 200 OK"]),
        (post(PLAIN) * 2 + post(b"Content-Length: 2\r\n\r\n{}"), [b"1 200 OK", b"1 200 OK", b"1 400 Bad Request"]),
        (post(PLAIN, host=b""), [b"0 400 Bad Request"]),
        (post(b"Content-Length: 1\r\n" + PLAIN), [b"0 400 Bad Request"]),
        (post(b"Transfer-Encoding: chunked\r\n" + PLAIN), [b"0 400 Bad Request"]),
        (post(b"Host: example.org\r\n" + PLAIN), [b"0 400 Bad Request"]),
        (post(b"X: %b\r\n" % (b"a" * 100_000) + PLAIN), [b"0 400 Bad Request"]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50), [b"0 400 Bad Request"]),
    ],
)
async def test_whoever_speaks_http_is_answered_and_whoever_does_not_is_told(
    server: SpeechServer, data: bytes, statuses: list[bytes]
) -> None:
    assert await answers(server, data, len(statuses)) == statuses


@pytest.mark.parametrize("sent", [post(PLAIN)[:-5], post(b"Transfer-Encoding: chunked\r\n\r\n5\r\n" + BODY[:5])])
async def test_an_upload_that_is_left_leaves_nothing(server: SpeechServer, source: ScriptedSource, sent: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.bound_port)
    writer.write(sent)
    async with asyncio.timeout(PATIENCE):
        while not len(server.under_way):  # noqa: ASYNC110 - sockets tell nobody
            await asyncio.sleep(0.001)
        writer.transport.abort()
        while len(server.under_way):  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert source.opened == 0
