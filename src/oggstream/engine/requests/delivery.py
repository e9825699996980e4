"""The pipeline without a device: hands the received items of a text to a consumer, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...audio.frame import RATE

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem
    from ...options import PlaybackOptions
    from ...playout.habits import Habits
    from ..memory import Memory
    from ..segment import Segment


class Delivery:
    """Takes the items of a `Receiver`, as an `Outlet` does, and gives them to a consumer: see `next`.

    Items that the consumer has not taken count as unheard, so that the same bounds hold. ``decodes``: packets are
    decoded for the consumer.
    """

    def __init__(self, options: PlaybackOptions, *, decodes: bool = True) -> None:
        self.closed = False
        self.decodes = decodes
        self.request_out = asyncio.Event()  # or there is audio without one
        self.characters_per_second = 0.0  # of the voice, once that is known
        self.prepare: Callable[[], object] = _nothing  # makes what converts the items, while the request is under way
        self.ready = asyncio.Event()  # what decodes the items is loaded
        self.memory: Memory | None = None  # of the service, once that is known
        self._options = options
        self._segments: deque[Segment] = deque()
        self._changed = asyncio.Event()
        self._stopped = False
        self._waiting = False  # the consumer, for an item

    @property
    def habits(self) -> Habits | None:
        """What is known of the service."""
        return None if self.memory is None else self.memory.habits

    def add(self, segment: Segment) -> None:
        """A piece of text is being requested."""
        self._segments.append(segment)

    def wants_early(self, segment: Segment) -> bool:  # noqa: ARG002  # the interface of an outlet
        """Never: items given to the consumer cannot be withdrawn."""
        return False

    def expect(self, segment: Segment) -> None:
        """Do nothing: there is nothing to prepare."""

    def push(self, segment: Segment, items: list[BodyItem]) -> None:
        """Queue the received items."""
        if items:
            segment.push(items)
            self._changed.set()

    def end(self, segment: Segment) -> None:
        """Nothing more will be received for this piece."""
        segment.ended = True
        self._changed.set()

    def close(self, *, broken: bool = False) -> None:  # noqa: ARG002  # the session raises the failure
        """No further piece will be added."""
        self.closed = True
        self._changed.set()

    def drop_behind(self, segment: Segment) -> None:
        """Drop the pieces after this one, which failed."""
        while self._segments and self._segments[-1].index > segment.index:
            self._segments.pop()

    def foresee(self, segment: Segment) -> tuple[list[tuple[int, int]], int]:  # noqa: ARG002
        """Nothing: items given to the consumer cannot be withdrawn."""
        return [], 0

    def keep(self, segment: Segment, samples: int) -> None:
        """Never called: see `foresee`."""

    async def room(self, segment: Segment) -> None:
        """Wait until a slow consumer has taken most of the queue. One that waits goes first: it has nothing yet."""
        if self._waiting and segment.queue:
            await asyncio.sleep(0)
        while segment.queue.bytes > self._options.queue_bytes:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.05)

    def unheard(self) -> float:
        """Seconds of audio that the consumer has not taken."""
        return sum(segment.queue.samples for segment in self._segments) / RATE

    def stop(self) -> None:
        """End the iteration for a consumer that waits for an item."""
        self._stopped = True
        self._changed.set()

    async def next(self) -> Segment | None:
        """Wait for the next items, in the order of the text; return the piece that has them queued, None at the end."""
        while not self._stopped:
            while self._segments:
                segment = self._segments[0]
                if segment.queue:
                    await self.ready.wait()
                    return segment
                if not segment.ended:
                    break
                self._segments.popleft()
            if self.closed and not self._segments:
                return None
            self._changed.clear()
            self._waiting = True
            try:
                await self._changed.wait()
            finally:
                self._waiting = False
        return None


def _nothing() -> None:
    """Do nothing: the default of `Delivery.prepare`."""
