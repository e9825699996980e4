"""The arithmetic of a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Sample = TypeVar("Sample")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the ``percent`` percentile of ``values``, interpolated between two of them."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def median(values: Sequence[float]) -> float:
    """Return the value in the middle."""
    return percentile(values, 50)


def alternate(rounds: int, *measures: Callable[[], Sample]) -> list[list[Sample]]:
    """Take each measure once per round, so that a change of the machine's speed affects all of them.

    Every other round is in reverse order, so that no measure always follows the same one. Returns the samples of each.
    """
    samples: list[list[Sample]] = [[] for _ in measures]
    for number in range(rounds):
        order = range(len(measures))
        for index in order if number % 2 == 0 else reversed(order):
            samples[index].append(measures[index]())
    return samples
