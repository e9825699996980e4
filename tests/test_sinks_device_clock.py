from __future__ import annotations

import pytest

from oggstream.sinks.device_clock import DacClock, Heartbeat


class Clocks:
    """A `DacClock` whose "now" a test sets; PortAudio's own clock is 1000 s ahead."""

    def __init__(self) -> None:
        self.now = 0.0
        self.dac = DacClock(lambda: self.now)
        self.dac.latency = 0.05

    def at(self, now: float, *, lead: float = 0.02, late: float = 0.0, ahead: float = 1000.0) -> float:
        """The time of a block that PortAudio asked for at ``now``; the callback got to run ``late`` seconds after."""
        self.now = now + late
        return self.dac.at(now + ahead + lead, now + ahead)


def test_a_block_is_heard_when_its_lead_has_passed() -> None:
    assert Clocks().at(5.0) == pytest.approx(5.02)


def test_a_callback_that_was_held_up_does_not_move_the_sound() -> None:
    clocks = Clocks()
    clocks.at(5.0)
    assert clocks.at(5.01, late=0.015) == pytest.approx(5.03, abs=1e-5)


def test_a_first_callback_that_was_held_up_is_corrected_by_the_next() -> None:
    clocks = Clocks()
    assert clocks.at(5.0, late=0.005) == pytest.approx(5.025)
    assert clocks.at(5.01) == pytest.approx(5.03)


def test_clocks_that_drift_apart_are_followed() -> None:
    clocks = Clocks()
    clocks.at(0.0)
    for block in range(1, 10_001):
        at = clocks.at(block * 0.005, ahead=1000 - block * 0.005 * 100e-6)
    assert at == pytest.approx(50.02, abs=1e-4)


@pytest.mark.parametrize("step", [-3600.0, 3600.0])
def test_a_clock_that_is_set_is_followed_at_once(step: float) -> None:
    clocks = Clocks()
    clocks.at(5.0)
    assert clocks.at(5.01, ahead=1000 + step) == pytest.approx(5.03)


@pytest.mark.parametrize("lead", [0.0, -0.01, -2000.0])
def test_a_device_that_does_not_tell_is_taken_at_its_latency(lead: float) -> None:
    assert Clocks().at(5.0, lead=lead) == pytest.approx(5.05)


def test_a_heart_that_beats_is_alive() -> None:
    heart = Heartbeat()
    assert all(heart.alive(look // 20, look * 0.01) for look in range(1000))


def test_a_heart_that_stopped_for_a_second_is_not() -> None:
    heart = Heartbeat()
    looks = [heart.alive(7, look * 0.1) for look in range(15)]
    assert looks == [True] * 10 + [False] * 5


def test_a_watcher_that_was_held_up_does_not_judge() -> None:
    heart = Heartbeat()
    heart.alive(7, 0.0)
    assert heart.alive(7, 5.0)
    assert heart.alive(7, 5.1)
