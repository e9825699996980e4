"""Which character of the original a character of the changed text stands for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

Mark = tuple[int, int]
"""A position of the changed text, and the position of the original that stands there."""


class CharMap:
    """Positions of a text that grows at its end, is consumed at its front, and was changed on the way.

    Kept as marks, between which both texts advance together; where both a run's end and the start of the next one are
    needed (something between them was left out), a position has two marks.
    """

    __slots__ = ("_changed", "_original")

    def __init__(self) -> None:
        self._changed: list[int] = []
        self._original: list[int] = []

    def add(self, at: int, length: int, start: int, end: int) -> None:
        """Note that ``length`` characters from position ``at`` on stand for ``start`` to ``end`` of the original."""
        before = self._original[-1] + at - self._changed[-1] if self._changed else 0
        if before != start or not self._changed:
            if before:
                self._mark(at, before)
            self._mark(at, start)
        if end - start != length:
            self._mark(at + length, end)

    def _mark(self, at: int, start: int) -> None:
        self._changed.append(at)
        self._original.append(start)

    def end(self, at: int) -> int:
        """Position of the original behind what stands before ``at``."""
        return end_of(at, self._changed, self._original)

    def cut(self, start: int, end: int) -> tuple[Mark, ...]:
        """Marks of the changed text from ``start`` to ``end``, counted from ``start``."""
        first = max(0, bisect_right(self._changed, start) - 1)
        last = bisect_right(self._changed, end)
        return tuple(
            (max(0, at - start), original + max(0, start - at))
            for at, original in zip(self._changed[first:last], self._original[first:last], strict=True)
        )

    def forget(self, before: int) -> None:
        """Drop what is only needed for positions of the changed text below ``before``."""
        needless = max(0, bisect_left(self._changed, before) - 1)
        del self._changed[:needless], self._original[:needless]


def end_of(at: int, changed: list[int], original: list[int]) -> int:
    """Position of the original behind what stands before ``at``, by marks as `CharMap` keeps them."""
    mark = bisect_left(changed, at)
    if mark < len(changed) and changed[mark] == at:
        return original[mark]
    if mark == 0:
        return original[0] if original else 0
    reached = original[mark - 1] + at - changed[mark - 1]
    return min(reached, original[mark]) if mark < len(original) else reached
