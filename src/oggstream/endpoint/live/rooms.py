"""Rooms: what is said in one goes to all who listen there. Here is no HTTP: who may come in is decided elsewhere."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ...events import Recorder, using
from ...sinks.live.broadcast import Broadcast
from ...sinks.live.live_pages import LivePages
from ..jobs import full
from ..speech_request import RefusedError

if TYPE_CHECKING:
    from ...options import SpeechOptions
    from ...opus.items import AudioPacket
    from ...player import Speech
    from ...report import Heard
    from ...types import TextLike
    from ..speaker import Speaker

ROOMS = 32
"""At once, unless told otherwise."""
IDLE_SECONDS = 300.0
"""After which a room is closed that is silent and has no listener."""
MOST_SPEECHES = 32
"""In one room: the one that is heard, and those that wait behind it."""
LISTENERS_OF_A_ROOM = 1000
"""At once; in all rooms together as many as `Rooms` is told."""
BLOCK_BYTES = 32 << 10
"""Chromium's ``<audio>`` gets a body in blocks of that many bytes, each when it is complete: minutes of silence."""
FILLED_RATE = 6 * BLOCK_BYTES
"""Bytes a second of a stream that is filled up for it."""
LONGEST_NAME = 64
_NAME = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_NAME}}}")

log = logging.getLogger(__name__)


class Room:
    """A room, which is open from `open` to `aclose`. ``on_rest`` is called when nobody speaks or listens any more."""

    def __init__(self, name: str, speaker: Speaker, on_rest: Callable[[Room], object]) -> None:
        self.name = name
        self.broadcast = Broadcast()
        self.pages = LivePages(self.broadcast, [f"TITLE={name}"])
        self.filled_pages = LivePages(self.broadcast, [f"TITLE={name}"], padding=BLOCK_BYTES, byte_rate=FILLED_RATE)
        self.listeners = 0
        self.resting_since = 0.0
        self._uses = 0
        self._on_rest = on_rest
        self._player = speaker.player(self.broadcast)
        self._speeches: set[asyncio.Task[None]] = set()
        self._feeds: set[asyncio.Task[Any]] = set()
        self._floor = asyncio.Lock()  # what comes as packets has the room for itself

    @property
    def in_use(self) -> bool:
        """Whether anybody speaks or listens."""
        return self._uses > 0

    @property
    def speaking(self) -> bool:
        """Whether something is said."""
        return bool(self._speeches or self._feeds)

    async def open(self) -> None:
        """Make ready to speak."""
        await self._player.__aenter__()

    async def aclose(self) -> None:
        """Silence, and an end for all who listen."""
        tasks = [*self._speeches, *self._feeds]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._player.aclose()
        self.pages.close()
        self.filled_pages.close()
        await self.broadcast.aclose()

    @contextmanager
    def used(self) -> Iterator[None]:
        """A block in which the room must stay open."""
        self._uses += 1
        try:
            yield
        finally:
            self._uses -= 1
            if not self._uses:
                self._on_rest(self)

    async def say(
        self,
        text: TextLike,
        options: SpeechOptions,
        place: AbstractAsyncContextManager[object],
        *,
        interrupt: bool = False,
    ) -> Speech:
        """Say ``text`` behind what is being said (``interrupt``: instead of it), once there is a ``place`` for it,
        which is left when the speech is received.

        Raises `RefusedError` when too much waits.
        """
        if len(self._speeches) >= MOST_SPEECHES and not interrupt:
            raise full(f"{MOST_SPEECHES} speeches wait in the room {self.name!r}")
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(place)
            if interrupt:
                self._stop_feeds()
            async with self._floor:
                speech = self._player.say(text, interrupt=interrupt, **_given(options))
            task = asyncio.create_task(self._follow(speech, stack.pop_all()), name=f"oggstream-room-{self.name}")
        self._speeches.add(task)
        task.add_done_callback(self._speeches.discard)
        return speech

    def feed(self, packets: AsyncIterable[AudioPacket]) -> asyncio.Task[None]:
        """Hand on a speech that is made elsewhere, behind what is being said. Cancelling the task interrupts it."""
        task = asyncio.create_task(self._feed(packets), name=f"oggstream-feed-{self.name}")
        self._feeds.add(task)
        task.add_done_callback(self._feeds.discard)
        return task

    async def stop(self) -> Heard:
        """Silence in the whole room; what was heard of the speech by then."""
        self._stop_feeds()
        return await self._player.stop()

    async def _feed(self, packets: AsyncIterable[AudioPacket]) -> None:
        loop = asyncio.get_running_loop()
        with self.used(), using(Recorder(loop.time, loop.time())):  # which gives it a number of its own
            async with self._floor:
                while self._speeches:
                    await asyncio.wait(self._speeches)
                await self.broadcast.send(packets)

    def _stop_feeds(self) -> None:
        for task in self._feeds:
            task.cancel()

    async def _follow(self, speech: Speech, place: AsyncExitStack) -> None:
        with self.used():
            async with place:
                await speech.received()
            await speech.ended()


class Rooms:
    """At most ``most`` rooms, and ``listeners`` in all of them. A room opens when somebody speaks in it."""

    def __init__(self, speaker: Callable[[], Speaker], most: int = ROOMS, listeners: int = LISTENERS_OF_A_ROOM) -> None:
        self.most = most
        self._speaker = speaker
        self._most_listeners = listeners
        self._rooms: dict[str, Room] = {}
        self._opening = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def listeners(self) -> int:
        """In all rooms."""
        return sum(room.listeners for room in self._rooms.values())

    @property
    def speaking(self) -> bool:
        """Whether something is said in any of them."""
        return any(room.speaking for room in self._rooms.values())

    @asynccontextmanager
    async def using(self, name: str, *, opens: bool) -> AsyncIterator[Room]:
        """The room of that name, which stays open for the block; ``opens``: where there is none, one is opened.

        Raises `RefusedError` for a name that is none, and where there is no such room, or no place for one.
        """
        room = await self._room(name, opens=opens)
        with room.used():
            yield room

    @asynccontextmanager
    async def listening(self, name: str, *, opens: bool = False) -> AsyncIterator[Room]:
        """The same for one who listens, and is counted. Raises `RefusedError` where too many do."""
        async with self.using(name, opens=opens) as room:
            if room.listeners >= LISTENERS_OF_A_ROOM or self.listeners >= self._most_listeners:
                raise full(f"{room.listeners} listen in the room {name!r}, {self.listeners} in all rooms")
            room.listeners += 1
            try:
                yield room
            finally:
                room.listeners -= 1

    def checked(self, name: str) -> str:
        """A name that a room may have. Raises `RefusedError` for another."""
        if not _NAME.fullmatch(name):
            raise RefusedError(
                f"Invalid name of a room: it has 1 to {LONGEST_NAME} letters (A to Z), digits, - and _.",
                param="room",
                code="invalid_value",
            )
        return name

    async def aclose(self) -> None:
        """Close all rooms."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rooms, self._rooms = list(self._rooms.values()), {}
        await asyncio.gather(*(room.aclose() for room in rooms), *self._closing)

    async def _room(self, name: str, *, opens: bool) -> Room:
        self.checked(name)
        async with self._opening:
            if name not in self._rooms:
                if not opens:
                    raise _unknown(name)
                await self._make_place()
                room = Room(name, self._speaker(), self._rests)
                await room.open()
                self._rooms[name] = room
            return self._rooms[name]

    async def _make_place(self) -> None:
        """Where there are too many rooms, close the one that has rested longest. Raises `RefusedError`."""
        if len(self._rooms) < self.most:
            return
        resting = [room for room in self._rooms.values() if not room.in_use]
        if not resting:
            raise full(f"This server has {self.most} rooms, and all are in use")
        await self._close(min(resting, key=lambda room: room.resting_since))

    async def _close(self, room: Room) -> None:
        del self._rooms[room.name]
        await room.aclose()

    def _rests(self, room: Room) -> None:
        room.resting_since = asyncio.get_running_loop().time()
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(IDLE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        self._timer = None
        loop = asyncio.get_running_loop()
        for room in [room for room in self._rooms.values() if not room.in_use]:
            if loop.time() - room.resting_since >= IDLE_SECONDS:
                task = loop.create_task(self._close(room))
                self._closing.add(task)
                task.add_done_callback(self._closing.discard)
            elif self._timer is None:
                self._timer = loop.call_later(IDLE_SECONDS, self._sweep)


def _given(options: SpeechOptions) -> dict[str, Any]:
    """The options that are set, as keywords."""
    return {name: value for name, value in asdict(options).items() if value is not None}


def _unknown(name: str) -> RefusedError:
    return RefusedError(
        f"There is no room {name!r}: it opens when something is said in it, or for a listener who asks with ?open.",
        status=404,
        param="room",
        code="room_not_found",
    )
