"""What a source is: small protocols that anything may implement."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    from ..annotations import Annotation
    from ..errors import OggStreamError
    from ..options import SpeechOptions
    from .traits import SourceTraits, StreamTraits


class ByteStream(Protocol):
    """A body on its way: an asynchronous iterator over bytes, in the chunks in which they arrive.

    Between its bytes it may give an `Annotation`: a word, with the place where it sounds.
    What else it tells of itself stands in ``traits`` (see `DescribedStream`).
    """

    @property
    def content_type(self) -> str:
        """The media type that the service names, or an empty string. It is not believed: the body is looked at."""
        ...

    @property
    def request_id(self) -> str | None:
        """The service's identifier of the request, for its support; None if it gives none."""
        ...

    def __aiter__(self) -> Self: ...

    async def __anext__(self) -> bytes | Annotation: ...


@runtime_checkable
class DescribedStream(Protocol):
    """A stream that tells more of its body."""

    @property
    def traits(self) -> StreamTraits:
        """What was asked of the service, and how it answered."""
        ...


@runtime_checkable
class Source(Protocol):
    """Turns text into a stream of bytes.

    ``open`` returns an asynchronous context manager: entering it sends the request and waits for the response's
    headers, leaving it closes the response, whatever state it is in. Raises an `OggStreamError`; cancelling the task
    at any point leaves no connection behind.

    That is all that a source must have. What it tells of itself stands in ``traits`` (see `SourceTraits`); what it may
    do besides are the protocols below.
    """

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask for ``text`` to be spoken as ``options`` say."""
        ...


@runtime_checkable
class DescribedSource(Protocol):
    """A source that describes itself. The description may change: it is read anew for each request."""

    @property
    def traits(self) -> SourceTraits:
        """What it is, and what it can be asked for."""
        ...


@runtime_checkable
class WarmSource(Protocol):
    """A source that can prepare a connection ahead of the first request."""

    async def warm(self) -> None:
        """Prepare. Never fails."""
        ...


@runtime_checkable
class ClosableSource(Protocol):
    """A source that owns connections or files. Who made it closes it."""

    async def aclose(self) -> None:
        """Close what it owns. May be called twice."""
        ...


@runtime_checkable
class ContextSource(Protocol):
    """A source that can keep a context: one conversation with a service around all pieces of a speech.

    ``context`` returns an asynchronous context manager that gives a `Source`. The pieces of one speech are opened from
    it, one after the other. Leaving it cancels what is under way and keeps the connection for the next speech. One that
    is lost makes ``open`` raise a `SourceBrokenError`: it is then left, and another one is entered for the rest.
    """

    def context(self, options: SpeechOptions) -> AbstractAsyncContextManager[Source]:
        """A context for one speech."""
        ...


@runtime_checkable
class SubstitutingSource(Protocol):
    """A source that has more than one service to ask."""

    def another(self, error: OggStreamError) -> bool:
        """Whether what failed with ``error`` would be asked of another service now: then it is worth asking again."""
        ...
