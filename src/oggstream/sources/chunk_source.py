"""Bytes that the caller has, or that an iterator gives, as a source: what another package's client answers."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any

from ..errors import OggStreamError, SourceError, UsageError
from ..threads import pump
from .traits import SourceTraits

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from .source import ByteStream

CHUNK = 64 << 10
"""Bytes per read of what has an asynchronous ``read``."""
_BYTES = (bytes, bytearray, memoryview)


class ChunkSource:
    """One body of audio from bytes, from an iterable of bytes, asynchronous or not, or from an asynchronous ``read``.

    An answer with ``iter_bytes``, as openai and httpx have them, is one too. Chunks may have any size. Arrays of int16
    or float32, such as numpy's, are their bytes, and the audio in the items of edge-tts is taken out. An iterable that
    is not asynchronous may block: a thread reads it. What can be iterated once can be opened once;
    afterwards `open` raises `UsageError`, as it does for an item of another type. The iterator is closed with the
    response; what it raises becomes a `SourceError`. Text and options are ignored.
    """

    traits = SourceTraits(name="chunks", whole=True)

    def __init__(self, chunks: object) -> None:
        if not is_chunks(chunks):
            raise UsageError(f"{type(chunks).__name__} gives no bytes: pass bytes, or an iterable of bytes")
        iterate = getattr(chunks, "iter_bytes", None)
        self._chunks = chunks if iterate is None else iterate()
        self._spent = False

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:  # noqa: ARG002
        """Begin to read the chunks."""
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[ByteStream]:
        if self._spent:
            raise UsageError("this iterator of bytes was played before and has nothing left: pass a new one")
        self._spent = isinstance(self._chunks, Iterator | AsyncIterator) or _reads(self._chunks)
        chunks = _asynchronous(self._chunks)
        try:
            yield _ChunkStream(chunks)
        finally:
            for holder in (chunks, self._chunks):
                close = getattr(holder, "aclose", None)
                if close is not None:
                    await close()


class _ChunkStream:
    """The bytes of an iterator of chunks."""

    content_type = ""
    request_id = None

    def __init__(self, chunks: AsyncIterator[Any]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> _ChunkStream:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await anext(self._chunks)
        except (StopAsyncIteration, OggStreamError):
            raise
        except Exception as error:
            raise SourceError(f"the source failed: {type(error).__name__}: {error}") from error
        return as_bytes(chunk)


def is_chunks(value: object) -> bool:
    """Whether ``value`` looks like something that gives bytes; its items are checked as they come."""
    if isinstance(value, str | dict):
        return False
    if isinstance(value, list | tuple):
        return bool(value) and all(isinstance(item, _BYTES) for item in value)
    return isinstance(value, (*_BYTES, AsyncIterable, Iterable)) or _reads(value) or hasattr(value, "iter_bytes")


def as_bytes(item: Any) -> bytes:
    """The bytes of one chunk. Raises `UsageError` for what is none."""
    if isinstance(item, bytes):
        return item
    if isinstance(item, dict):  # edge-tts 7: {"type": "audio", "data": bytes}, and words without sound
        return item["data"] if item.get("type") == "audio" else b""
    try:
        view = memoryview(item)
    except TypeError:
        todo = "to speak text, pass it as text" if isinstance(item, str) else "pass an iterable of bytes"
        raise UsageError(f"the source gives {type(item).__name__}, not bytes: {todo}") from None
    return view.tobytes()


def _reads(value: object) -> bool:
    return iscoroutinefunction(getattr(value, "read", None))


def _asynchronous(chunks: Any) -> AsyncIterator[Any]:
    if isinstance(chunks, _BYTES):
        return _one(chunks)
    if _reads(chunks):
        return _read(chunks.read)
    if isinstance(chunks, AsyncIterable):
        return aiter(chunks)
    return _one(*chunks) if isinstance(chunks, list | tuple) else pump(chunks)


async def _one(*chunks: Any) -> AsyncIterator[Any]:
    for chunk in chunks:
        yield chunk


async def _read(read: Callable[[int], Any]) -> AsyncIterator[Any]:
    while chunk := await read(CHUNK):
        yield chunk
