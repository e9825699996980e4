"""Bytes that an iterator gives, as a source."""

from __future__ import annotations

import io
from array import array
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

import oggstream
from oggstream.errors import SourceError, UsageError
from oggstream.options import SpeechOptions
from oggstream.sources.chunk_source import ChunkSource, as_bytes
from scripted import spoken

BODY = spoken(0.2)
PARTS = [BODY[:100], BODY[100:]]


async def read(source: ChunkSource) -> bytes:
    async with source.open("", SpeechOptions()) as stream:
        return b"".join([chunk async for chunk in stream])  # type: ignore[misc]


def generator() -> Iterator[bytes]:
    yield from PARTS


async def later() -> AsyncIterator[bytes]:
    for part in PARTS:
        yield part


class Reader:
    """As aiohttp's and asyncio's are."""

    def __init__(self) -> None:
        self._file = io.BytesIO(BODY)

    async def read(self, size: int, /) -> bytes:
        return self._file.read(size)


class Answer:
    """As those of openai and httpx are."""

    def read(self) -> bytes:
        return BODY

    def iter_bytes(self) -> Iterator[bytes]:
        return generator()


CHUNKS = {
    "bytes": lambda: BODY,
    "bytearray": lambda: bytearray(BODY),
    "list": lambda: PARTS,
    "tuple": lambda: tuple(PARTS),
    "generator": generator,
    "async generator": later,
    "async read": Reader,
    "iter_bytes": Answer,
}


@pytest.mark.parametrize("make", CHUNKS.values(), ids=CHUNKS)
async def test_whatever_gives_bytes_is_a_body(make: Any) -> None:
    assert await read(ChunkSource(make())) == BODY
    report = await oggstream.play_stream("", source=make(), sink="null")
    assert report.audio.samples == 9600
    assert report.source == "chunks"


@pytest.mark.parametrize("again", ["bytes", "list", "tuple"])
async def test_what_can_be_read_again_is(again: str) -> None:
    source = ChunkSource(CHUNKS[again]())
    assert await read(source) == await read(source)


@pytest.mark.parametrize("once", ["generator", "async generator", "async read", "iter_bytes"])
async def test_what_can_be_read_once_is_refused_the_second_time(once: str) -> None:
    source = ChunkSource(CHUNKS[once]())
    await read(source)
    with pytest.raises(UsageError, match="was played before"):
        await read(source)


async def test_an_iterator_is_closed_with_the_response() -> None:
    closed = []

    async def endless() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            closed.append(1)

    async with ChunkSource(endless()).open("", SpeechOptions()) as stream:
        await anext(stream)
    assert closed


def test_samples_and_the_items_of_other_packages_are_bytes() -> None:
    assert as_bytes(np.array([1, 2], np.int16)) == b"\1\0\2\0"
    assert as_bytes(array("h", [1])) == b"\1\0"
    assert as_bytes({"type": "audio", "data": b"x"}) == b"x"
    assert as_bytes({"type": "WordBoundary", "offset": 1}) == b""


@pytest.mark.parametrize(
    ("item", "message"), [("Hello", "to speak text, pass it as text"), (7, "gives int, not bytes")]
)
async def test_another_item_is_refused_by_its_type(item: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        await read(ChunkSource(iter([item])))


async def test_what_was_received_is_heard_before_what_the_iterator_raises() -> None:
    def broken() -> Iterator[bytes]:
        yield BODY
        raise ConnectionResetError("gone")

    with pytest.raises(SourceError, match="the source failed: ConnectionResetError: gone") as failed:
        await oggstream.play_stream("", source=broken(), sink="null")
    assert isinstance(failed.value.__cause__, ConnectionResetError)
    assert failed.value.report is not None
    assert failed.value.report.audio.samples == 9600
