"""Recorded networks: what a trace makes of arrivals that pass through it."""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from math import isfinite
from typing import Protocol

from ..errors import UsageError

PACKET = 1500  # bytes that an opportunity delivers, and in which a link of a given rate does
ROUNDING = 1e-6  # ms
LARGEST = 64 << 20  # bytes of a trace

Arrivals = list[tuple[float, int]]


class Network(Protocol):
    """A bottleneck behind which a queue has no bound: nothing is lost, everything keeps its order."""

    @property
    def period(self) -> float:
        """Seconds after which the trace begins again."""
        ...

    def pass_through(self, arrivals: Arrivals, start: float = 0.0) -> Arrivals:
        """When the bytes that enter at ``arrivals`` leave; ``start`` is where in the trace the time 0 lies."""
        ...


class Opportunities:
    """A Mahimahi trace: moments (in ms, not decreasing) at which up to `PACKET` bytes leave.

    An opportunity that finds fewer bytes is not kept for later.
    """

    def __init__(self, milliseconds: list[int]) -> None:
        self._moments = milliseconds
        self.period = milliseconds[-1] / 1000

    def pass_through(self, arrivals: Arrivals, start: float = 0.0) -> Arrivals:
        """As `Network` says. What leaves at the same moment leaves in one piece."""
        left: Arrivals = []
        number = -1  # of the opportunity that was used last
        room = 0  # bytes that it still takes
        for at, size in arrivals:
            rest = size
            first = self._first_at(start + at)
            if first > number:
                number, room = first, PACKET
            while rest:
                if not room:
                    number, room = number + 1, PACKET
                taken = min(room, rest)
                _add(left, max(self._time_of(number) - start, at), taken)
                rest -= taken
                room -= taken
        return left

    def _first_at(self, at: float) -> int:
        """Number of the first opportunity at ``at`` or later."""
        rounds, within = divmod(at * 1000, self._moments[-1])
        return int(rounds) * len(self._moments) + bisect_left(self._moments, within - ROUNDING)

    def _time_of(self, number: int) -> float:
        rounds, index = divmod(number, len(self._moments))
        return (rounds * self._moments[-1] + self._moments[index]) / 1000


class Rates:
    """A trace of ``(seconds, Mbit/s)``, each rate held until the next line, the last one as long as the one before.

    Time counts from the first line on. Bytes leave in packets, each when its last bit has passed.
    """

    def __init__(self, steps: list[tuple[float, float]]) -> None:
        begin = steps[0][0]
        times = [at - begin for at, _ in steps]
        last = times[-1] - times[-2] if len(times) > 1 else 1.0
        self._times = [*times, times[-1] + last]
        self._rates = [rate * 1e6 / 8 for _, rate in steps]  # bytes per second
        self.period = self._times[-1]
        self._passed = [0.0]  # bytes until each time
        for index, rate in enumerate(self._rates):
            self._passed.append(self._passed[-1] + rate * (self._times[index + 1] - self._times[index]))

    def pass_through(self, arrivals: Arrivals, start: float = 0.0) -> Arrivals:
        """As `Network` says."""
        left: Arrivals = []
        free = start  # when what entered before has left
        for at, size in arrivals:
            free = max(free, start + at)
            for sent in range(0, size, PACKET):
                count = min(PACKET, size - sent)
                free = self._sent(free, count)
                left.append((max(free - start, at), count))
        return left

    def _sent(self, at: float, size: int) -> float:
        """When ``size`` bytes that begin at ``at`` have passed."""
        rounds, within = divmod(at, self.period)
        index = min(bisect_right(self._times, within) - 1, len(self._rates) - 1)
        goal = self._passed[index] + (within - self._times[index]) * self._rates[index] + size
        more, goal = divmod(goal, self._passed[-1])
        if not goal:  # the very end of a round, not the beginning of the next
            more, goal = more - 1, self._passed[-1]
        index = bisect_left(self._passed, goal) - 1
        within = self._times[index] + (goal - self._passed[index]) / self._rates[index]
        return (rounds + more) * self.period + within


def load_network(path: str | os.PathLike[str]) -> Network:
    """Read a Mahimahi trace (one number a line) or a list of rates (two). Raises `UsageError`."""
    rows = [(number, line.split()) for number, line in enumerate(_lines(os.fspath(path)), 1) if line.strip()]
    if not rows:
        raise UsageError(f"the network {path} is empty: give a Mahimahi trace, or lines of `seconds Mbit/s`")
    width = len(rows[0][1])
    table = [_numbers(path, number, row, width) for number, row in rows]
    for (number, _), before, after in zip(rows[1:], table, table[1:], strict=False):
        if after[0] < before[0] or (width == 2 and after[0] == before[0]):
            raise UsageError(f"the network {path} is damaged at line {number}: its time does not follow the one above")
    if width == 2:
        if not any(rate > 0 for _, rate in table):
            raise UsageError(f"the network {path} never delivers anything: all its rates are 0")
        return Rates([(at, rate) for at, rate in table])
    if table[-1][0] < 1:
        raise UsageError(f"the network {path} lasts 0 ms: its last line must be the trace's length")
    return Opportunities([int(row[0]) for row in table])


def _lines(path: str) -> list[str]:
    try:
        if os.path.getsize(path) > LARGEST:
            raise UsageError(f"the network {path} is larger than {LARGEST} bytes")
        with open(path, encoding="ascii") as file:
            return file.read().splitlines()
    except UnicodeDecodeError as error:
        raise UsageError(f"the network {path} is no text") from error
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def _numbers(path: object, number: int, row: list[str], width: int) -> tuple[float, ...]:
    kind = "a number of ms" if width == 1 else "`seconds Mbit/s`"
    try:
        values = tuple(float(value) for value in row)
    except ValueError:
        values = ()
    if len(values) != width or width not in (1, 2) or not all(isfinite(value) and value >= 0 for value in values):
        raise UsageError(f"the network {path} is damaged at line {number}: it is not {kind}")
    return values


def _add(left: Arrivals, at: float, size: int) -> None:
    if left and left[-1][0] == at:
        left[-1] = (at, left[-1][1] + size)
    else:
        left.append((at, size))
