"""Finds which pauses of a sound are which borders of its text, by the least sum of penalties. Pure.

All are decided together, so that a pause that is no border, or a border without a pause, misleads nobody.
"""

from __future__ import annotations

from itertools import accumulate
from typing import NamedTuple

from ..audio.frame import RATE

MOST_MATCHED = 8
"""Pauses, and borders, that are matched at a time: the work grows with the square of their product."""
SPREAD = RATE * 0.09
"""How far, in samples, the length of a usual word is from its estimate (standard deviation)."""
USUAL_WEIGHT = 5.5
"""The weight of a usual word."""
UNPAUSED = (0.0, 1.5, 4.0)
"""Penalty for a border without a pause, by what ends there: nothing, a clause, a sentence."""
MOST_IGNORED = 6.0
"""Penalty for a long pause that is no border; a shorter one has less."""
LONG_PAUSE = RATE * 3 // 10
FAR = 0.4
"""A pause is not a border that is expected farther off than this share of the way there, and a second."""


class Pause(NamedTuple):
    """A silence of ``length`` samples up to sample ``end``, behind ``sounded`` audible ones."""

    sounded: int
    length: int
    end: int


class Anchor(NamedTuple):
    """Word ``word`` begins behind ``sounded`` audible samples."""

    sounded: int
    word: int


class _Node(NamedTuple):
    """An anchor, the least penalty up to it, the pauses and borders up to it, and the node before it."""

    cost: float
    before: int
    anchor: Anchor
    pauses: int = 0
    borders: int = 0


def matched(
    base: Anchor, end: Anchor, pauses: list[Pause], borders: list[tuple[int, int]], weights: list[float]
) -> list[Anchor]:
    """The anchors between two. ``borders``: the words behind them, and what ends there (1: a clause, 2: a sentence);
    ``weights``: the sum of weights before each word.
    """
    if not pauses or not borders:
        return []
    match = _Match(base, end, pauses, borders, weights)
    nodes = [_Node(0.0, -1, base)]
    for row, pause in enumerate(pauses, 1):
        for column, (word, _) in enumerate(borders, 1):
            anchor = Anchor(pause.sounded, word)
            if match.is_near(anchor):
                nodes.append(match.best(nodes, anchor, row, column))
    node = match.best(nodes, end, len(pauses) + 1, len(borders) + 1)
    path = []
    while node.before > 0:
        node = nodes[node.before]
        path.append(node.anchor)
    return path[::-1]


class _Match:
    """The penalties of one `matched`."""

    def __init__(
        self, base: Anchor, end: Anchor, pauses: list[Pause], borders: list[tuple[int, int]], weights: list[float]
    ) -> None:
        self._base = base
        self._weights = weights
        self._pace = (end.sounded - base.sounded) / (weights[end.word] - weights[base.word])
        self._ignored = [0.0, *accumulate(MOST_IGNORED * min(1.0, pause.length / LONG_PAUSE) for pause in pauses)]
        self._unpaused = [0.0, *accumulate(UNPAUSED[border] for _, border in borders)]

    def best(self, nodes: list[_Node], anchor: Anchor, row: int, column: int) -> _Node:
        """The node of ``anchor``, pause ``row`` and border ``column`` (from 1), by the best way to it."""
        ignored, unpaused = self._ignored[row - 1], self._unpaused[column - 1]
        cost, at = min(
            (
                node.cost
                + self._mismatch(node.anchor, anchor)
                + ignored
                - self._ignored[node.pauses]
                + unpaused
                - self._unpaused[node.borders],
                at,
            )
            for at, node in enumerate(nodes)
            if node.pauses < row and node.borders < column
        )
        return _Node(cost, at, anchor, row, column)

    def is_near(self, anchor: Anchor) -> bool:
        """Whether a pause can be a border at all."""
        expected = self._pace * (self._weights[anchor.word] - self._weights[self._base.word])
        return abs(anchor.sounded - self._base.sounded - expected) <= RATE + FAR * expected

    def _mismatch(self, left: Anchor, right: Anchor) -> float:
        """The penalty for the pace between two anchors."""
        weight = self._weights[right.word] - self._weights[left.word]
        off = right.sounded - left.sounded - self._pace * weight
        return off * off / (2 * SPREAD * SPREAD * (weight / USUAL_WEIGHT + 1))
