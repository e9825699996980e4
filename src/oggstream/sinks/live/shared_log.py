"""What was given last, kept once for any number of readers, each with its own place in it.

A reader that is slow passes over what is too old for it, and costs nobody else anything: there is no queue for it, and
no task.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Generic, NamedTuple, Self, TypeVar
from weakref import WeakSet

from ...audio.frame import RATE
from ...errors import UsageError

T = TypeVar("T")
MOST_ITEMS = 1 << 15
"""Of a log: half a minute of the shortest packets, and what is told between them."""


class Row(NamedTuple, Generic[T]):
    """An item of the log: ``end`` is how many samples there are up to its end, ``sounds`` how many items of sound."""

    item: T
    end: int
    sounds: int


class SharedLog(Generic[T]):
    """The last ``seconds`` of sound that was appended, as items that are numbered from 0. Used on one event loop."""

    def __init__(self, seconds: float) -> None:
        self.samples = round(seconds * RATE)
        """How much is kept."""
        self.closed = False
        self.readers: WeakSet[LogReader[T]] = WeakSet()
        """Those that are not closed; one that nobody has any more is gone too."""
        self.kept_from = Row[T | None](None, 0, 0)
        """What came before the first item that is still there."""
        self.flushed = 0
        """The number of the item behind the latest flush: what is before it, nobody gets any more."""
        self._rows: list[Row[T]] = []
        self._first = 0  # the number of the first row
        self._waiting: dict[LogReader[T], None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._telling = False

    @property
    def end(self) -> int:
        """The number of the next item."""
        return self._first + len(self._rows)

    @property
    def last(self) -> Row[T] | Row[T | None]:
        """The last row, or what came before it."""
        return self._rows[-1] if self._rows else self.kept_from

    def append(self, item: T, samples: int = 0) -> None:
        """Add an item of so many samples; 0: it is not sound, and not missed by who passes over it."""
        last = self.last
        self._rows.append(Row(item, last.end + samples, last.sounds + (samples > 0)))
        if self._rows[0].end <= self._rows[-1].end - 2 * self.samples:
            self._drop(self.oldest(self.samples))
        elif len(self._rows) >= MOST_ITEMS:
            self._drop(self.end - MOST_ITEMS // 2)
        self.tell()

    def flush(self) -> None:
        """Nobody gets what is there, and nobody misses it."""
        self._drop(self.end)
        self.flushed = self.end

    def close(self) -> None:
        """Nothing will be appended. Readers still get what is there, and then the end."""
        self.closed = True
        self.tell()

    def row(self, number: int) -> Row[T] | None:
        """The item of that number; None if it is not there yet."""
        return self._rows[number - self._first] if number < self.end else None

    def before(self, number: int) -> Row[T] | Row[T | None]:
        """The row before that of a number from `oldest` on."""
        return self._rows[number - self._first - 1] if number > self._first else self.kept_from

    def is_old(self, number: int, samples: int) -> bool:
        """Whether an item, if it is still there, is older than so many samples before the end."""
        if number >= self.end:
            return False
        return number < self._first or self._rows[number - self._first].end <= self._rows[-1].end - samples

    def oldest(self, samples: int) -> int:
        """The number of the first item that is no older than so many samples before the end."""
        if not self._rows:
            return self._first
        return self._first + bisect_right(self._rows, self._rows[-1].end - samples, key=_end)

    def backwards(self) -> Iterator[tuple[int, T]]:
        """The items with their numbers, the last one first."""
        return ((self._first + at, self._rows[at].item) for at in range(len(self._rows) - 1, -1, -1))

    # Telling readers.

    def wait(self, reader: LogReader[T]) -> None:
        """Tell ``reader`` once, when something is appended."""
        self._waiting[reader] = None

    def leave(self, reader: LogReader[T]) -> None:
        """Forget a reader."""
        self.readers.discard(reader)
        self._waiting.pop(reader, None)

    def tell(self) -> None:
        """Tell all who wait, once the loop comes to it: what is appended until then is told together."""
        if self._waiting and not self._telling and self._loop is not None and not self._loop.is_closed():
            self._telling = True
            self._loop.call_soon(self._tell)

    def bind(self) -> asyncio.AbstractEventLoop:
        """The running loop, which is that of all readers. Raises `UsageError` while they are used on another."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            if self._loop is not None and self._loop.is_running():
                raise UsageError("a broadcast and all its takers are used on one event loop")
            self._loop, self._telling = loop, False
        return loop

    def _tell(self) -> None:
        self._telling = False
        waiting, self._waiting = self._waiting, {}
        for reader in waiting:
            reader.notify()

    def _drop(self, number: int) -> None:
        """Drop the items before that number."""
        count = number - self._first
        if count:
            last = self._rows[count - 1]
            self.kept_from = Row(None, last.end, last.sounds)
            del self._rows[:count]
            self._first = number


def _end(row: Row[T]) -> int:
    return row.end


class LogReader(Generic[T]):
    """Reads a log from item ``at`` on (None: from the next one), and passes over what is more than ``samples`` old.

    An asynchronous iterator, and a context manager that is left with `close`. Where there are hundreds, `take_all` and
    `on_ready` do without a task for each.
    """

    def __init__(self, log: SharedLog[T], samples: int, at: int | None = None) -> None:
        log.bind()
        self.lost = 0
        """Items of sound that were passed over so far."""
        self.on_ready: Callable[[], object] | None = None
        """Called on the event loop when something has come since `take_all` was empty, and at the end. Must not block;
        what it raises is told to the loop and closes this reader."""
        self._log = log
        self._samples = min(samples, log.samples)
        self._next = max(log.oldest(self._samples), log.end if at is None else at)
        self._sounds = log.before(self._next).sounds  # items of sound before that
        self._ready: deque[T] = deque()
        self._left = False
        self._waiter: asyncio.Future[None] | None = None
        log.readers.add(self)
        log.wait(self)
        if self._next < log.end:
            log.tell()

    @property
    def closed(self) -> bool:
        """Nothing more comes: it was closed, or all there was to read is read."""
        return self._left or (self._log.closed and not self._ready and self._next >= self._log.end)

    def close(self) -> None:
        """Read no more; a task that waits gets the end. May be called twice."""
        self._left = True
        self._ready.clear()
        self._log.leave(self)
        self._wake()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        """The next item. Raises `UsageError` if another task waits for it, or on another event loop."""
        while not self._ready:
            items = self.take()
            if items is not None:
                self._ready.extend(items)
            elif self.closed:
                raise StopAsyncIteration
            else:
                await self._come()
        return self._ready.popleft()

    def take_all(self) -> list[T]:
        """All that is there now, without waiting."""
        items = [*self._ready]
        self._ready.clear()
        while (more := self.take()) is not None:
            items += more
        return items

    def take(self) -> Sequence[T] | None:
        """What the next item of the log gives, which may be nothing; None if no item is there."""
        row = None if self._left else self._row()
        if row is None:
            if not self._left:
                self._log.wait(self)
            return None
        return self._given(row.item)

    def notify(self) -> None:
        """Something has come."""
        self._wake()
        if self.on_ready is None or self._left:
            return
        try:
            self.on_ready()
        except Exception as error:  # noqa: BLE001  # one reader's failure is not another's
            self.close()
            asyncio.get_running_loop().call_exception_handler({"message": "a taker failed", "exception": error})

    def _given(self, item: T) -> Sequence[T]:
        """What the reader is given for an item of the log."""
        return (item,)

    def _row(self) -> Row[T] | None:
        """The next row, and past it."""
        self._catch_up()
        row = self._log.row(self._next)
        if row is not None:
            self._next += 1
            self._sounds = row.sounds
        return row

    def _catch_up(self) -> None:
        """Pass over what was flushed, and over what is too old, which is lost."""
        log = self._log
        if self._next < log.flushed:
            self._next = log.flushed
            self._sounds = log.before(self._next).sounds
        if log.is_old(self._next, self._samples):
            self._next = log.oldest(self._samples)
            self.lost += log.before(self._next).sounds - self._sounds
            self._sounds = log.before(self._next).sounds

    async def _come(self) -> None:
        """Return when something may have come."""
        loop = self._log.bind()
        if self._waiter is not None:
            raise UsageError("another task waits for the next item of this taker")
        self._waiter = loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
