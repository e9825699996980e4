"""Tests in real time: which ones they are, and that they run once more where they fail.

A test is marked ``realtime`` if it needs a device that plays in real time, or another clock than the test's own: on a
busy machine it may fail through no fault of the code. `tools/test` runs these after the others, one at a time. One that
fails runs a second time, and the summary names it; failing twice is a failure.
"""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.runner import runtestprotocol

FIXTURES = {"sound_server"}
"""Whoever uses one of these is in real time."""
RERUN = "rerun"
PURE = ("audio", "body", "codec", "damage", "ogg", "opus", "playout", "sniff", "text", "vectors")
"""Files of tests (``test_audio_...``) of what knows no clock, socket, thread or device: no Python changes it."""
BESIDE = ("examples", "field", "fuzz", "growth", "lab", "readme", "tools", "voice")
"""The same of what stands beside the package or needs it whole, and is tried once."""


def mark(items: list[pytest.Item]) -> None:
    """Mark the tests that use a fixture of real time.

    Of those in real time only the ones with the callback in Python differ between its versions: the others run once, as
    those of the pure layers do. Of a family, which differs by its parameters, the oldest Python gets the first member.
    """
    firsts: dict[str, str] = {}
    for item in items:
        family = item.nodeid.partition("[")[0]
        firsts[family] = min(item.nodeid, firsts.get(family, item.nodeid))
    chosen = set(firsts.values())
    for item in items:
        if isinstance(item, pytest.Function) and FIXTURES & set(item.fixturenames):
            item.add_marker("realtime")
        if _once(item, first=item.nodeid in chosen):
            item.add_marker("once")


def _once(item: pytest.Item, *, first: bool) -> bool:
    """Whether the newest Python alone gets it; ``first`` of its family."""
    if item.path.stem.removeprefix("test_").partition("_")[0] in PURE + BESIDE:
        return True
    if item.get_closest_marker("realtime") is not None:
        return "[python" not in item.name
    return not first


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test in real time, and where it fails once more."""
    if item.get_closest_marker("realtime") is None or not isinstance(item, pytest.Function):
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    if any(report.failed for report in reports):
        for report in reports:
            if report.failed:
                report.outcome = RERUN  # type: ignore[assignment]
                item.ihook.pytest_runtest_logreport(report=report)
        item._initrequest()  # fixtures are made anew, as pytest-rerunfailures does it
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    return True


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """What a run that failed, and is repeated, is called."""
    return (RERUN, "R", ("RERUN", {"yellow": True})) if report.outcome == RERUN else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Name the tests that ran once more."""
    reports = terminalreporter.stats.get(RERUN, [])
    if reports:
        terminalreporter.section("failed in real time, and ran once more", yellow=True)
        for report in reports:
            crash = getattr(report.longrepr, "reprcrash", None)
            lines = (crash.message if crash else report.longreprtext).strip().splitlines() or [""]
            terminalreporter.write_line(f"{report.nodeid} ({report.when}): {lines[0]}")
