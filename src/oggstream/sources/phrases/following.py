"""The stream of a phrase that another process makes, read from its tape; where that process dies, from the next one."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from ... import errors
from ...annotations import Annotation, Word
from ...errors import OggStreamError
from ..traits import StreamTraits
from .rejoining import Rejoined

if TYPE_CHECKING:
    from ..source import ByteStream
    from .redis_store import Entry, RedisStore


class _GoneError(Exception):
    """The maker is gone, or what it wrote makes no sense."""


class Followed:
    """The phrase of that key, as ``maker`` makes it; ``stream`` is it.

    ``anew`` opens it again from its beginning when the maker is gone.
    """

    def __init__(self, store: RedisStore, key: str, maker: str, anew: Callable[[], Awaitable[ByteStream]]) -> None:
        self._store = store
        self._key = key
        self._maker = maker
        self._anew = anew
        self._taken = 0
        self._entries: list[Entry] = []
        self.stream = FollowedStream(self._followed())

    async def begin(self) -> bool:
        """Wait for the answer of the service; False: its maker is gone. Raises what the maker's opening raised."""
        try:
            entry = await self._entry()
            while b"maker" in entry:
                entry = await self._entry()
        except _GoneError:
            return False
        told = _json(entry, b"open", dict)
        if told is None:
            return False
        self.stream.content_type = str(told.get("content_type", ""))
        form = told.get("format")
        self.stream.traits = StreamTraits(
            format=form if isinstance(form, str) else None,
            certain=told.get("certain") is True,
            substitute=told.get("substitute") is True,
        )
        return True

    async def _followed(self) -> AsyncGenerator[bytes | Annotation, None]:
        had: list[bytes] = []
        words = 0
        item: bytes | Annotation | None
        with suppress(_GoneError):
            while (item := await self._item()) is not None:
                if isinstance(item, bytes):
                    had.append(item)
                else:
                    words += 1
                yield item
            return
        async for item in self._continued(b"".join(had), words):
            yield item

    async def _continued(self, had: bytes, words: int) -> AsyncIterator[bytes | Annotation]:
        """The phrase made anew, without what was there already: bytes, and so many words."""
        stream = await self._anew()
        joined = Rejoined(had, samples="pcm" in (self.stream.traits.format or self.stream.content_type))
        async for item in stream:
            if not isinstance(item, bytes):
                words -= 1
                if words < 0:
                    yield item
            elif new := joined.feed(item):
                yield new
        if new := joined.finish():
            yield new

    async def _item(self) -> bytes | Word | None:
        """The next one; None: the end."""
        entry = await self._entry()
        if (data := entry.get(b"bytes")) is not None:
            return data
        if (told := _json(entry, b"word", dict)) is not None:
            with suppress(TypeError):
                return Word(**told)
        if entry.get(b"end") == b"whole":
            return None
        raise _GoneError

    async def _entry(self) -> Entry:
        """The next one. Raises the error that it tells, and `_GoneError` when no more can come."""
        while not self._entries:
            found = await self._store.entries(self._maker, self._taken)
            if found is None or not (found or await self._store.lives(self._key, self._maker)):
                raise _GoneError
            self._entries = found
        entry = self._entries.pop(0)
        self._taken += 1
        if (told := _json(entry, b"error", list)) is not None:
            raise _error(*map(str, told))
        return entry


class FollowedStream:
    """What is followed, as a stream."""

    request_id = None

    def __init__(self, items: AsyncIterator[bytes | Annotation]) -> None:
        self._items = items
        self.content_type = ""
        self.traits = StreamTraits()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes | Annotation:
        return await anext(self._items)


def _error(kind: str = "", message: str = "", *_: str) -> OggStreamError:
    """What a maker tells of its failure."""
    known = getattr(errors, kind, None)
    return (known if isinstance(known, type) and issubclass(known, OggStreamError) else errors.SourceError)(message)


def _json(entry: Entry, name: bytes, kind: type) -> Any:
    """What a field of an entry tells; None where there is none, and for what is damaged."""
    try:
        told = json.loads(entry.get(name, b"null"))
    except ValueError:
        return None
    return told if isinstance(told, kind) else None
