"""What a source is: two small protocols that anything may implement."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..options import SpeechOptions


class ByteStream(Protocol):
    """A body on its way: an asynchronous iterator over bytes, in the chunks in which they arrive.

    Where a source sends bare samples without being asked to, its stream has ``format = "pcm"``.
    """

    @property
    def content_type(self) -> str:
        """The media type that the service names, or an empty string. It is not believed: the body is looked at."""
        ...

    @property
    def request_id(self) -> str | None:
        """The service's identifier of the request, for its support; None if it gives none."""
        ...

    def __aiter__(self) -> ByteStream: ...

    async def __anext__(self) -> bytes: ...


@runtime_checkable
class Source(Protocol):
    """Turns text into a stream of bytes.

    ``open`` returns an asynchronous context manager: entering it sends the request and waits for the response's
    headers, leaving it closes the response, whatever state it is in. Raises an `OggStreamError`; cancelling the task
    at any point leaves no connection behind. A source that owns connections has ``async aclose()``, one that can
    prepare a connection ahead of the first request has ``async warm()``, and ``name`` is what the report calls it.
    One that gives the same answer whatever the text has ``whole = True``, one that takes no more than so many
    characters at a time ``longest_text``. ``identity(options) -> str`` names the host, model and voice (and no
    credential) under which the behaviour of the service is learnt; without it nothing is. ``formats_for(options)`` are
    the formats of `SpeechOptions` that can be asked for, that of "auto" first. ``another(error) -> bool`` says whether
    what failed with ``error`` would now be asked of somebody else, so that opening it again is worth while.

    A stream may have a ``format``: what was asked of the service, where the source chose that.
    """

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask for ``text`` to be spoken as ``options`` say."""
        ...
