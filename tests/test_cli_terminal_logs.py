"""Tests of ``--log-level``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from oggstream.cli.terminal.console import Console
from oggstream.cli.terminal.logs import logging_to

if TYPE_CHECKING:
    import pytest

ours, theirs = logging.getLogger("oggstream"), logging.getLogger("some.library")


def test_warnings_and_errors_are_shown_and_the_rest_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to(Console(), None):
        ours.warning("one %s", "more")
        ours.info("two")
        theirs.error("three")
    assert capsys.readouterr().err.splitlines() == [
        "oggstream: warning: one more",
        "oggstream: error: some.library: three",
    ]


def test_debug_shows_all_with_tracebacks(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to(Console(), "debug"):
        theirs.debug("one")
        ours.error("two", exc_info=ValueError("Bearer abcdefghijklmnop"))
    shown = capsys.readouterr().err
    assert "oggstream: debug: some.library: one\n" in shown
    assert "ValueError" in shown
    assert "abcdefghijklmnop" not in shown


def test_quiet_leaves_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_to(Console(quiet=True), "debug"):
        ours.debug("one")
        ours.warning("two")
        ours.error("three")
    assert capsys.readouterr().err == "oggstream: error: three\n"


def test_a_record_that_cannot_be_shown_ends_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging, "raiseExceptions", False)
    with logging_to(Console(), None):
        ours.warning("%d", "no number")
    assert capsys.readouterr().err == ""


def test_everything_is_put_back() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    with logging_to(Console(), "error"):
        assert root.level == logging.ERROR
    assert (root.level, list(root.handlers)) == before
