"""The margin before the first sound that would have cost least so far."""

from __future__ import annotations

import pytest

from oggstream.playout.margins import CONCEALED, FORGET, MARGINS, PRIOR, Costs, best_margin, costs_of, with_costs


def even(count: int, every: float, seconds: float) -> list[tuple[float, float]]:
    return [(number * every, seconds) for number in range(count)]


def after(*utterances: list[tuple[float, float]], slope: float = 1.0) -> Costs:
    known: Costs = ()
    for bursts in utterances:
        known = with_costs(known, costs_of(bursts, slope))
    return known


STEADY = even(60, 0.1, 0.3)
OUT = [*even(10, 0.1, 0.3), *[(4.0 + at, seconds) for at, seconds in even(50, 0.1, 0.3)]]
"""Three times as fast as speech, and nothing for three seconds after the first one."""


def test_an_unknown_service_gets_no_margin() -> None:
    assert best_margin(()) == 0


def test_a_steady_service_gets_none_either() -> None:
    costs = costs_of(STEADY, 1.0)
    assert costs[0] == 0
    assert costs == tuple(sorted(costs))
    assert best_margin(after(*[STEADY] * 20)) == 0


def test_a_margin_costs_the_wait_for_it() -> None:
    assert costs_of(even(60, 0.1, 0.3), 1.0)[MARGINS.index(1.0)] == pytest.approx(0.3)  # four bursts


def test_outages_are_worth_a_margin_even_if_they_came_late() -> None:
    assert best_margin(after(*[STEADY, OUT] * 5)) >= 1.0


def test_one_outage_among_many_utterances_is_not() -> None:
    assert best_margin(after(OUT, *[STEADY] * 200)) == 0


@pytest.mark.parametrize("seconds", [4.0, 10.0, 60.0])
def test_a_single_outage_is_no_reason_to_wait_however_long_it_was(seconds: float) -> None:
    out = [*even(10, 0.1, 0.3), *[(1.0 + seconds + at, audio) for at, audio in even(50, 0.1, 0.3)]]
    assert best_margin(after(out)) == 0
    assert best_margin(after(out, out, out)) > 0


def test_a_stall_costs_itself_and_its_silence_but_not_what_is_concealed() -> None:
    late = [(0.0, 0.1), (1.1, 1.0), (1.2, 1.0), (1.3, 1.0)]
    costs = costs_of(late, 1.0)
    places = 2  # the first two thirds are the first two bursts
    assert costs[0] == pytest.approx((CONCEALED + 1 + 10 * (1.0 - CONCEALED)) / places)


def test_a_slow_service_is_played_as_slowly_as_its_pace_explains() -> None:
    assert costs_of(even(40, 1.25, 1.0), 1.25)[0] == pytest.approx(0)
    assert costs_of(even(40, 1.25, 1.0), 1.0)[0] > 10


def test_what_was_long_ago_is_forgotten() -> None:
    assert with_costs((1.0,) * len(MARGINS), (0.0,) * len(MARGINS)) == pytest.approx((FORGET,) * len(MARGINS))


def test_there_is_a_prior_for_each_margin_that_grows_with_it() -> None:
    assert len(PRIOR) == len(MARGINS)
    assert list(PRIOR) == sorted(PRIOR)
