"""A source around another one: everything that it does not override is forwarded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from contexts import ContextService
from oggstream.annotations import Annotation
from oggstream.errors import SourceBrokenError
from oggstream.options import SpeechOptions
from oggstream.sources.source import ByteStream, Source
from oggstream.sources.traits import SourceTraits, stream_traits_of, traits_of
from oggstream.sources.wrapper import SourceWrapper, StreamWrapper
from scripted import ScriptedSource

PLAIN = SpeechOptions()


class Louder(SourceWrapper):
    """Bytes in capitals."""

    @asynccontextmanager
    async def opened(self, source: Source, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        async with source.open(text, options) as stream:
            yield _Capitals(stream)


class _Capitals(StreamWrapper):
    async def __anext__(self) -> bytes | Annotation:
        chunk = await super().__anext__()
        return chunk.upper() if isinstance(chunk, bytes) else chunk


class Able(ScriptedSource):
    def __init__(self) -> None:
        super().__init__([(0.0, b"one")])
        self.done: list[str] = []
        self.traits = SourceTraits(name="able", longest_text=9, identity="x")

    async def warm(self) -> None:
        self.done.append("warm")

    async def aclose(self) -> None:
        self.done.append("closed")

    def another(self, error: Exception) -> bool:
        return str(error) == "cut"


async def speak(opening: AbstractAsyncContextManager[ByteStream]) -> bytes:
    async with opening as stream:
        return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])


async def test_what_is_not_its_own_is_the_wrapped_source_s() -> None:
    able = Able()
    source = Louder(able)
    assert traits_of(source) == able.traits
    assert await speak(source.open("x", PLAIN)) == b"ONE"
    await source.warm()
    await source.aclose()
    assert able.done == ["warm", "closed"]
    assert source.another(SourceBrokenError("cut"))
    assert not source.another(SourceBrokenError("other"))


async def test_what_the_wrapped_source_cannot_do_is_left_out() -> None:
    class Bare:
        def open(self, text: str, options: SpeechOptions) -> Any:
            return ScriptedSource([(0.0, b"a")]).open(text, options)

    source = Louder(Bare())
    await source.warm()
    await source.aclose()
    assert not source.another(SourceBrokenError("cut"))
    assert await speak(source.open("x", PLAIN)) == b"A"


async def test_a_stream_tells_what_the_wrapped_one_tells() -> None:
    async with Louder(Able()).open("x", PLAIN) as stream:
        assert (stream.content_type, stream.request_id) == ("audio/ogg", "req-1")
        assert stream_traits_of(stream).format is None


async def test_in_a_context_each_piece_goes_through_the_wrapper_too() -> None:
    service = ContextService()
    source = Louder(service)
    async with source.context(PLAIN) as inside:
        assert await speak(inside.open("one", PLAIN)) == b"1:ONE"
    assert service.log == ["enter 1", "one in 1", "leave 1"]
