"""The queue of received items that are not decoded yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..audio.frame import RATE, PcmFrame
from ..opus.items import AudioPacket, Hole, PageBegun, PageWithdrawn

if TYPE_CHECKING:
    from ..body.body_reader import BodyItem


class PacketQueue:
    """A first-in first-out queue of stream items that counts their samples and bytes.

    ``samples`` is at 48 kHz, without trims. The producer keeps the bound: see ``bytes``.
    """

    def __init__(self) -> None:
        self._items: deque[BodyItem] = deque()
        self.samples = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def extend(self, items: list[BodyItem]) -> int:
        """Append items in order; return how many samples they add (negative if a withdrawal removes more)."""
        before = self.samples
        for item in items:
            if type(item) is PageWithdrawn:
                self._withdraw()
            self._items.append(item)
            self._count(item, 1)
        return self.samples - before

    def pop(self) -> BodyItem:
        """Take the oldest item; IndexError when there is none."""
        item = self._items.popleft()
        self._count(item, -1)
        return item

    def pop_some(self, most: int) -> list[BodyItem]:
        """Take the oldest items, at most so many."""
        return [self.pop() for _ in range(min(most, len(self._items)))]

    def keep(self, samples: int) -> None:
        """Drop all packets after the first ``samples`` (48 kHz)."""
        while self._items and self.samples > samples:
            self._count(self._items.pop(), -1)

    def __iter__(self) -> Iterator[BodyItem]:
        return iter(self._items)

    def _withdraw(self) -> None:
        """Drop the packets of the void page that are not decoded yet; its `PageBegun` stays, if it is still queued."""
        while self._items and type(self._items[-1]) is not PageBegun:
            self._count(self._items.pop(), -1)

    def _count(self, item: BodyItem, sign: int) -> None:
        if type(item) is AudioPacket:  # the usual one first: a page of 50 waits for this
            self.samples += sign * (item.samples - item.trim_start - item.trim_end)
            self.bytes += sign * len(item.data)
        elif type(item) is Hole:
            self.samples += sign * item.samples
        elif type(item) is PcmFrame:
            self.samples += sign * (len(item.pcm) * RATE // item.rate)
            self.bytes += sign * item.pcm.nbytes
