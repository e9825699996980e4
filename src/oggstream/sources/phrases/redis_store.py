"""Phrases that many processes share: kept in Redis (or Valkey), and followed there while one of them makes them.

A phrase that is being made has a claim, which its maker renews, and a stream of what has come so far (Redis Streams),
which the others read from its beginning. A maker that dies renews no claim: whoever waits makes the phrase itself.
Without an answer of the server for `PATIENCE_SECONDS` all goes on as if there were none.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from ... import errors
from ...annotations import Annotation, Word
from ...errors import LibraryError, OggStreamError, SourceBrokenError
from ..traits import StreamTraits, stream_traits_of
from ..wrapper import StreamWrapper
from .stores import LONGEST

if TYPE_CHECKING:
    from ..source import ByteStream
    from .tape import Opening

T = TypeVar("T")
PATIENCE_SECONDS = 1.0
"""For the server to answer; beyond, it counts as away, and is not asked for `AWAY_SECONDS`."""
AWAY_SECONDS = 5.0
CLAIM_SECONDS = 3.0
"""Without a sign of its maker for so long, a phrase that is being made is made by another one."""
RENEWED_SECONDS = 1.0
KEPT_SECONDS = 10.0
"""So long a stream that has ended stays: the phrase itself is kept by then."""
PREFIX = "oggstream:"

log = logging.getLogger(__name__)


class RedisStore:
    """A `PhraseStore` at ``url`` ("redis://host:6379/0"), whose server decides how much it keeps (``maxmemory``).

    Raises `LibraryError` without the package redis, `UsageError` for a URL that is none.
    """

    def __init__(self, url: str) -> None:
        try:
            redis: Any = import_module("redis.asyncio")
        except ImportError as error:
            raise LibraryError("a cache in Redis needs its client: pip install 'oggstream[redis]'") from error
        self._open: Callable[[], Any]
        try:
            self._open = lambda: redis.Redis.from_url(url, socket_connect_timeout=PATIENCE_SECONDS)
            self._open()
        except ValueError as error:
            raise errors.UsageError(f"the cache {_without_key(url)!r} is no URL of Redis: {error}") from error
        self._shown = _without_key(url)
        self._clients: dict[asyncio.AbstractEventLoop, Any] = {}
        self._away_until = 0.0

    async def get(self, key: str) -> bytes | None:
        """What is there."""
        data = await self._asked(lambda client: client.get(f"{PREFIX}phrase:{key}"))
        return data if isinstance(data, bytes) else None

    async def put(self, key: str, data: bytes) -> None:
        """Keep it."""
        if len(data) <= LONGEST:
            await self._asked(lambda client: client.set(f"{PREFIX}phrase:{key}", data))

    async def remove(self, key: str) -> None:
        """Forget it."""
        await self._asked(lambda client: client.delete(f"{PREFIX}phrase:{key}"))

    async def aclose(self) -> None:
        """Close the connections of the running loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            with suppress(Exception):
                await client.aclose()

    def opening(self, key: str, opening: Opening) -> SharedOpening:
        """What opens the phrase once among all processes: ``opening`` in one of them, its stream in the others."""
        return SharedOpening(self, key, opening)

    async def claim(self, key: str, name: str) -> bool | None:
        """Whether the phrase is now ``name``'s to make; None: the server is away."""
        claimed = f"{PREFIX}claim:{key}"
        milliseconds = round(1000 * CLAIM_SECONDS)
        found = await self._asked(lambda client: client.set(claimed, name, nx=True, px=milliseconds, get=True), _AWAY)
        if found is _AWAY:
            return None
        if found is not None:
            return False
        await self._asked(lambda client: client.delete(f"{PREFIX}tape:{key}"))  # of a maker that died
        return True

    async def renew(self, key: str, seconds: float) -> None:
        """The claim and the stream hold for so long from now."""

        async def renewed(client: Any) -> None:
            for kind in ("claim", "tape"):
                await client.pexpire(f"{PREFIX}{kind}:{key}", round(1000 * seconds))

        await self._asked(renewed)

    async def is_claimed(self, key: str) -> bool:
        """Whether somebody makes it, or has just made it."""
        return bool(await self._asked(lambda client: client.exists(f"{PREFIX}claim:{key}")))

    async def append(self, key: str, entries: list[dict[str, Any]]) -> None:
        """Add to the stream, in order."""

        async def added(client: Any) -> None:
            async with client.pipeline(transaction=False) as pipe:
                for entry in entries:
                    pipe.xadd(f"{PREFIX}tape:{key}", entry)
                pipe.pexpire(f"{PREFIX}tape:{key}", round(1000 * max(CLAIM_SECONDS, KEPT_SECONDS)))
                await pipe.execute()

        await self._asked(added)

    async def entries(self, key: str, after: str) -> tuple[str, list[dict[bytes, bytes]]] | None:
        """The entries behind ``after``, waited for a moment, and the last one's name; None: the server is away."""
        name = f"{PREFIX}tape:{key}"
        wait = round(500 * PATIENCE_SECONDS)
        found = await self._asked(lambda client: client.xread({name: after}, block=wait, count=100), _AWAY)
        if found is _AWAY:
            return None
        rows = found[0][1] if found else []
        return (rows[-1][0].decode() if rows else after), [fields for _, fields in rows]

    async def _asked(self, ask: Callable[[Any], Awaitable[Any]], away: Any = None) -> Any:
        """What the server answers; ``away`` where it does not."""
        if time.monotonic() < self._away_until:
            return away
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = self._open()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await ask(self._clients[loop])
        except Exception as error:  # noqa: BLE001  # redis's own, the network's, of its packages
            self._away_until = time.monotonic() + AWAY_SECONDS
            log.warning("the cache at %s is away for now: %s", self._shown, type(error).__name__)
            return away


_AWAY = object()


class SharedOpening:
    """Opens a phrase, or follows the process that makes it. ``joined``: it is followed."""

    def __init__(self, store: RedisStore, key: str, opening: Opening) -> None:
        self._store = store
        self._key = key
        self._opening = opening
        self.joined = False

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[ByteStream]:
        """The stream, with what its opening raises, whichever process opened it."""
        while True:
            mine = await self._store.claim(self._key, f"{os.getpid()}")
            if mine is None:
                async with self._opening() as stream:
                    yield stream
                return
            if mine:
                self.joined = False
                async with _published(self._store, self._key, self._opening) as stream:
                    yield stream
                return
            self.joined = True
            followed = _Followed(self._store, self._key)
            if await followed.begin():
                yield followed
                return


@asynccontextmanager
async def _published(store: RedisStore, key: str, opening: Opening) -> AsyncIterator[ByteStream]:
    """The stream that ``opening`` gives, written down for the others."""
    publisher = _Publisher(store, key)
    last: dict[str, Any] = {"end": b"broken"}
    try:
        async with opening() as stream:
            traits = stream_traits_of(stream)
            told = {"content_type": stream.content_type, "format": traits.format, "certain": traits.certain}
            publisher.add({"open": json.dumps(told)})
            copied = _Copied(stream, publisher)
            yield copied
            last = {"end": b"whole"} if copied.ended else last
    except OggStreamError as error:
        last = {"error": json.dumps([type(error).__name__, str(error)])}
        raise
    finally:
        await publisher.finish(last)


class _Publisher:
    """Writes entries behind what is heard, and renews the claim."""

    def __init__(self, store: RedisStore, key: str) -> None:
        self._store = store
        self._key = key
        self._waiting: list[dict[str, Any]] = []
        self._size = 0
        self._more = asyncio.Event()
        self._finished = False
        self._task = asyncio.create_task(self._run(), name="oggstream-publisher")

    def add(self, entry: dict[str, Any]) -> None:
        """One more; what is too long to be kept is not written down to its end."""
        self._size += sum(map(len, entry.values()))
        if self._size <= LONGEST:
            self._waiting.append(entry)
            self._more.set()

    async def finish(self, entry: dict[str, Any]) -> None:
        """The last one. Returns when all are written, or the server is away."""
        self._waiting.append(entry if self._size <= LONGEST else {"end": b"broken"})
        self._finished = True
        self._more.set()
        await asyncio.shield(self._task)

    async def _run(self) -> None:
        while self._waiting or not self._finished:
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEWED_SECONDS):
                    await self._more.wait()
            self._more.clear()
            entries, self._waiting = self._waiting, []
            if entries:
                await self._store.append(self._key, entries)
            await self._store.renew(self._key, KEPT_SECONDS if self._finished else CLAIM_SECONDS)


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


class _Followed:
    """The stream of a phrase that another process makes."""

    request_id = None

    def __init__(self, store: RedisStore, key: str) -> None:
        self._store = store
        self._key = key
        self._after = "0"
        self._entries: list[dict[bytes, bytes]] = []
        self.content_type = ""
        self.traits = StreamTraits()

    async def begin(self) -> bool:
        """Wait for the answer of the service; False: its maker is gone. Raises what the maker's opening raised."""
        entry = await self._entry()
        if entry is None:
            return False
        self._raise(entry)
        told = json.loads(entry.get(b"open", b"{}"))
        self.content_type = str(told.get("content_type", ""))
        self.traits = StreamTraits(format=told.get("format"), certain=bool(told.get("certain")))
        return b"open" in entry

    def __aiter__(self) -> _Followed:
        return self

    async def __anext__(self) -> bytes | Annotation:
        entry = await self._entry()
        if entry is None or entry.get(b"end") == b"broken":
            raise SourceBrokenError("the process that made this phrase is gone; try again")
        self._raise(entry)
        if b"bytes" in entry:
            return entry[b"bytes"]
        if b"word" in entry:
            return Word(**json.loads(entry[b"word"]))
        raise StopAsyncIteration

    async def _entry(self) -> dict[bytes, bytes] | None:
        """The next one; None when no more can come."""
        while not self._entries:
            found = await self._store.entries(self._key, self._after)
            if found is None:
                return None
            self._after, self._entries = found
            if not self._entries and not await self._store.is_claimed(self._key):
                return None
        return self._entries.pop(0)

    @staticmethod
    def _raise(entry: dict[bytes, bytes]) -> None:
        if b"error" in entry:
            kind, message = json.loads(entry[b"error"])
            known = getattr(errors, kind, None)
            if isinstance(known, type) and issubclass(known, OggStreamError):
                raise known(message)
            raise errors.SourceError(message)


def _without_key(url: str) -> str:
    """``url`` without its user part."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"
