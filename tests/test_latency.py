"""How soon captured speech is heard, and how often it stalls: a budget for each capture, in virtual time.

The captures are made by tools/make_captures.py. Each is replayed with an empty history, and again with the history of
four replays. Times are those of a simulated device: 30 ms lie between the start and the first sample.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from oggstream.lab.replaying import Run
from oggstream.options import PlaybackOptions
from oggstream.sources.captures.capture import load
from replays import replayed

CAPTURES = Path(__file__).parent / "fixtures" / "captures"
ROUNDS = 5


class Budget(NamedTuple):
    """The most that a capture may take, seconds: from its first packet to the first sample cold and once learnt, and
    stalls and their silence cold. Once learnt there are none.
    """

    cold: float
    learnt: float
    stalls: int = 0
    silence: float = 0.0


AT_ONCE = 0.031  # the device's own 30 ms
BUDGETS = {
    "a_fast": Budget(AT_ONCE, AT_ONCE),
    "a_rate_0.8": Budget(AT_ONCE, 0.5, 4, 0.45),
    "b_fast": Budget(AT_ONCE, AT_ONCE),
    "b_jitter": Budget(AT_ONCE, AT_ONCE),
    "b_rate_0.9": Budget(AT_ONCE, AT_ONCE, 1, 0.06),
    "b_rate_1.3": Budget(AT_ONCE, AT_ONCE),
    "both_opus": Budget(AT_ONCE, AT_ONCE),
    "both_pcm": Budget(0.051, 0.051),
    "local_20ms": Budget(AT_ONCE, AT_ONCE),
    "sentences": Budget(AT_ONCE, AT_ONCE),
}


@pytest.fixture(scope="module", params=BUDGETS)
def replays(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Budget, list[Run]]:
    """A capture's budget, and all its rounds."""
    options = PlaybackOptions(history=tmp_path_factory.mktemp("history") / "history.json")
    capture = load(CAPTURES / request.param)
    return BUDGETS[request.param], [replayed(capture, options) for _ in range(ROUNDS)]


def heard_after(run: Run) -> float:
    """Seconds from the first packet to the first sample."""
    timing: dict[str, Any] = run.report["timing"]
    delay: float = timing["first_sample"] - timing["first_packet"]
    return delay


def test_every_capture_has_a_budget() -> None:
    assert {path.name.removesuffix(".arrivals.jsonl") for path in CAPTURES.glob("*.jsonl")} == set(BUDGETS)


def test_the_first_sample_comes_in_time(replays: tuple[Budget, list[Run]]) -> None:
    budget, (cold, *_, learnt) = replays
    assert heard_after(cold) <= budget.cold
    assert heard_after(learnt) <= budget.learnt


def test_it_stalls_no_more_than_it_may(replays: tuple[Budget, list[Run]]) -> None:
    budget, (cold, *_, learnt) = replays
    assert cold.error is learnt.error is None
    assert cold.report["playout"]["stalls"] <= budget.stalls
    assert cold.report["playout"]["stall_seconds"] <= budget.silence
    assert learnt.report["playout"]["stalls"] == 0


def test_all_of_it_is_heard(replays: tuple[Budget, list[Run]]) -> None:
    for run in replays[1]:
        assert run.report["audio"]["seconds"] == pytest.approx(max(point.end for point in run.arrived), abs=0.001)


def test_both_formats_say_the_same() -> None:
    options = PlaybackOptions(history=None)
    opus, pcm = (replayed(load(CAPTURES / name), options).report for name in ("both_opus", "both_pcm"))
    assert opus["audio"]["seconds"] == pytest.approx(pcm["audio"]["seconds"], abs=0.001)
    assert pcm["timing"]["first_sample"] < opus["timing"]["first_sample"]
