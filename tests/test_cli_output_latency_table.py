"""The table that `replay` shows."""

from __future__ import annotations

from oggstream.cli.output.latency_table import table
from oggstream.lab.replay_figures import summary
from test_lab_replay_figures import report


def test_names_are_cut_where_the_terminal_is_narrow() -> None:
    figures = summary([report("a/" + "long name " * 9), report("b", start=None)], [[], []])
    wide = list(table(figures))
    assert len(wide) == 5
    assert "long name long name" in wide[1]
    narrow = list(table(figures, 80))
    assert all(len(line) < 80 for line in narrow)
    assert "..." in narrow[1]


def test_what_is_not_known_is_a_dash() -> None:
    line = list(table(summary([report(start=None)], [[]])))[1]
    assert line.split()[:2] == ["a", "-"]


def test_one_capture_needs_no_line_over_all() -> None:
    assert len(list(table(summary([report(), report()], [[], []])))) == 3
