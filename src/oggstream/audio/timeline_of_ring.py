"""When which sample of a ring was heard, from what its reader logged."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from . import block as slot

if TYPE_CHECKING:
    from .block import Block

MAX_ENTRIES = 10_000  # what a time line keeps; past that, its latest entry is replaced
ROUNDING = 1e-3  # samples; far above the rounding of a clock's floats, far below a sample


class TimeLine:
    """The writer's view of the reader's log. ``clock_offset`` seconds are added to the times in it.

    ``seen`` loads a counter of the reader's and acquires, ``publish`` sets one of the writer's and releases (see
    `oggstream.audio.block`).
    """

    def __init__(self, block: Block, seen: Callable[[int], int], publish: Callable[[int, int], None]) -> None:
        self.clock_offset = 0.0
        self._seen = seen
        self._publish = publish
        self._counters = block.counters
        self._numbers = block.numbers
        self._rate = block.counters[slot.RATE]
        self._runs: list[tuple[int, float]] = []
        self._line: list[tuple[int, float]] = []

    def runs(self) -> list[tuple[int, float]]:
        """(position, time) where sound began and went on after stalls."""
        self._look()
        return self._runs

    def line(self) -> list[tuple[int, float]]:
        """Those, and where the device's clock, or a pause, left what they foretell."""
        self._look()
        return self._line

    def time_of(self, position: int) -> float | None:
        """When the sample at ``position`` reaches the converter; None if it was not handed over."""
        if position > self._seen(slot.READ):
            return None
        for start, at in reversed(self.line()):
            if start <= position:
                return at + (position - start) / self._rate
        return None

    def position_at(self, now: float) -> int:
        """Samples that have reached the converter at time ``now``."""
        end = self._seen(slot.READ)
        for start, at in reversed(self.line()):
            if at <= now:
                return min(end, start + int((now - at) * self._rate + ROUNDING))
            end = min(end, start)
        return 0

    def _look(self) -> None:
        """Move what was logged into lists, and make room in the log."""
        counters = self._counters
        count = self._seen(slot.LOG_COUNT)
        for number in range(counters[slot.LOG_TAKEN], count):
            entry = slot.LOG + 3 * (number % slot.LOG_SIZE)
            position, at = counters[entry + 1], self._numbers[entry + 2] + self.clock_offset
            if counters[entry] != slot.CORRECTED:
                _note(self._runs, position, at)
            _note(self._line, position, at)
        self._publish(slot.LOG_TAKEN, count)


def _note(line: list[tuple[int, float]], position: int, at: float) -> None:
    if len(line) >= MAX_ENTRIES:
        line.pop()
    line.append((position, at))
