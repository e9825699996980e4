"""The simulation of a playout rule on recorded arrivals."""

from __future__ import annotations

import pytest

from oggstream.playout.policy import Decision, Policy
from tools.simulation.rivals import Constant
from tools.simulation.simulate import Outcome, simulate


class Slowed(Constant):
    """Plays everything at half the rate."""

    def decide(self, now: float, buffered: float, played: float) -> Decision:
        return super().decide(now, buffered, played)._replace(speed=0.5)


def paged(*times: float) -> list[tuple[float, float]]:
    return [(at, 1.0) for at in times]


def test_what_is_in_time_costs_nothing() -> None:
    assert simulate(Constant(0), paged(3.0, 3.5, 4.9)) == Outcome(0, 0, 0, 0, 0)


def test_the_wait_for_a_start_counts_from_the_first_arrival() -> None:
    outcome = simulate(Constant(2), paged(3.0, 3.5, 4.0))
    assert outcome.start == pytest.approx(0.5)
    assert outcome.cost == pytest.approx(500)


def test_a_little_late_is_concealed() -> None:
    outcome = simulate(Constant(0), paged(0.0, 1.05))
    assert outcome.stalls == 0
    assert outcome.concealed == pytest.approx(0.05)
    assert outcome.cost == pytest.approx(50)


def test_more_than_that_is_a_stall() -> None:
    outcome = simulate(Constant(0), paged(0.0, 1.5))
    assert outcome.stalls == 1
    assert outcome.stall == pytest.approx(0.44)
    assert outcome.cost == pytest.approx(60 + 1000 + 4400)


def test_going_on_takes_as_long_as_the_rule_wants() -> None:
    outcome = simulate(Constant(0, 2), paged(0.0, 1.5, 2.0))
    assert outcome.stall == pytest.approx(0.94)


def test_patch_upon_patch_is_no_speech() -> None:
    outcome = simulate(Constant(0), [(n * 0.03, 0.02) for n in range(50)])
    assert outcome.concealed < 0.2
    assert outcome.stalls > 30


def test_what_is_slowed_down_lasts_longer() -> None:
    outcome = simulate(Slowed(0), paged(0.0, 1.9))
    assert outcome.stalls == 0
    assert outcome.concealed == 0
    assert outcome.stretched == pytest.approx(2)


def test_the_end_starts_what_is_there() -> None:
    assert simulate(Constant(5), paged(0.0, 0.25)).start == pytest.approx(0.25)


def test_the_speed_of_what_is_in_the_ring_is_settled() -> None:
    outcome = simulate(Slowed(0), [(0.0, 30.0)])
    assert outcome.stretched == pytest.approx(30)


def test_the_policy_is_a_rule() -> None:
    policy = Policy()
    outcome = simulate(policy, [(n * 0.25, 1.0) for n in range(20)], 272)
    assert outcome == Outcome(0, 0, 0, 0, 0)
    assert policy.learnt().utterances[0].characters == pytest.approx(13.6)
