"""The arithmetic of a benchmark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Sample = TypeVar("Sample")


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value below which ``percent`` of ``values`` lie, between two of them where it falls there."""
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
    """Take each measure once a round, so that a machine that slows down slows all of them down.

    Every other round goes backwards, so that none always follows the same one. Returns the samples of each measure.
    """
    samples: list[list[Sample]] = [[] for _ in measures]
    for number in range(rounds):
        order = range(len(measures))
        for index in order if number % 2 == 0 else reversed(order):
            samples[index].append(measures[index]())
    return samples
