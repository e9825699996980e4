"""``--save``: keeps the bytes of a source as they came."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import OutputError
from ..sources.wrapper import SourceWrapper, StreamWrapper

if TYPE_CHECKING:
    from ..annotations import Annotation
    from ..options import SpeechOptions
    from ..sources.source import ByteStream, Source
    from ..sources.traits import SourceTraits

_FLAGS = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)


class SavingSource(SourceWrapper):
    """The source that ``make`` gives, its bytes also written to ``path`` (``-``: standard output; None: nowhere).

    ``make`` is called when the source is needed first, so that what it warns of or fails with belongs to the session.
    Raises what the source raises, and `OutputError` for the file, if possible before anything is asked of a service.
    """

    def __init__(self, make: Callable[[], Source], path: str | None) -> None:
        self._make = make
        self._made: Source | None = None
        self.saved = SavedBytes(path) if path is not None else None

    @property
    def wrapped(self) -> Source:
        """The source itself, made when it is first needed."""
        if self._made is None:
            self._made = self._make()
        return self._made

    @property
    def name(self) -> str:
        """What the report calls the source; empty before there is one."""
        return "" if self._made is None else self.traits.name

    @property
    def traits(self) -> SourceTraits:
        """As the source says; where bodies are kept it is asked for its usual format only, for they make one file."""
        traits = super().traits
        if self.saved is None:
            return traits
        return replace(traits, formats=lambda options: traits.formats_for(options)[:1])

    @asynccontextmanager
    async def opened(self, source: Source, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        """Open ``source``, and the file."""
        if self.saved is None:
            async with source.open(text, options) as stream:
                yield stream
            return
        with self.saved.body() as body:
            async with source.open(text, options) as stream:
                yield _Tee(stream, body)

    async def aclose(self) -> None:
        """Close the source, if there is one."""
        if self._made is not None:
            await super().aclose()


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


class _Tee(StreamWrapper):
    """A body that is written down on its way."""

    def __init__(self, stream: ByteStream, saved: _Body) -> None:
        super().__init__(stream)
        self._saved = saved

    async def __anext__(self) -> bytes | Annotation:
        chunk = await super().__anext__()
        if isinstance(chunk, bytes):
            self._saved.write(chunk)
        return chunk
