"""Base classes for a source around another source: they forward everything except `opened`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from .source import ClosableSource, ContextSource, FinishingSource, SubstitutingSource, WarmSource, spare_of
from .traits import SourceTraits, StreamTraits, stream_traits_of, traits_of

if TYPE_CHECKING:
    from ..annotations import Annotation
    from ..errors import OggStreamError
    from ..options import SpeechOptions
    from .source import ByteStream, Source


class SourceWrapper:
    """A source around ``wrapped``. A subclass overrides `opened` to change the streams.

    Traits, warming, closing, substitution and contexts are those of the wrapped source. In a context, too, each piece
    goes through `opened`.
    """

    def __init__(self, wrapped: Source) -> None:
        self._wrapped = wrapped

    @property
    def wrapped(self) -> Source:
        """The wrapped source. A subclass may make it on first use."""
        return self._wrapped

    @property
    def traits(self) -> SourceTraits:
        """The traits of the wrapped source."""
        return traits_of(self.wrapped)

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Open the wrapped source, through `opened`."""
        return self.opened(self.wrapped, text, options)

    def opened(self, source: Source, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Open ``source``, which is the wrapped source or a context of it."""
        raise NotImplementedError

    def context(self, options: SpeechOptions) -> AbstractAsyncContextManager[Source]:
        """A context of the wrapped source. Call it only if the traits say ``keeps_context``."""
        return self._context(options)

    @asynccontextmanager
    async def _context(self, options: SpeechOptions) -> AsyncIterator[Source]:
        wrapped = self.wrapped
        assert isinstance(wrapped, ContextSource)
        async with wrapped.context(options) as source:
            yield _Inside(self, source)

    def another(self, error: OggStreamError) -> bool:
        """Whether a retry after ``error`` would go to another service."""
        return isinstance(self.wrapped, SubstitutingSource) and self.wrapped.another(error)

    def spare(self) -> Source | None:
        """The same as for the wrapped source, through `opened`."""
        spare = spare_of(self.wrapped)
        return self if spare is self.wrapped else None if spare is None else _Inside(self, spare)

    async def warm(self) -> None:
        """Prepare the wrapped source, if it can be prepared."""
        await warm(self.wrapped)

    async def aclose(self) -> None:
        """Close the wrapped source, if it can be closed."""
        await close(self.wrapped)


class _Inside:
    """A context of the wrapped source, whose pieces go through the wrapper too."""

    def __init__(self, wrapper: SourceWrapper, source: Source) -> None:
        self._wrapper = wrapper
        self._source = source

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        return self._wrapper.opened(self._source, text, options)

    async def finish(self) -> None:
        if isinstance(self._source, FinishingSource):
            await self._source.finish()


class StreamWrapper:
    """A stream around ``stream``. A subclass overrides ``__anext__`` to change the chunks."""

    def __init__(self, stream: ByteStream) -> None:
        self._stream = stream

    @property
    def content_type(self) -> str:
        """That of the wrapped stream."""
        return self._stream.content_type

    @property
    def request_id(self) -> str | None:
        """That of the wrapped stream."""
        return self._stream.request_id

    @property
    def traits(self) -> StreamTraits:
        """Those of the wrapped stream."""
        return stream_traits_of(self._stream)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes | Annotation:
        return await anext(self._stream)


class BegunStream(StreamWrapper):
    """A stream whose ``first`` chunk is already received; None: the stream is empty. ``substitute``: as in traits."""

    def __init__(self, stream: ByteStream, first: bytes | Annotation | None) -> None:
        super().__init__(stream)
        self.empty = first is None
        self.substitute = False
        self._first = first

    @property
    def traits(self) -> StreamTraits:
        """Those of the wrapped stream."""
        traits = super().traits
        return replace(traits, substitute=True) if self.substitute else traits

    async def __anext__(self) -> bytes | Annotation:
        first, self._first = self._first, None
        return first if first is not None else await super().__anext__()


async def warm(source: Source) -> None:
    """Prepare ``source``, if it can be prepared."""
    if isinstance(source, WarmSource):
        await source.warm()


async def close(source: object) -> None:
    """Close ``source``, if it can be closed."""
    if isinstance(source, ClosableSource):
        await source.aclose()
