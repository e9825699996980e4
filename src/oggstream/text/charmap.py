"""Which character of the original a character of the changed text stands for."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

Mark = tuple[int, int]
"""A position of the changed text, and the position of the original that stands there."""


class CharMap:
    """Positions of a text that grows at its end, is consumed at its front, and was changed on the way.

    Kept as marks, between which both texts advance together; where both a run's end and the start of the next one are
    needed (something between them was left out), a position has two marks. Between two marks that are further apart in
    one of the texts than in the other, all of the one stands for all of the other.
    """

    __slots__ = ("_changed", "_original")

    def __init__(self) -> None:
        self._changed: list[int] = []
        self._original: list[int] = []

    def add(self, at: int, length: int, start: int, end: int) -> None:
        """Note that ``length`` characters from position ``at`` on stand for ``start`` to ``end`` of the original."""
        before = self._original[-1] + at - self._changed[-1] if self._changed else 0
        replaced = end - start != length
        if before != start or not self._changed or replaced:
            if before and before != start:
                self._mark(at, before)
            self._mark(at, start)
        if replaced:
            self._mark(at + length, end)

    def _mark(self, at: int, start: int) -> None:
        self._changed.append(at)
        self._original.append(start)

    def copy(self, other: CharMap, start: int, end: int, at: int) -> None:
        """Note that from position ``at`` on stands what stands from ``start`` to ``end`` of ``other``."""
        marks = other.cut(start, end)
        nexts = [*marks[1:], (end - start, None)]
        for (changed, original), (stop, reached) in zip(marks, nexts, strict=True):
            if stop > changed:
                self.add(
                    at + changed, stop - changed, original, original + stop - changed if reached is None else reached
                )

    def start(self, at: int) -> int:
        """Position of the original where what stands at position ``at`` begins."""
        return start_of(at, self._changed, self._original)

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


def start_of(at: int, changed: list[int], original: list[int]) -> int:
    """Position of the original where what stands at ``at`` begins, by marks as `CharMap` keeps them."""
    mark = bisect_right(changed, at)
    if mark == 0:
        return original[0] if original else 0
    if mark < len(changed) and _is_replaced(mark, changed, original):
        return original[mark - 1]
    return original[mark - 1] + at - changed[mark - 1]


def end_of(at: int, changed: list[int], original: list[int]) -> int:
    """Position of the original behind what stands before ``at``, by marks as `CharMap` keeps them."""
    mark = bisect_left(changed, at)
    if mark < len(changed) and (changed[mark] == at or (mark and _is_replaced(mark, changed, original))):
        return original[mark]
    if mark == 0:
        return original[0] if original else 0
    return original[mark - 1] + at - changed[mark - 1]


def _is_replaced(mark: int, changed: list[int], original: list[int]) -> bool:
    """Whether what stands before a mark is of another length than its original: it stands for all of that."""
    return changed[mark] - changed[mark - 1] != original[mark] - original[mark - 1]
