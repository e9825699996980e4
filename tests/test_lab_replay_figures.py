"""Figures over replays."""

from __future__ import annotations

from typing import Any

import pytest

from oggstream.lab.clairvoyant import Clairvoyant
from oggstream.lab.replay_figures import Stall, percentile, regret, spread, start_delay, summary


def report(capture: str = "a", *, start: float | None = 1.5, stalls: int = 0, silence: float = 0.0) -> dict[str, Any]:
    """A report as `replay` makes it, as far as the figures look at it."""
    made: dict[str, Any] = {
        "capture": capture,
        "completed": start is not None,
        "timing": {
            "request_sent": 0.25,
            "first_packet": 1.0,
            "start": start,
            "first_sample": None if start is None else start + 0.03,
            "first_audible": None,
        },
        "playout": {
            "stalls": stalls,
            "stall_seconds": silence,
            "concealed_seconds": 0.06,
            "stretched_seconds": 0.2,
            "clairvoyant_start": 0.4,
        },
    }
    made["playout"]["regret"] = regret(made, Clairvoyant(1.0, 0.4, 0.1))
    return made


def test_the_start_delay_counts_from_the_first_packet() -> None:
    assert start_delay(report(start=1.5)) == 0.5
    assert start_delay(report(start=None)) is None


def test_regret_weighs_start_silence_stalls_and_concealment() -> None:
    assert report(start=1.5)["playout"]["regret"] == pytest.approx(0.5 + 0.06 - 0.4)
    assert report(start=1.5, stalls=2, silence=0.3)["playout"]["regret"] == pytest.approx(0.5 + 3 + 2 + 0.06 - 0.4)
    assert report(start=1.0)["playout"]["regret"] == pytest.approx(0.06 - 0.4)  # stretching beats the unstretched best
    assert report(start=None)["playout"]["regret"] is None
    assert regret(report(), None) is None


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, share) for share in (0, 1, 50, 95, 99, 100)] == [1, 1, 50, 95, 99, 100]
    assert percentile([7.0], 99) == 7.0
    assert percentile([], 50) is None
    assert spread([3.0, None, 1.0, 2.0]) == {"p50": 2.0, "p95": 3.0, "p99": 3.0}
    assert spread([None]) == {"p50": None, "p95": None, "p99": None}


def test_the_summary_tells_of_all_and_of_each_capture() -> None:
    reports = [report("a"), report("b", stalls=2, silence=0.3), report("a", start=None)]
    found = summary(reports, [[], [Stall(2.0, 0.1), Stall(3.0, 0.2)], []])
    assert found["replays"] == 3
    assert found["failed"] == 1
    assert found["start_delay"] == {"p50": 0.5, "p95": 0.5, "p99": 0.5}
    assert found["first_sample"]["p50"] == pytest.approx(1.28)
    assert found["first_audible"]["p50"] is None
    assert (found["stalls"], found["stall_seconds"]) == (2, 0.3)
    assert (found["stalls_over_60_ms"], found["stalls_over_150_ms"]) == (2, 1)
    assert found["without_stall"] == pytest.approx(2 / 3, abs=1e-6)
    assert found["concealed_seconds"] == pytest.approx(0.18)
    assert found["stretched_seconds"] == pytest.approx(0.6)
    assert found["regret"]["mean"] == pytest.approx((0.16 + 5.16) / 2)
    assert [(entry["capture"], entry["replays"], entry["stalls"]) for entry in found["by_capture"]] == [
        ("a", 2, 0),
        ("b", 1, 2),
    ]


def test_without_any_start_there_are_no_figures_of_it() -> None:
    found = summary([report(start=None)], [[]])
    assert found["regret"] == {"mean": None, "p50": None, "p95": None, "p99": None}
