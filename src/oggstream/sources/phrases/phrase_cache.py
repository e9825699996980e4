"""Finds phrases in its stores, and has each one made once, however many ask for it at the same time."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ...annotations import Word
from ...errors import UsageError
from ...threads import in_thread
from .as_opus import as_ogg_opus, is_plain
from .phrase import Phrase, unpacked
from .stores import LONGEST, DiskStore, MemoryStore
from .tape import Tape

if TYPE_CHECKING:
    from ...annotations import Annotation
    from ..source import ByteStream
    from .redis_store import RedisStore
    from .stores import PhraseStore
    from .tape import Opening

Outcome = Literal["hit", "joined", "miss"]
NONE = "none"
MEMORY = "memory"
_SCHEMES = ("redis", "rediss", "unix")

log = logging.getLogger(__name__)


class PhraseCache:
    """Keeps phrases in ``stores``, the fastest first. One object serves any number of speeches, on any event loop.

    ``shared``: where other processes that make a phrase can be followed.
    """

    def __init__(self, stores: Sequence[PhraseStore], shared: RedisStore | None = None) -> None:
        self._stores = tuple(stores)
        self._shared = shared
        self._making: dict[tuple[int, str], Tape] = {}
        self._looking: dict[tuple[int, str], asyncio.Task[Phrase | None]] = {}
        self._keeping: dict[asyncio.Task[None], Tape] = {}
        self._users: Counter[int] = Counter()  # by the running loop

    @asynccontextmanager
    async def used(self) -> AsyncIterator[None]:
        """Close the connections of the running loop behind the block, unless another such block goes on."""
        place = id(asyncio.get_running_loop())
        self._users[place] += 1
        try:
            yield
        finally:
            self._users[place] -= 1
            if not self._users[place]:
                del self._users[place]
                await self.aclose()

    async def warm(self) -> None:
        """Open a connection, where the cache is a server, and tell what is in the way. Never fails."""
        if self._shared is not None:
            await self._shared.warm()

    @asynccontextmanager
    async def open(self, key: str, opening: Opening, wanted: str = "auto") -> AsyncIterator[tuple[Outcome, ByteStream]]:
        """The phrase of that key: kept, being made, or made now by ``opening``. Raises what that raises.

        ``wanted``: the format that is asked for, which says what bare samples are.
        """
        place = (id(asyncio.get_running_loop()), key)
        tape = self._making.get(place)
        outcome: Outcome = "joined"
        if tape is None or not tape.joinable:
            if (phrase := await self.find(key)) is not None:
                yield "hit", _Kept(phrase)
                return
            tape = self._making.get(place)  # begun by another one meanwhile
        if tape is None or not tape.joinable:
            made = opening if self._shared is None else _shared_opening(self._shared, key, opening)
            outcome, tape = "miss", self._begin(place, made, wanted)
            stream = await tape.listen()
            outcome = "joined" if getattr(made, "joined", False) else "miss"
        else:
            stream = await tape.listen()
        try:
            yield outcome, stream
        finally:
            await tape.leave(stream)

    async def find(self, key: str) -> Phrase | None:
        """The phrase, if a store has it whole. The stores before that one get it, too.

        A store is asked once for all who look for the same at the same time.
        """
        first, *others = self._stores
        if (phrase := await self._in(first, key)) is not None or not others:
            return phrase
        place = (id(asyncio.get_running_loop()), key)
        if (looking := self._looking.get(place)) is None:
            looking = asyncio.create_task(self._find(key, others), name="oggstream-looking")
            self._looking[place] = looking
            looking.add_done_callback(lambda _: self._looking.pop(place))
        return await asyncio.shield(looking)

    async def _find(self, key: str, stores: Sequence[PhraseStore]) -> Phrase | None:
        for store in stores:
            if (phrase := await self._in(store, key)) is not None:
                for faster in self._stores[: self._stores.index(store)]:
                    await faster.put(key, phrase.packed())
                return phrase
        return None

    @staticmethod
    async def _in(store: PhraseStore, key: str) -> Phrase | None:
        data = await store.get(key)
        phrase = unpacked(data) if data is not None else None
        if data is not None and phrase is None:
            log.info("a phrase in the cache is damaged or of another version: it is made again")
            await store.remove(key)
        return phrase

    async def aclose(self) -> None:
        """Keep what is whole, and close the stores. Phrases that are being made go on as long as somebody listens."""
        try:
            while busy := self._busy():
                await asyncio.wait(busy)
        finally:
            for task in self._busy():  # cancelled on the way
                task.cancel()
            for store in self._stores:
                await store.aclose()

    def _busy(self) -> list[asyncio.Task[Any]]:
        """What is at work at the stores, on the running loop."""
        loop = asyncio.get_running_loop()
        tasks = [*self._looking.values(), *(task for task, tape in self._keeping.items() if tape.complete)]
        return [task for task in tasks if task.get_loop() is loop]

    def _begin(self, place: tuple[int, str], opening: Opening, wanted: str) -> Tape:
        tape = Tape(opening, LONGEST)
        self._making[place] = tape
        task = asyncio.create_task(self._see_to(place, tape, opening, wanted), name="oggstream-keeping")
        self._keeping[task] = tape
        task.add_done_callback(self._keeping.pop)
        return tape

    async def _see_to(self, place: tuple[int, str], tape: Tape, opening: Opening, wanted: str) -> None:
        """Keep what was made, if it is whole; whoever asks meanwhile still joins."""
        try:
            await asyncio.wait((tape.task,))
            if tape.complete and 0 < tape.size <= LONGEST and not tape.traits.substitute:
                shared = self._shared if getattr(opening, "joined", False) else None  # where its maker puts it
                await self._keep(place[1], tape, wanted, [store for store in self._stores if store is not shared])
        finally:
            if self._making.get(place) is tape:
                del self._making[place]

    async def _keep(self, key: str, tape: Tape, wanted: str, stores: Sequence[PhraseStore]) -> None:
        body = b"".join(item for item in tape.items if isinstance(item, bytes))
        words = tuple(item for item in tape.items if isinstance(item, Word))
        opus = await in_thread(partial(as_ogg_opus, body, tape.content_type, tape.traits, wanted))
        if opus is None:
            log.debug("a phrase of %r is not kept", tape.content_type)
            return
        data = Phrase(opus, words, await in_thread(partial(is_plain, opus))).packed()
        for store in stores:
            await store.put(key, data)


def _shared_opening(store: RedisStore, key: str, opening: Opening) -> Opening:
    from .shared_making import SharedOpening

    return SharedOpening(store, key, opening)


class _Kept:
    """The stream of a phrase that was kept."""

    content_type = "audio/ogg"
    request_id = None

    def __init__(self, phrase: Phrase) -> None:
        self._items: list[bytes | Annotation] = [phrase.body, *reversed(phrase.words)]

    def __aiter__(self) -> _Kept:
        return self

    async def __anext__(self) -> bytes | Annotation:
        if not self._items:
            raise StopAsyncIteration
        return self._items.pop()


_by_name: dict[str, PhraseCache] = {}


def cache_of(value: object) -> PhraseCache | None:
    """The cache that ``cache=`` means: a folder (made when it is needed), "redis://host:port/number", "memory", a
    `PhraseCache`; None for "none".

    The same name is the same object in this process. Raises `UsageError` for anything else, `LibraryError` without the
    client of Redis.
    """
    if value is None or value == NONE:
        return None
    if isinstance(value, PhraseCache):
        return value
    if not isinstance(value, str | os.PathLike):
        raise UsageError(f"cache must be a folder, {MEMORY!r} or {NONE!r}, not {type(value).__name__}")
    name = os.fspath(value)
    key = name if name == MEMORY or "://" in name else os.path.abspath(os.path.expanduser(name))
    if key not in _by_name:
        _by_name[key] = _made(key)
    return _by_name[key]


def _made(name: str) -> PhraseCache:
    scheme = name.partition("://")[0]
    if name == MEMORY:
        return PhraseCache([MemoryStore()])
    if scheme == name:
        return PhraseCache([MemoryStore(), DiskStore(name)])
    if scheme not in _SCHEMES:
        raise UsageError(f"there is no cache at {scheme}://: use a folder, {_SCHEMES[0]}://, {MEMORY!r} or {NONE!r}")
    from .redis_store import RedisStore

    store = RedisStore(name)
    return PhraseCache([MemoryStore(), store], store)
