"""A body that is being made, and all who listen to it: each from its beginning, at a pace of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Self

from ..traits import StreamTraits, stream_traits_of

if TYPE_CHECKING:
    from ...annotations import Annotation
    from ..source import ByteStream

Opening = Callable[[], AbstractAsyncContextManager["ByteStream"]]


class Recording:
    """What a task of its own makes, and keeps for its listeners (`_make`). The task ends by itself, or with them.

    Beyond ``longest`` bytes nobody may join, and it waits for its listeners.
    """

    def __init__(self, longest: int) -> None:
        self.items: list[bytes | Annotation] = []
        self.size = 0
        self.content_type = ""
        self.request_id: str | None = None
        self.traits = StreamTraits()
        self.complete = False
        self._longest = longest
        self._error: BaseException | None = None
        self._changed = asyncio.Event()
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._listeners: set[Listener] = set()
        self._taken = asyncio.Event()
        self.task = asyncio.create_task(self._record(), name="oggstream-phrase")

    @property
    def joinable(self) -> bool:
        """Whether another listener may begin: nothing has failed, and it is not too long to be kept."""
        return self._error is None and not self.task.cancelling() and self.size <= self._longest

    async def listen(self) -> Listener:
        """A stream of all of it, once the service has answered. Raises what opening the stream raised."""
        listener = Listener(self)
        self._listeners.add(listener)
        try:
            await asyncio.shield(self._opened)
        except BaseException:
            await self.leave(listener)
            raise
        return listener

    async def leave(self, listener: Listener) -> None:
        """One listener less; with the last one the stream is closed, if it has not ended."""
        self._listeners.discard(listener)
        self._taken.set()
        if not (self._listeners or self.complete or self.task.done()):
            self.task.cancel()
            await asyncio.wait((self.task,))

    async def item(self, at: int) -> bytes | Annotation | None:
        """The item at a position; waits for it. None: the end. Raises what the stream raised behind the last item."""
        while at >= len(self.items):
            if self._error is not None:
                raise self._error
            if self.complete:
                return None
            self._changed.clear()
            await self._changed.wait()
        self._taken.set()
        return self.items[at]

    async def add(self, item: bytes | Annotation) -> None:
        """One more item; returns when another one may come."""
        self.items.append(item)
        self.size += len(item) if isinstance(item, bytes) else 0
        self._changed.set()
        if self.size > self._longest:
            await self._caught_up()

    async def _make(self) -> None:
        """Call `_begun`, then `add` for each item, then `_ended`."""
        raise NotImplementedError

    def _begun(self) -> None:
        """Let those go on who wait in `listen`."""
        self._opened.set_result(None)

    def _ended(self) -> None:
        """Nothing comes behind the items."""
        self.complete = True
        self._changed.set()

    async def _record(self) -> None:
        try:
            await self._make()
        except asyncio.CancelledError:
            self._opened.cancel()
            raise
        except Exception as error:  # noqa: BLE001  # raised again by each listener
            self._error = error
            if not self._opened.done():
                self._opened.set_exception(error)
                self._opened.exception()  # retrieved, also where nobody waits any more
        finally:
            self._changed.set()

    async def _caught_up(self) -> None:
        """Wait for the listeners of what is too long to be kept, and let go of what they have."""
        while any(listener.at < len(self.items) for listener in self._listeners):
            self._taken.clear()
            await self._taken.wait()
        self.items[:] = [b""] * len(self.items)


class Tape(Recording):
    """Opens a stream and keeps what comes, to the end of the stream."""

    def __init__(self, opening: Opening, longest: int) -> None:
        self._opening = opening
        super().__init__(longest)

    async def _make(self) -> None:
        async with self._opening() as stream:
            self.content_type, self.request_id = stream.content_type, stream.request_id
            self.traits = stream_traits_of(stream)
            self._begun()
            async for item in stream:
                await self.add(item)
            self._ended()  # what closing the stream takes is nobody's to wait for


class Listener:
    """The stream of one listener."""

    def __init__(self, tape: Recording) -> None:
        self._tape = tape
        self.at = 0
        """Items that it has."""

    @property
    def content_type(self) -> str:
        """That of the stream."""
        return self._tape.content_type

    @property
    def request_id(self) -> str | None:
        """That of the stream."""
        return self._tape.request_id

    @property
    def traits(self) -> StreamTraits:
        """Those of the stream."""
        return self._tape.traits

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes | Annotation:
        item = await self._tape.item(self.at)
        if item is None:
            raise StopAsyncIteration
        self.at += 1
        return item
