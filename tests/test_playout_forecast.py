"""The forecast of an utterance, from earlier ones and from its own arrivals."""

from __future__ import annotations

import pytest

from oggstream.playout.forecast import (
    FAMILIAR,
    LEAST_LEFT,
    MOST_AUDIO,
    PRIOR_AUDIO,
    UNKNOWN,
    UNKNOWN_LEFT,
    Forecast,
    Outlook,
    Scenario,
)
from oggstream.playout.habits import Habits, Utterance
from oggstream.playout.log import ArrivalLog

KNOWN = Utterance(0.5, 0.0, 0.0, 10.0)


def habits(*paces: float) -> Habits:
    return Habits(tuple(KNOWN._replace(pace=pace) for pace in paces))


def log(*arrivals: tuple[float, float]) -> ArrivalLog:
    out = ArrivalLog()
    for at, seconds in arrivals:
        out.add(at, seconds)
    return out


@pytest.mark.parametrize("count", [0, 1, 5, 9, 10, 12])
def test_all_weights_make_one(count: int) -> None:
    assert sum(way.weight for way in Forecast(habits(*[0.5] * count)).scenarios) == pytest.approx(1)


def test_a_familiar_service_is_judged_by_what_it_did() -> None:
    assert {way.like for way in Forecast(habits(*[0.5] * FAMILIAR)).scenarios} == {KNOWN}
    assert len(Forecast(habits(*[0.5] * (FAMILIAR - 1))).scenarios) == FAMILIAR - 1 + len(UNKNOWN)


def test_ways_go_from_fast_to_slow() -> None:
    forecast = Forecast(habits(0.9, 0.1, 0.5))
    paces = [way.like.pace for way in forecast.scenarios]
    assert paces == sorted(paces)
    assert forecast.quantile(0.0).like.pace == min(paces)
    assert forecast.quantile(2.0).like.pace == max(paces)


def test_the_voice_that_was_heard_is_expected_again() -> None:
    assert {way.like.characters for way in Forecast(habits(0.5)).scenarios} == {10.0}
    assert {way.like.characters for way in Forecast(Habits()).scenarios} == {13.6}


def test_utterances_that_agree_are_believed_for_longer() -> None:
    agreeing, differing = Forecast(habits(*[1.2] * 10)), Forecast(habits(*[1.0, 1.4] * 5))
    assert (
        PRIOR_AUDIO
        == Forecast(Habits()).scenarios[0].firm
        < differing.scenarios[0].firm
        < agreeing.scenarios[0].firm
        <= MOST_AUDIO
    )
    assert Forecast(habits(*[0.0] * 10)).scenarios[0].firm == 0


def test_the_pace_goes_over_from_what_was_known_to_what_is_seen() -> None:
    way = Scenario(1.0, KNOWN, 2.0)
    assert Outlook(log((0.0, 1.0)), 0, True, 0.0).pace(way) == 0.5
    assert Outlook(log((0.0, 1.0), (1.0, 1.0)), 0, True, 1.0).pace(way) == pytest.approx(2 / 3)
    many = log(*((float(second), 1.0) for second in range(1000)))
    assert Outlook(many, 0, True, 999.0).pace(way) == pytest.approx(1, rel=0.01)


def test_a_burst_that_is_overdue_is_news() -> None:
    way = Scenario(1.0, KNOWN, 2.0)
    assert Outlook(log((0.0, 1.0)), 0, True, 0.5).pace(way) == 0.5
    assert Outlook(log((0.0, 1.0)), 0, True, 2.0).pace(way) == 1


def test_one_that_was_not_asked_for_yet_is_not_overdue() -> None:
    joined = log((0.0, 1.0), (0.5, 1.0))
    joined.join()
    assert Outlook(joined, 0, True, 90.0).pace(Scenario(1.0, KNOWN, 2.0)) == 0.5
    assert Outlook(joined, 0, True, 90.0).since == 0


def test_the_text_tells_what_is_left() -> None:
    came = log((0.0, 1.0))
    assert Outlook(came, 100, False, 0.0).left(KNOWN) == 9
    assert Outlook(came, 5, False, 0.0).left(KNOWN) == LEAST_LEFT
    assert Outlook(came, 5, True, 0.0).left(KNOWN) == UNKNOWN_LEFT
    assert Outlook(log((0.0, 30.0)), 5, False, 0.0).left(KNOWN) == 3
