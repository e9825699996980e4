"""``--save``: keeps the bytes of a source as they came."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Self

from ..errors import OutputError

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from ..sources.base import ByteStream, Source

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
        from ..sources.select import source_name

        return "" if self._source is None else source_name(self._source)

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Open the source, and the file."""
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        if self._source is None:
            self._source = self._make()
        if self.saved is None:
            async with self._source.open(text, options) as stream:
                yield stream
            return
        with self.saved as saved:
            async with self._source.open(text, options) as stream:
                yield _Tee(stream, saved)

    async def aclose(self) -> None:
        """Close the source."""
        close = getattr(self._source, "aclose", None)
        if close is not None:
            await close()


class SavedBytes:
    """A file that exists, as a context manager, from the first byte on: a failed request leaves it as it was.

    ``count`` is the number of bytes written. Raises `OutputError`.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.count = 0
        self._descriptor = -1
        self._is_new = False

    def __enter__(self) -> Self:
        try:
            if self.path == "-":
                self._descriptor = os.dup(sys.stdout.fileno())
            else:
                self._is_new = not os.path.lexists(self.path)
                self._descriptor = os.open(self.path, _FLAGS, 0o666)
        except (OSError, ValueError, AttributeError) as error:
            raise self._failed(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)
        if self._is_new and not self.count:
            os.unlink(self.path)

    def write(self, data: bytes) -> None:
        """Write all of ``data``; what the file held before is gone from the first call on."""
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


class _Tee:
    """A body that is written down on its way."""

    def __init__(self, stream: ByteStream, saved: SavedBytes) -> None:
        self._stream = stream
        self._saved = saved
        self.content_type = stream.content_type
        self.request_id = stream.request_id

    def __aiter__(self) -> _Tee:
        return self

    async def __anext__(self) -> bytes:
        chunk = await anext(self._stream)
        self._saved.write(chunk)
        return chunk
