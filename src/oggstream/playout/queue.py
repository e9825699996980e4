"""What was received and is not decoded yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..opus.reader import Item


class PacketQueue:
    """A first-in first-out queue of stream items that knows how long they sound and how many bytes they hold.

    ``samples`` is at 48 kHz, trims taken off. Its bound is kept by whoever fills it: see ``bytes``.
    """

    def __init__(self) -> None:
        self._items: deque[Item] = deque()
        self.samples = 0
        self.bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def extend(self, items: Iterable[Item]) -> None:
        """Append items in order."""
        for item in items:
            self._items.append(item)
            self._count(item, 1)

    def pop(self) -> Item:
        """Take the oldest item; IndexError when there is none."""
        item = self._items.popleft()
        self._count(item, -1)
        return item

    def _count(self, item: Item, sign: int) -> None:
        self.samples += sign * sounding(item)
        self.bytes += sign * len(getattr(item, "data", b""))


def sounding(item: Item) -> int:
    """Samples at 48 kHz that an item will give: a packet less its trims, a hole, or nothing for headers."""
    part: Any = item  # its class lies in a layer beside this one
    samples: int = getattr(part, "samples", 0)
    if hasattr(part, "trim_start"):
        samples -= part.trim_start + part.trim_end
    return samples
