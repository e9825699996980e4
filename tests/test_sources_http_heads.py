from __future__ import annotations

import asyncio

import pytest

from oggstream import errors
from oggstream.options import SpeechOptions
from oggstream.sources.http.heads import LONGEST_HEAD, HeadReader, unambiguous
from oggstream.sources.http.url_source import HttpSource

CHUNKS = b"4\r\nOggS\r\n0\r\n\r\n"


async def fetched(answer: bytes, size: int = 1 << 20, requests: int = 1) -> list[bytes]:
    """What comes of ``answer``, sent in pieces of ``size`` bytes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(requests):
            await reader.readuntil(b"\r\n\r\n")
            for at in range(0, len(answer), size):
                writer.write(answer[at : at + size])
                await writer.drain()
                await asyncio.sleep(0)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    source = HttpSource(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", max_retries=0)
    try:
        bodies = []
        for _ in range(requests):
            async with source.open("", SpeechOptions()) as stream:
                bodies.append(b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)]))
        return bodies
    finally:
        await source.aclose()
        server.close()


BOTH = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n" + CHUNKS
TWICE = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\nX: y\r\nContent-Length: 4\r\n\r\nOggS"


@pytest.mark.parametrize(
    "answer",
    [
        BOTH,
        TWICE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nCONTENT-LENGTH : 3\r\n\r\n" + CHUNKS,
        b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + BOTH,
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nOggS",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1 << 20])
async def test_answer_that_says_its_length_twice_is_read(answer: bytes, size: int) -> None:
    assert await fetched(answer, size) == [b"OggS"]


async def test_connection_is_used_again_after_such_an_answer() -> None:
    assert await fetched(BOTH, requests=3) == [b"OggS"] * 3


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nOggS",
        b"HTTP/1.1 200 OK\r\nContent-Length: four\r\n\r\nOggS",
        b"HTTP/1.1 200 OK\r\nX Y: z\r\n\r\nOggS",
    ],
)
async def test_malformed_answer_is_named(head: bytes) -> None:
    with pytest.raises(errors.SourceConnectionError, match=r"gives a malformed answer: .*; tell those who run"):
        await fetched(head)


async def test_answer_that_ends_in_its_head_is_a_connection_without_an_answer() -> None:
    with pytest.raises(errors.SourceConnectionError, match="closed the connection without an answer"):
        await fetched(b"HTTP/1.1 200 OK\r\nContent-Le")


def test_head_with_one_length_stays_as_it_is() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Content-Length: 5\r\n\r\n"
    assert unambiguous(head) == head


def test_what_follows_a_change_of_protocols_passes_at_once() -> None:
    reader = HeadReader()
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"
    assert reader.feed(head) == head
    assert reader.feed(b"\x81\x01a") == b"\x81\x01a"


def test_head_without_end_is_not_held_for_ever() -> None:
    reader = HeadReader()
    held = 0
    while not reader.feed(b"a" * 4096):
        held += 4096
    assert held <= LONGEST_HEAD
    assert reader.feed(b"b") == b"b"


def test_lines_may_end_without_a_carriage_return() -> None:
    head = b"HTTP/1.1 200 OK\nContent-Length: 4\nContent-Length: 4\n\n"
    assert HeadReader().feed(head + b"OggS").count(b"Content-Length") == 1


def test_what_is_no_head_passes_at_once() -> None:
    assert HeadReader().feed(b"SSH-2.0-x\r\n") == b"SSH-2.0-x\r\n"
