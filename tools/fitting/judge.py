"""Computes the regret of playout rules: their cost above that of a player that knows all arrivals in advance."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from oggstream.playout.policy import Policy
from tools.simulation.rivals import Constant, NetEq, exo_player
from tools.simulation.simulate import Outcome, simulate

if TYPE_CHECKING:
    from oggstream.playout.habits import Habits

    from .cases import Case, Service

WARM_UP = 10  # utterances for learning, which do not count
Played = list[Outcome]
Player = Callable[[list["Case"]], Played]


def learnt(cases: list[Case]) -> Played:
    """The policy of oggstream, which learns from one utterance to the next."""
    habits: Habits | None = None
    out = []
    for case in cases:
        policy = Policy(habits)
        out.append(simulate(policy, case.arrivals, case.characters))
        habits = policy.learnt()
    return out


def cold(cases: list[Case]) -> Played:
    """The same, with an empty history each time."""
    return [simulate(Policy(), case.arrivals, case.characters) for case in cases]


def net_eq(cases: list[Case]) -> Played:
    """NetEq's rule, which keeps its histogram from one utterance to the next."""
    delays: list[float] | None = None
    out = []
    for case in cases:
        rule = NetEq(delays)
        out.append(simulate(rule, case.arrivals, case.characters))
        delays = rule.delays
    return out


def constant(start: float) -> Player:
    """A constant buffer."""
    return lambda cases: [simulate(Constant(start), case.arrivals) for case in cases]


def exo(cases: list[Case]) -> Played:
    """ExoPlayer's rule."""
    return [simulate(exo_player(), case.arrivals) for case in cases]


PLAYERS: dict[str, Player] = {
    "learnt": learnt,
    "cold": cold,
    "at once": constant(0.0),
    "200 ms": constant(0.2),
    "500 ms": constant(0.5),
    "ExoPlayer": exo,
    "NetEq": net_eq,
}


class Result(NamedTuple):
    """A player's result over many utterances: starts in ms, the percentage that stalled, and the mean regret."""

    median: float
    late: float
    stalled: float
    regret: float


class Table(NamedTuple):
    """Results per (family, layout) and player, and the mean regret of each player over all of them."""

    rows: dict[tuple[str, str], dict[str, Result]]
    mean: dict[str, float]


def judge(services: Iterable[Service], players: Iterable[str]) -> Table:
    """Let each of ``players`` (names of `PLAYERS`) play the utterances of each service; the first ten do not count."""
    seen: dict[tuple[str, str], dict[str, list[tuple[Outcome, Case]]]] = {}
    for service in services:
        row = seen.setdefault((service.family, service.layout), {})
        for name in players:
            played = zip(PLAYERS[name](service.cases), service.cases, strict=True)
            row.setdefault(name, []).extend(list(played)[WARM_UP:])
    rows = {key: {name: _result(played) for name, played in row.items()} for key, row in seen.items()}
    mean = {name: sum(row[name].regret for row in rows.values()) / len(rows) for name in players}
    return Table(rows, mean)


def _result(played: list[tuple[Outcome, Case]]) -> Result:
    starts = sorted(outcome.start * 1000 for outcome, _ in played)
    return Result(
        starts[len(starts) // 2],
        starts[len(starts) * 95 // 100],
        100 * sum(outcome.stalls > 0 for outcome, _ in played) / len(played),
        sum(outcome.cost - 1000 * case.best for outcome, case in played) / len(played),
    )
