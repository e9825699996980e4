"""What was received and is not decoded yet."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..opus.items import AudioPacket, Hole

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

    def extend(self, items: list[Item]) -> None:
        """Append items in order."""
        self._items.extend(items)
        for item in items:  # a page of 50 packets waits for this: no call per packet
            if type(item) is AudioPacket:
                self.samples += item.samples - item.trim_start - item.trim_end
                self.bytes += len(item.data)
            elif type(item) is Hole:
                self.samples += item.samples

    def pop(self) -> Item:
        """Take the oldest item; IndexError when there is none."""
        item = self._items.popleft()
        if type(item) is AudioPacket:
            self.samples -= item.samples - item.trim_start - item.trim_end
            self.bytes -= len(item.data)
        elif type(item) is Hole:
            self.samples -= item.samples
        return item
