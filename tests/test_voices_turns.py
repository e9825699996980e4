"""Speeches without any sound yet go first."""

from __future__ import annotations

from threading import Event, Thread

import pytest

from oggstream.voices import turns
from oggstream.voices.turns import Turns


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 10)


def test_alone_nobody_waits() -> None:
    line = Turns()
    line.enter()
    line.start()
    line.give_way()


def test_one_that_has_started_waits_for_one_that_has_not() -> None:
    line, through = Turns(), Event()
    line.enter()
    line.enter()
    line.start()

    def follow() -> None:
        line.give_way()
        through.set()

    thread = Thread(target=follow)
    thread.start()
    assert not through.wait(0.05)
    line.start()
    assert through.wait(5)
    thread.join()


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.001)
    line = Turns()
    line.enter()
    line.give_way()
