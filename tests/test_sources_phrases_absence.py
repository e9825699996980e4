"""A server that speech can do without is asked again after a while, and what is told of it is told once."""

from __future__ import annotations

import logging

import pytest

from oggstream.sources.http.redaction import Secrets
from oggstream.sources.phrases import absence
from oggstream.sources.phrases.absence import Absence

KEY = "hunter2-and-more"


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(absence, "time", clock)
    return clock


@pytest.fixture
def away(clock: Clock, caplog: pytest.LogCaptureFixture) -> Absence:
    caplog.set_level(logging.INFO)
    return Absence("the cache", Secrets([KEY]), logging.getLogger("a"))


def test_it_is_left_alone_for_twice_as_long_each_time_until_it_answers(away: Absence, clock: Clock) -> None:
    pauses = []
    for _ in range(6):
        begun = clock.now
        away.begins(ConnectionError())
        while away.lasts:
            clock.now += 1
        pauses.append(clock.now - begun)
    assert pauses == [5, 10, 20, 40, 60, 60]
    away.ends()
    away.begins(ConnectionError())
    clock.now += 5
    assert not away.lasts


def test_many_that_fail_at_once_are_one_absence(away: Absence, clock: Clock) -> None:
    for _ in range(100):
        away.begins(ConnectionError())
    clock.now += 5
    assert not away.lasts


def test_it_is_told_once_that_it_is_away_and_once_that_it_is_back(
    away: Absence, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        away.begins(ConnectionError(f"no way with {KEY}"))
        clock.now += 100
    away.ends()
    away.ends()
    assert caplog.messages == [
        "the cache is away: speech goes on without it (ConnectionError: no way with ***)",
        "the cache is back",
    ]


def test_each_kind_of_refusal_is_told_once_and_it_is_asked_on(away: Absence, caplog: pytest.LogCaptureFixture) -> None:
    for reason in ("OOM command not allowed", "OOM again", "NOPERM this user", "OOM"):
        away.refused(ValueError(reason))
    assert [message.partition("(")[2] for message in caplog.messages] == [
        "ValueError: OOM command not allowed)",
        "ValueError: NOPERM this user)",
    ]
    assert not away.lasts
