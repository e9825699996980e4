"""``--save``: keeps the bytes of a source: one body as it came, several as one stream."""

from __future__ import annotations

import os
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import OutputError
from ..files import access
from ..files.background import BackgroundWriter, open_output_waiting, writes_in_background
from ..sources.wrapper import SourceWrapper, StreamWrapper

if TYPE_CHECKING:
    from ..annotations import Annotation
    from ..options import SpeechOptions
    from ..opus.joining import BodyJoiner
    from ..sources.source import ByteStream, Source
    from ..sources.traits import SourceTraits


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

    def spare(self) -> Source | None:
        """Nowhere while bytes are kept: two answers for one piece would not make one file."""
        return super().spare() if self.saved is None else None

    @asynccontextmanager
    async def opened(self, source: Source, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        """Open ``source``, and the file."""
        if self.saved is None:
            async with source.open(text, options) as stream:
                yield stream
            return
        async with self.saved.body() as body, source.open(text, options) as stream:
            yield _Tee(stream, body)

    async def aclose(self) -> None:
        """Close the source, if there is one."""
        if self._made is not None:
            await super().aclose()


class SavedBytes:
    """A file that bodies are written to, one behind the other, though they may arrive at the same time.

    Bodies of Ogg Opus become one stream, as `BodyJoiner` says; all others follow each other as they came. The file
    exists from the first byte on: a failed request leaves it as it was. ``count`` is the number of bytes written. A
    pipe or a device (standard output may be one) is written to in a thread, which alone waits for its reader. A
    symbolic link is followed; anything but a regular file is never removed. Raises `OutputError`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.count = 0
        self._descriptor: int | None = None
        self._background: BackgroundWriter | None = None  # writes to the descriptor, where that may take its time
        self._is_new = False
        self._joiner: BodyJoiner | None = None  # since the first byte: what it needs is not loaded before the request
        self._is_ended = False  # the file holds the end of the stream
        self._has_failed = False  # since it was opened: what comes behind a failure would be out of its place
        self._bodies: deque[SavedBody] = deque()  # those not written to their end, in the order of the requests

    @asynccontextmanager
    async def body(self) -> AsyncIterator[SavedBody]:
        """A further body, to be written behind those before it."""
        if self._descriptor is None:
            await self._open()
        body = SavedBody(self)
        self._bodies.append(body)
        try:
            yield body
        finally:
            try:
                self.end(body)
            finally:
                if not self._bodies:
                    self._close()

    def end(self, body: SavedBody) -> None:
        """``body`` is complete: go on to those whose turn it is; behind the last one the stream ends."""
        if body.ended:
            return
        body.ended = True
        while self._bodies and self._bodies[0].ended:
            self._bodies.popleft()
            if self._joiner is not None:
                self._write(self._joiner.end())
            if self._bodies:
                self.write(b"".join(self._bodies[0].held))
                self._bodies[0].held.clear()
            elif self._joiner is not None:
                self._write(self._joiner.last)
                self._is_ended = True

    def _close(self) -> None:
        """Close the file; one that was made here and holds nothing goes again."""
        descriptor, self._descriptor = self._descriptor, None
        background, self._background = self._background, None
        if background is not None:
            background.close()
        elif descriptor is not None:
            os.close(descriptor)
            if self._is_new and not self.count:
                access.remove(self.path)

    async def _open(self) -> None:
        self._has_failed = False
        with self._named_errors():
            if self.path == "-":
                descriptor = os.dup(sys.stdout.fileno())
            else:
                self._is_new = not self.count and not access.exists(self.path)
                descriptor = await open_output_waiting(self.path)
            self._descriptor = descriptor
            if writes_in_background(descriptor):
                self._background = BackgroundWriter(descriptor)
            elif self.count:
                with suppress(OSError):  # standard output may be a file that others write to as well
                    os.lseek(descriptor, 0, os.SEEK_END)

    def _go_on(self, joiner: BodyJoiner) -> None:
        """The last page in the file is the last no more: take it back, or leave it where that cannot be done."""
        self._is_ended = False
        if self._descriptor is None or self._background is not None or self.path == "-":
            joiner.settle()
            return
        with self._named_errors():
            self.count -= len(joiner.last)
            os.ftruncate(self._descriptor, self.count)
            os.lseek(self._descriptor, self.count, os.SEEK_SET)

    def is_first(self, body: SavedBody) -> bool:
        """Whether all bodies before this one are written."""
        return bool(self._bodies) and self._bodies[0] is body

    def write(self, data: bytes) -> None:
        """Take ``data``, and write what is certain; what the file held before is gone from the first byte on."""
        if not data:
            return
        if self._joiner is None:
            from ..opus.joining import BodyJoiner

            self._joiner = BodyJoiner()
        if self._is_ended:
            self._go_on(self._joiner)
        self._write(self._joiner.feed(data))

    def _write(self, data: bytes) -> None:
        if not data or self._descriptor is None or self._has_failed:
            return
        with self._named_errors():
            if self._background is not None:
                self.count += self._background.write(data)
                return
            if not self.count and self.path != "-":
                access.empty(self._descriptor)
            rest = memoryview(data)
            while rest:
                written = os.write(self._descriptor, rest)
                self.count += written
                rest = rest[written:]

    async def written(self, *, all_of_it: bool) -> None:
        """Wait until a slow reader has taken enough, or ``all_of_it``."""
        if self._background is not None:
            with self._named_errors():
                await self._background.written(all_of_it=all_of_it)

    @contextmanager
    def _named_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, AttributeError) as error:  # the last two: standard output is closed
            self._has_failed = True
            name = "standard output" if self.path == "-" else self.path
            why = getattr(error, "strerror", None) or "it is closed"
            raise OutputError(f"cannot write {name}: {why}") from error


class SavedBody:
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

    def end(self) -> None:
        """All of it is written."""
        self._file.end(self)

    async def written(self, *, all_of_it: bool = False) -> None:
        """Wait until what was written has been taken, as far as it must be."""
        if self.ended or self._file.is_first(self):
            await self._file.written(all_of_it=all_of_it)


class _Tee(StreamWrapper):
    """A body that is written down on its way."""

    def __init__(self, stream: ByteStream, saved: SavedBody) -> None:
        super().__init__(stream)
        self._saved = saved

    async def __anext__(self) -> bytes | Annotation:
        try:
            chunk = await super().__anext__()
        except StopAsyncIteration:
            self._saved.end()
            await self._saved.written(all_of_it=True)
            raise
        if isinstance(chunk, bytes):
            self._saved.write(chunk)
            await self._saved.written()
        return chunk
