"""The judge of the playout policy: its cases and its command line. The figures themselves are not tested."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from oggstream.playout import log, policy
from tools.fitting import __main__ as fit, cases, constants
from tools.fitting.judge import judge
from tools.simulation.synthesis import Server, steady


def test_pages_of_a_second_leave_one_late_and_the_last_two_together() -> None:
    assert cases.pages(steady(2.0, 3.5, first=1.0)) == [(2.0, 1.0), (2.5, 1.0), (2.75, 1.0), (2.75, 0.5)]
    assert cases.pages(steady(2.0, 0.5, first=1.0)) == [(1.25, 0.5)]
    assert cases.packets(steady(2.0, 0.04, first=1.0)) == [(1.01, 0.02), (1.02, 0.02)]


def test_no_seed_is_used_for_fitting_and_for_judging() -> None:
    assert fit.JUDGING - fit.FITTING > 1000


def test_each_family_and_layout_has_its_row() -> None:
    table = judge(cases.services(range(1), 11, families=["sentences"]), ["at once"])
    assert list(table.rows) == [("sentences", "packets"), ("sentences", "pages")]
    assert list(table.mean) == ["at once"]


def test_a_constant_is_changed_for_a_while() -> None:
    before = policy.CARE
    with constants.changed("CARE", 9.0):
        assert before != policy.CARE == 9.0
    assert before == policy.CARE
    with pytest.raises(KeyError), constants.changed("NONE", 1.0):
        pass


def test_the_search_finds_what_is_worth_changing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "TRIED", {"CARE": (policy, (0.1, 0.4)), "EASY": (log, (0.7, 0.9))})
    told: list[str] = []
    assert constants.search(lambda: 100 * policy.CARE + log.EASY / 10, told.append) == {"CARE": 0.1}
    assert len(told) == 3


def test_the_table_has_every_rule(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "network.down").write_text("\n".join(map(str, range(1, 2000, 10))))
    (tmp_path / "README.md").write_text("no network")
    arguments = ["--seeds", "1", "--utterances", "11", "--family", "sentences", "--set", "SOON=1"]
    assert fit.main([*arguments, "--traces", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.count("sentences, pages") == 2
    assert "network.down" in said
    assert all(name in said for name in ("learnt", "cold", "at once", "ExoPlayer", "NetEq"))


def test_fitting_says_what_it_found(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "TRIED", {"CARE": (policy, (policy.CARE,))})
    assert fit.main(["--fit", "--seeds", "1", "--utterances", "11", "--family", "sentences"]) == 0
    assert "worth changing: nothing" in capsys.readouterr().out


def test_a_network_delays_and_keeps_the_order() -> None:
    from oggstream.lab.network import Rates

    arrivals = cases.packets(Server("fast", 1).utterance(0, 5.0).progress)
    late = cases.behind(arrivals, Rates([(0.0, 0.2), (1.0, 0.2)]), 0.0)
    assert all(before <= after for (before, _), (after, _) in itertools.pairwise(late))
    assert sum(seconds for _, seconds in late) == pytest.approx(5.0)
    assert late[-1][0] >= arrivals[-1][0]
