"""``--save``: keeps the bytes of a source as they came."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from ..errors import OggStreamError, OutputError

if TYPE_CHECKING:
    from ..annotations import Annotation
    from ..options import SpeechOptions
    from ..sources.source import ByteStream, Source

_FLAGS = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class SavingSource:
    """The source that ``make`` gives, its bytes also written to ``path`` (``-``: standard output; None: nowhere).

    ``make`` is called when the source is opened, so that what it warns of or fails with belongs to the session.
    Raises what the source raises, and `OutputError` for the file, if possible before anything is asked of a service.
    """

    def __init__(self, make: Callable[[], Source], path: str | None) -> None:
        self._make = make
        self._source: Source | None = None
        self.saved = SavedBytes(path) if path is not None else None

    @property
    def name(self) -> str:
        """What the report calls the source; empty before there is one."""
        from ..sources.traits import source_name

        return "" if self._source is None else source_name(self._source)

    @property
    def whole(self) -> bool:
        """Whether it takes the text as a whole: see `Source`."""
        return bool(getattr(self.source(), "whole", False))

    @property
    def longest_text(self) -> int | None:
        """Characters that it takes at a time."""
        return getattr(self.source(), "longest_text", None)

    def identity(self, options: SpeechOptions) -> str:
        """Under which the behaviour of the service is learnt."""
        identity = getattr(self.source(), "identity", None)
        return "" if identity is None else str(identity(options))

    def formats_for(self, options: SpeechOptions) -> tuple[str, ...]:
        """The formats that it can be asked for; where bodies are kept, only the usual one, for they make one file."""
        from ..sources.traits import formats_of

        formats = formats_of(self.source(), options)
        return formats if self.saved is None else formats[:1]

    def another(self, error: OggStreamError) -> bool:
        """Whether what failed would now be asked of another source."""
        another = getattr(self._source, "another", None)
        return another is not None and bool(another(error))

    def source(self) -> Source:
        """The source itself, made when it is first needed."""
        if self._source is None:
            self._source = self._make()
        return self._source

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Open the source, and the file."""
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        source = self.source()
        if self.saved is None:
            async with source.open(text, options) as stream:
                yield stream
            return
        with self.saved.body() as body:
            async with source.open(text, options) as stream:
                yield _Tee(stream, body)

    async def warm(self) -> None:
        """Prepare the source, if it can be prepared."""
        warm = getattr(self.source(), "warm", None)
        if warm is not None:
            await warm()

    async def aclose(self) -> None:
        """Close the source."""
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


class SavedBytes:
    """A file that bodies are written to, one behind the other, though they may arrive at the same time.

    It exists from the first byte on: a failed request leaves it as it was. ``count`` is the number of bytes written.
    Raises `OutputError`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.count = 0
        self._descriptor: int | None = None
        self._is_new = False
        self._bodies: deque[_Body] = deque()  # those not written to their end, in the order of the requests

    @contextmanager
    def body(self) -> Iterator[_Body]:
        """A further body, to be written behind those before it."""
        if self._descriptor is None:
            self._open()
        body = _Body(self)
        self._bodies.append(body)
        try:
            yield body
        finally:
            body.ended = True
            self._advance()
            if not self._bodies:
                self._close()

    def _close(self) -> None:
        """Close the file; one that was made here and holds nothing goes again."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
            if self._is_new and not self.count:
                os.unlink(self.path)

    def _open(self) -> None:
        try:
            if self.path == "-":
                self._descriptor = os.dup(sys.stdout.fileno())
            else:
                self._is_new = not self.count and not os.path.lexists(self.path)
                self._descriptor = os.open(self.path, _FLAGS, 0o666)
                if self.count:
                    os.lseek(self._descriptor, 0, os.SEEK_END)
        except (OSError, ValueError, AttributeError) as error:
            raise self._failed(error) from error

    def _advance(self) -> None:
        """Go on to the bodies whose turn it is."""
        while self._bodies and self._bodies[0].ended:
            self._bodies.popleft()
            if self._bodies:
                self.write(b"".join(self._bodies[0].held))
                self._bodies[0].held.clear()

    def is_first(self, body: _Body) -> bool:
        """Whether all bodies before this one are written."""
        return bool(self._bodies) and self._bodies[0] is body

    def write(self, data: bytes) -> None:
        """Write all of ``data``; what the file held before is gone from the first call on."""
        if not data or self._descriptor is None:
            return
        try:
            if not self.count and self.path != "-" and os.path.isfile(self.path):
                os.ftruncate(self._descriptor, 0)
            rest = memoryview(data)
            while rest:
                written = os.write(self._descriptor, rest)
                self.count += written
                rest = rest[written:]
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> OutputError:
        name = "standard output" if self.path == "-" else self.path
        return OutputError(f"cannot write {name}: {getattr(error, 'strerror', None) or 'it is closed'}")


class _Body:
    """One of the bodies. What comes before its turn is held: no more than is asked for ahead."""

    def __init__(self, file: SavedBytes) -> None:
        self.held: list[bytes] = []
        self.ended = False
        self._file = file

    def write(self, data: bytes) -> None:
        """Write ``data``, now or when it is this body's turn."""
        if self._file.is_first(self):
            self._file.write(data)
        else:
            self.held.append(data)


class _Tee:
    """A body that is written down on its way."""

    def __init__(self, stream: ByteStream, saved: _Body) -> None:
        self._stream = stream
        self._saved = saved
        self.content_type = stream.content_type
        self.request_id = stream.request_id
        self.format: str | None = getattr(stream, "format", None)

    def __aiter__(self) -> _Tee:
        return self

    async def __anext__(self) -> bytes | Annotation:
        chunk = await anext(self._stream)
        if isinstance(chunk, bytes):
            self._saved.write(chunk)
        return chunk
