"""A phrase that one process makes and the others follow, entry by entry, through a `RedisStore`.

Of those who lose the process that they follow, one makes the phrase anew, and each goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

from ...annotations import Annotation, Word
from ...errors import OggStreamError
from ..traits import stream_traits_of
from ..wrapper import StreamWrapper
from .following import Followed
from .redis_store import CLAIM_SECONDS, KEPT_SECONDS
from .stores import LONGEST

if TYPE_CHECKING:
    from ..source import ByteStream
    from .redis_store import RedisStore
    from .tape import Opening

RENEWED_SECONDS = 0.5
_WHOLE, _BROKEN = {"end": b"whole"}, {"end": b"broken"}


class SharedOpening:
    """Opens a phrase, or follows the process that makes it, unless that is ``lost``. ``joined``: it is followed."""

    def __init__(self, store: RedisStore, key: str, opening: Opening, lost: str = "") -> None:
        self._store = store
        self._key = key
        self._opening = opening
        self._lost = lost  # the maker that was followed in vain
        self.joined = False

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[ByteStream]:
        """The stream, with what its opening raises, whichever process opened it."""
        name = uuid.uuid4().hex
        while (maker := await self._store.claim(self._key, name)) not in (None, name, self._lost):
            assert maker is not None
            self.joined = True
            async with AsyncExitStack() as stack:
                followed = Followed(self._store, self._key, maker, partial(self._anew, stack, maker))
                if await followed.begin():
                    yield followed.stream
                    return
            self._lost = maker
        self.joined = False
        opening = _published(self._store, self._key, name, self._opening) if maker == name else self._opening()
        async with opening as stream:
            yield stream

    async def _anew(self, stack: AsyncExitStack, lost: str) -> ByteStream:
        """The phrase from its beginning, from another maker."""
        again = SharedOpening(self._store, self._key, self._opening, lost)
        stream = await stack.enter_async_context(again())
        self.joined = again.joined
        return stream


@asynccontextmanager
async def _published(store: RedisStore, key: str, name: str, opening: Opening) -> AsyncIterator[ByteStream]:
    """The stream that ``opening`` gives, written down for the others."""
    publisher = _Publisher(store, key, name)
    last: dict[str, Any] = _BROKEN
    try:
        async with opening() as stream:
            traits = stream_traits_of(stream)
            told = {"content_type": stream.content_type, "format": traits.format, "certain": traits.certain}
            publisher.add({"open": json.dumps({**told, "substitute": traits.substitute})})
            copied = _Copied(stream, publisher)
            yield copied
            last = _WHOLE if copied.ended else last
    except OggStreamError as error:
        last = {"error": json.dumps([type(error).__name__, str(error)])}
        raise
    finally:
        await publisher.finish(last)


class _Publisher:
    """Writes entries behind what is heard, and renews the claim."""

    def __init__(self, store: RedisStore, key: str, name: str) -> None:
        self._store = store
        self._key = key
        self._name = name
        self._waiting: list[dict[str, Any]] = [{"maker": name}]
        self._written = 0
        self._size = 0
        self._lost = False
        self._more = asyncio.Event()
        self._more.set()
        self._last: dict[str, Any] | None = None
        self._task = asyncio.create_task(self._run(), name="oggstream-publisher")

    def add(self, entry: dict[str, Any]) -> None:
        """One more; what is too long to be kept is not written down to its end."""
        self._size += sum(map(len, entry.values()))
        if self._size <= LONGEST and not self._lost:
            self._waiting.append(entry)
            self._more.set()

    async def finish(self, entry: dict[str, Any]) -> None:
        """The last one. Returns when all are written, or the server is away."""
        self._last = entry if self._size <= LONGEST else _BROKEN
        self._waiting.append(self._last)
        self._more.set()
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        now = asyncio.get_running_loop().time
        renewed = now()
        while self._waiting or self._last is None:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(renewed + RENEWED_SECONDS):
                    await self._more.wait()
            self._more.clear()
            entries, self._waiting = self._waiting, []
            if entries and not await self._store.append(self._name, self._written + 1, entries):
                self._lost = True  # nobody can follow any more
                break
            self._written += len(entries)
            if now() - renewed >= RENEWED_SECONDS:
                renewed = now()
                await self._store.renew(self._key, self._name, CLAIM_SECONDS)
        await self._store.renew(self._key, self._name, KEPT_SECONDS if self._last == _WHOLE and not self._lost else 0)


class _Copied(StreamWrapper):
    """A stream whose items are published. ``ended``: to its end."""

    def __init__(self, stream: ByteStream, publisher: _Publisher) -> None:
        super().__init__(stream)
        self._publisher = publisher
        self.ended = False

    async def __anext__(self) -> bytes | Annotation:
        try:
            item = await super().__anext__()
        except StopAsyncIteration:
            self.ended = True
            raise
        if isinstance(item, bytes):
            self._publisher.add({"bytes": item})
        elif isinstance(item, Word):
            self._publisher.add({"word": json.dumps(asdict(item))})
        return item
