"""The constants of the policy that can be fitted, and a search that changes one at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from oggstream.playout import forecast, log, policy

TRIED: dict[str, tuple[Any, tuple[float, ...]]] = {
    "CAUTION": (policy, (0.5, 0.6, 0.7, 0.8, 0.9)),
    "CARE": (policy, (0.1, 0.15, 0.25, 0.4)),
    "SOON": (policy, (0.5, 1.0, 2.0)),
    "RESERVE": (policy, (0.1, 0.2, 0.3, 0.5)),
    "PRIOR_AUDIO": (forecast, (0.1, 0.3, 1.0)),
    "MOST_AUDIO": (forecast, (2.0, 5.0, 10.0, 20.0)),
    "UNEVEN": (forecast, (0.003, 0.01, 0.03)),
    "SPREAD": (forecast, (0.003, 0.01, 0.03)),
    "EASY": (log, (0.7, 0.8, 0.9)),
    "MOST_DELAY": (log, (0.35, 0.48, 1.0, 2.0)),
}
ENOUGH = 0.02  # share of the cost below which a change is not worth making


@contextmanager
def changed(name: str, value: float) -> Iterator[None]:
    """Set the constant ``name`` to ``value`` within the block; raises KeyError for an unknown one."""
    module = TRIED[name][0]
    before = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, before)


def search(cost: Callable[[], float], tell: Callable[[str], None]) -> dict[str, float]:
    """Try the values of each constant in turn, and return the changes that are worth making."""
    best = cost()
    tell(f"as they are: {best:.0f}")
    found: dict[str, float] = {}
    for name, (module, values) in TRIED.items():
        costs = {value: _with(name, value, cost) for value in values}
        tell(f"{name} = {getattr(module, name)}: " + ", ".join(f"{value:g} -> {c:.0f}" for value, c in costs.items()))
        value = min(costs, key=lambda candidate: costs[candidate])
        if costs[value] < best - ENOUGH * abs(best):
            found[name] = value
    return found


def _with(name: str, value: float, cost: Callable[[], float]) -> float:
    with changed(name, value):
        return cost()
