"""Measures hedged requests: speeches of a service whose first bytes are late now and then, in virtual time.

The pieces are not decoded: only the waits count. Everything else is the engine's own: when a piece is late, whether
that would be heard, the budget, and which answer wins.
"""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from .row import Outcome, Row, Run
from .stats import percentile

if TYPE_CHECKING:
    from oggstream.engine.requests.hedging import Claim
    from oggstream.playout.habits import Habits
    from oggstream.sources.asking import Asking

PIECES = 2000
WARM_UP = 200
PIECE_SECONDS = 4.0
CHARACTERS = 54
SHARE = 0.05
USUAL, SPREAD = 0.5, 0.35  # seconds, and the standard deviation of their logarithm
LATE, TIMES = 0.02, 6.0
TAIL, LONGEST = 0.05, 30.0
Wait = Callable[[random.Random], float]


def _six_times(rng: random.Random) -> float:
    """One first byte of fifty takes six times as long."""
    return USUAL * math.exp(rng.gauss(0, SPREAD)) * (TIMES if rng.random() < LATE else 1.0)


def _tail(rng: random.Random) -> float:
    """One first byte of twenty comes from a Pareto tail."""
    if rng.random() < TAIL:
        return min(2 * USUAL * rng.paretovariate(1.2), LONGEST)
    return USUAL * math.exp(rng.gauss(0, SPREAD))


SERVICES: dict[str, Wait] = {"2 % six times late": _six_times, "Pareto tail": _tail}


class Found(NamedTuple):
    """Waits for the first sounds of speeches, and of how many requests how many were second ones."""

    sounds: list[float]
    requests: int
    hedged: int
    stalls: int

    @property
    def ratio(self) -> float:
        """The 99th percentile by the 90th."""
        return percentile(self.sounds, 99) / percentile(self.sounds, 90)

    @property
    def extra(self) -> float:
        """Second requests by first ones."""
        return self.hedged / (self.requests - self.hedged)


class _Source:
    """Stands for the service: what was learnt is remembered with it."""


class _Speeches:
    """Speeches of ``length`` pieces, one after the other; each piece is requested when the one before it sounds."""

    def __init__(self, wait: Wait, length: int, share: float) -> None:
        from oggstream.options import PlaybackOptions

        self._wait = wait
        self._length = length
        self._options = PlaybackOptions(hedge=share, history=None)
        self._rng = random.Random(1)  # noqa: S311  # a model, not a secret
        self._source: Any = _Source()
        self._requests = self._hedged = self._stalls = 0

    async def all(self, count: int) -> Found:
        """Speak ``count`` pieces, and others before, from which it learns."""
        sounds = [await self._speech() for _ in range((count + WARM_UP) // self._length)]
        return Found(sounds[WARM_UP // self._length :], self._requests, self._hedged, self._stalls)

    async def _speech(self) -> float:
        from oggstream.engine.requests.hedging import Hedging
        from oggstream.events import Recorder
        from oggstream.options import SpeechOptions

        clock = asyncio.get_running_loop().time
        began = due = clock()
        first = 0.0
        recorder = Recorder(clock, began)
        hedging = Hedging(self._options, self._source, SpeechOptions(), recorder, _unknown)
        for index in range(self._length):
            hedging.until_heard = lambda _segment, due=due: due - clock()  # type: ignore[misc]
            await self._piece(hedging, index)
            first = first or clock() - began
            self._stalls += index > 0 and clock() > due
            due = max(due, clock()) + PIECE_SECONDS
        hedging.release()
        self._hedged += hedging.sent
        return first

    async def _piece(self, hedging: Any, index: int) -> None:
        piece: Any = SimpleNamespace(index=index, format="auto", rest="x" * CHARACTERS)
        began = asyncio.get_running_loop().time()

        async def read(_source: object, _asking: Asking, claim: Claim) -> None:
            self._requests += 1
            await asyncio.sleep(self._wait(self._rng))
            if claim(True):
                hedging.sounded(piece, asyncio.get_running_loop().time() - began)

        await hedging.receive(piece, read)


def speak(wait: Wait, length: int, share: float, count: int = PIECES) -> Found:
    """Speak ``count`` pieces of a service in speeches of ``length`` pieces, with a budget of ``share``."""
    from oggstream.lab.virtual_clock import VirtualLoop

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_Speeches(wait, length, share).all(count))


def measure_hedging(run: Run) -> Outcome:
    """Speeches of eight pieces and of one, with a budget and without.

    With one piece each nothing is left over from later pieces: a hedge cannot come before the 95th percentile.
    """
    count = run.count(PIECES, least=400)
    figures: dict[str, float] = {}
    words = []
    reached = True
    for name, wait in SERVICES.items():
        for length in (8, 1):
            with_budget, without = speak(wait, length, SHARE, count), speak(wait, length, 0.0, count)
            key = f"{name}, {'one piece' if length == 1 else f'{length} pieces'}"
            figures |= {f"{key}: p99/p90": with_budget.ratio, f"{key}: without": without.ratio}
            figures |= {f"{key}: extra": with_budget.extra, f"{key}: p99": percentile(with_budget.sounds, 99)}
            figures |= {f"{key}: p99 without": percentile(without.sounds, 99)}
            figures |= {f"{key}: stalls": with_budget.stalls, f"{key}: stalls without": without.stalls}
            words.append(f"{key} {with_budget.ratio:.2f} ({without.ratio:.2f} without, {with_budget.extra:.1%} more)")
            reached = reached and (length == 1 or with_budget.ratio <= 1.5) and with_budget.extra <= SHARE
    return Outcome("; ".join(words), reached, figures)


def _unknown() -> Habits | None:
    return None


ROWS = [
    Row(
        "hedging",
        "services whose first bytes are late now and then, 2000 pieces, 5 % more requests allowed: p99 of a speech's "
        "first sound by its p90",
        "<= 1.5 in speeches of eight pieces, <= 5 % more requests",
        measure_hedging,
    )
]
