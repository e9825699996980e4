"""A file, a pipe or standard input as a source."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

from ..codec.media_file import ENOUGH, as_wav, is_media_file
from ..errors import SourceError, UsageError
from ..files.access import keeps_waiting, mode_of, open_input, reason
from ..threads import in_thread, pump
from .traits import SourceTraits

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from .source import ByteStream

CHUNK = 64 << 10
"""Bytes per read."""


class FileSource:
    """Sound from a path, from ``-`` (standard input) or from a binary file object; text and options are ignored.

    Ogg Opus, WAV and what services send are read as they are. A regular file of FLAC, M4A, WebM, AIFF and the like is
    read by FFmpeg, with PyAV of the extra ``codec``.

    Anything that may block (a pipe, a terminal, an unknown object) is read in a daemon thread, so that neither the
    event loop nor the interpreter's exit waits for it; a regular file is read directly. A file object stays open: the
    caller closes it. Raises `UsageError` for anything else.
    """

    traits = SourceTraits(name="file", whole=True)

    def __init__(self, file: str | os.PathLike[str] | BinaryIO) -> None:
        if not isinstance(file, (str, os.PathLike)) and not callable(getattr(file, "read", None)):
            raise UsageError(f"{type(file).__name__} is neither a path nor a binary file")
        self._file = file

    def __repr__(self) -> str:
        return f"FileSource({self._shown()!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:  # noqa: ARG002
        """Open the file. Raises `SourceError` if it cannot be opened or, later, read.

        Cancelling leaves at most a daemon thread that waits for the pipe's next bytes, which are lost.
        """
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[ByteStream]:
        reader = await self._reader()
        try:
            yield reader
        finally:
            await reader.aclose()

    async def _reader(self) -> FileStream | ConvertedStream:
        file = self._file
        # A daemon thread must not read the buffered reader of standard input: its lock would break the exit.
        if file == "-" or file is getattr(sys.stdin, "buffer", None):
            return _from_descriptor(_stdin(), self._shown(), owned=False)
        if not isinstance(file, (str, os.PathLike)):
            return _from_object(file, self._shown())
        path = os.fspath(file)
        try:
            # Opening a named pipe blocks until somebody writes to it.
            if keeps_waiting(mode_of(path)):
                descriptor = await in_thread(lambda: open_input(path), abandoned=_close)
            else:
                descriptor = open_input(path)
        except OSError as error:
            raise _unreadable(self._shown(), error) from error
        if _is_media_file(descriptor):
            return ConvertedStream(os.fdopen(descriptor, "rb"), self._shown())
        return _from_descriptor(descriptor, self._shown(), owned=True)

    def _shown(self) -> str:
        if isinstance(self._file, (str, os.PathLike)):
            path = os.fsdecode(os.fspath(self._file))
            return "standard input" if path == "-" else "".join(c if c.isprintable() else "?" for c in path)
        return str(getattr(self._file, "name", None) or type(self._file).__name__)


class FileStream:
    """The bytes of a file. ``waits``: reading may block, so a thread does it."""

    __slots__ = ("_abandoned", "_close", "_read", "_shown", "_waits")

    content_type = ""
    request_id = None

    def __init__(self, read: Callable[[], bytes], shown: str, *, waits: bool, close: Callable[[], object]) -> None:
        self._read = read
        self._shown = shown
        self._waits = waits
        self._close = close
        # Whether a thread still reads: then the thread closes the file, so that no other file gets its number before.
        self._abandoned = False

    def __aiter__(self) -> FileStream:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._read_in_thread() if self._waits else self._read()
        except (OSError, ValueError) as error:
            raise _unreadable(self._shown, error) from error
        if not isinstance(chunk, bytes):
            raise UsageError(f"{self._shown} gives {type(chunk).__name__}, not bytes: open it in binary mode")
        if not chunk:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Close the file if it was opened here, now or when the reading thread returns."""
        if not self._abandoned:
            self._close()

    async def _read_in_thread(self) -> bytes:
        try:
            return await in_thread(self._read, abandoned=lambda _: self._close())
        except asyncio.CancelledError:
            self._abandoned = True
            raise


class ConvertedStream:
    """A file that FFmpeg reads, in a thread, as WAV; takes over ``file``."""

    content_type = ""
    request_id = None

    def __init__(self, file: BinaryIO, shown: str) -> None:
        self._file: BinaryIO | None = file  # until the thread has it
        self._chunks = pump(as_wav(file, shown))

    def __aiter__(self) -> ConvertedStream:
        return self

    async def __anext__(self) -> bytes:
        self._file = None
        return await anext(self._chunks)

    async def aclose(self) -> None:
        """Close the file, now or when the thread, which reads no further, is back."""
        await self._chunks.aclose()
        if self._file is not None:
            self._file.close()


def _is_media_file(descriptor: int) -> bool:
    with suppress(OSError):
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            first = os.read(descriptor, ENOUGH)
            os.lseek(descriptor, 0, os.SEEK_SET)
            return is_media_file(first)
    return False


def _from_descriptor(descriptor: int, shown: str, *, owned: bool) -> FileStream:
    try:
        waits = keeps_waiting(os.fstat(descriptor).st_mode)
    except OSError as error:
        raise _unreadable(shown, error) from error
    close = partial(_close, descriptor if owned else None)
    return FileStream(lambda: os.read(descriptor, CHUNK), shown, waits=waits, close=close)


def _from_object(file: Any, shown: str) -> FileStream:
    """Use ``read1`` if there is one: it returns available bytes instead of waiting for a full chunk."""
    read = getattr(file, "read1", None) or file.read
    return FileStream(lambda: read(CHUNK) or b"", shown, waits=not isinstance(file, io.BytesIO), close=lambda: None)


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        with suppress(OSError):
            os.close(descriptor)


def _stdin() -> int:
    if sys.stdin is None:
        raise SourceError("cannot read standard input: it is closed")
    try:
        return sys.stdin.fileno()
    except (OSError, ValueError):  # replaced by an object without a descriptor
        return 0


def _unreadable(shown: str, error: Exception) -> SourceError:
    return SourceError(f"cannot read {shown}: {reason(error)}")
