"""The pipeline without a device: what was received for the pieces of a text, in order, to whoever asks for it."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from ...audio.frame import RATE

if TYPE_CHECKING:
    from ...body.body_reader import BodyItem
    from ...options import PlaybackOptions
    from ...playout.habits import Habits
    from ..memory import Memory
    from ..segment import Segment


class Delivery:
    """Takes what `Asking` receives, as an `Outlet` does, and hands it on: `next` gives one item after the other.

    What nobody has asked for yet counts as not heard, so that the same bounds hold.
    """

    def __init__(self, options: PlaybackOptions, characters_per_second: float) -> None:
        self.closed = False
        self.characters_per_second = characters_per_second
        self.memory: Memory | None = None  # of the service, once it is known which
        self._options = options
        self._segments: deque[Segment] = deque()
        self._changed = asyncio.Event()
        self._stopped = False

    @property
    def habits(self) -> Habits | None:
        """What is known of the service."""
        return None if self.memory is None else self.memory.habits

    def add(self, segment: Segment) -> None:
        """A piece of text was asked for."""
        self._segments.append(segment)

    def wants_early(self, segment: Segment) -> bool:  # noqa: ARG002  # as an outlet is asked
        """Never: what was handed on cannot be taken back."""
        return False

    def expect(self, segment: Segment) -> None:
        """Nothing has to be made ready."""

    def push(self, segment: Segment, items: list[BodyItem]) -> None:
        """Keep what was received."""
        segment.push(items)
        self._changed.set()

    def end(self, segment: Segment) -> None:
        """Nothing more will come for this piece."""
        segment.ended = True
        self._changed.set()

    def close(self, *, broken: bool = False) -> None:  # noqa: ARG002  # the failure is told elsewhere
        """No further piece will be added."""
        self.closed = True
        self._changed.set()

    def drop_behind(self, segment: Segment) -> None:
        """Forget the pieces behind this one, which failed."""
        while self._segments and self._segments[-1].index > segment.index:
            self._segments.pop()

    def foresee(self, segment: Segment) -> tuple[list[tuple[int, int]], int]:  # noqa: ARG002
        """Nothing: what was handed on cannot be taken back."""
        return [], 0

    def keep(self, segment: Segment, samples: int) -> None:
        """Never asked for."""

    async def room(self, segment: Segment) -> None:
        """Wait until a consumer who is slow has taken most of it."""
        while segment.queue.bytes > self._options.queue_bytes:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.05)

    def unheard(self) -> float:
        """Seconds that nobody has asked for yet."""
        return sum(segment.queue.samples for segment in self._segments) / RATE

    def stop(self) -> None:
        """Whoever waits for an item gets none any more."""
        self._stopped = True
        self._changed.set()

    async def next(self) -> tuple[Segment, BodyItem] | None:
        """The next item with its piece, in the order of the text, as soon as it is there; None at the end."""
        while not self._stopped:
            while self._segments:
                segment = self._segments[0]
                if segment.queue:
                    return segment, segment.queue.pop()
                if not segment.ended:
                    break
                self._segments.popleft()
            if self.closed and not self._segments:
                return None
            self._changed.clear()
            await self._changed.wait()
        return None
