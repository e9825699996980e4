"""The protocols of sources and their streams."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from ..annotations import Annotation
    from ..errors import OggStreamError
    from ..options import SpeechOptions
    from ..voice.engine import VoiceInfo
    from .traits import SourceTraits, StreamTraits


class ByteStream(Protocol):
    """A body that is being received: an asynchronous iterator over bytes, in chunks as they arrive.

    Between its bytes it may give an `Annotation`, such as a word with its place in the sound.
    A stream may describe itself further in ``traits`` (see `DescribedStream`).
    """

    @property
    def content_type(self) -> str:
        """The media type that the service states, or an empty string. It is only a hint: the body is examined."""
        ...

    @property
    def request_id(self) -> str | None:
        """The service's identifier of the request, for its support; None if there is none."""
        ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> bytes | Annotation: ...


@runtime_checkable
class DescribedStream(Protocol):
    """A stream that describes its body."""

    @property
    def traits(self) -> StreamTraits:
        """The request to the service, and its answer."""
        ...


@runtime_checkable
class Source(Protocol):
    """Turns text into a stream of bytes.

    ``open`` returns an asynchronous context manager: entering it sends the request and waits for the response's
    headers, leaving it closes the response, whatever state it is in. Raises an `OggStreamError`; cancelling the task
    at any point leaves no connection behind.

    A source needs nothing else. It may describe itself in ``traits`` (see `SourceTraits`), and implement the protocols
    below.
    """

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Request ``text``, spoken as ``options`` say."""
        ...


@runtime_checkable
class DescribedSource(Protocol):
    """A source that describes itself. The description may change: it is read for each request."""

    @property
    def traits(self) -> SourceTraits:
        """Its name, limits and formats."""
        ...


@runtime_checkable
class WarmSource(Protocol):
    """A source that can prepare a connection ahead of the first request."""

    async def warm(self) -> None:
        """Prepare. Never raises."""
        ...


@runtime_checkable
class ClosableSource(Protocol):
    """A source that owns connections or files. Its maker closes it."""

    async def aclose(self) -> None:
        """Close what it owns. May be called twice."""
        ...


@runtime_checkable
class ContextSource(Protocol):
    """A source that can keep a context: one conversation with a service around all pieces of a speech.

    ``context`` returns an asynchronous context manager that gives a `Source`, which opens the pieces of one speech one
    after the other. Leaving the context cancels requests under way and keeps the connection for the next speech. If the
    context is lost, ``open`` raises a `SourceBrokenError`: it is then left, and a new one entered for the rest.
    """

    def context(self, options: SpeechOptions) -> AbstractAsyncContextManager[Source]:
        """A context for one speech."""
        ...


@runtime_checkable
class FinishingSource(Protocol):
    """The source of a context that wants to know when its last piece has been asked for."""

    async def finish(self) -> None:
        """No more pieces will be asked for, or only such as failed before. Never raises."""
        ...


@runtime_checkable
class SubstitutingSource(Protocol):
    """A source that can switch to another service."""

    def another(self, error: OggStreamError) -> bool:
        """Whether a retry after ``error`` would go to another service, and so is worth while."""
        ...


@runtime_checkable
class SpareSource(Protocol):
    """A source that says where a second request for a late piece goes. Without this, it goes to the source itself."""

    def spare(self) -> Source | None:
        """The source to ask, this one included; None: a piece must not be requested twice."""
        ...


def spare_of(source: Source) -> Source | None:
    """Where a second request for a piece of ``source`` goes; None: nowhere."""
    return source.spare() if isinstance(source, SpareSource) else source


@runtime_checkable
class ListingSource(Protocol):
    """A source that can tell its voices."""

    async def voices(self) -> list[VoiceInfo]:
        """The voices there are. Raises an `OggStreamError`."""
        ...
