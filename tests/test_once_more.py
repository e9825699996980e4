"""Tests of how tests in real time are run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once
CONFTEST = """
from once_more import pytest_report_teststatus, pytest_runtest_protocol, pytest_terminal_summary
"""
TESTS = """
import pytest

runs = {}

@pytest.fixture
def count(request):
    runs[request.node.name] = runs.get(request.node.name, 0) + 1
    return runs[request.node.name]

@pytest.mark.realtime
def test_late_once(count):
    assert count == 2, "it came late"

@pytest.mark.realtime
def test_late_always(count):
    assert count == 3, "it comes late"

@pytest.mark.realtime
def test_in_time(count):
    assert count == 1

def test_of_another_kind(count):
    assert count == 2, "it is wrong"
"""


def outcome(folder: Path, *options: str) -> str:
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n    realtime: in real time\n")
    here = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", *options]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | {"PYTHONPATH": here}, capture_output=True, text=True, check=False
    )
    return done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "1")])
def test_one_in_real_time_that_fails_runs_once_more_and_is_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    text = outcome(tmp_path, *options)
    assert "2 failed, 2 passed, " in text
    assert "2 rerun in " in text
    assert "test_it.py::test_late_once (call): " in text
    assert "it came late" in text
    assert "FAILED test_it.py::test_late_always" in text
    assert "FAILED test_it.py::test_of_another_kind" in text


def test_with_none_that_fails_nothing_is_said(tmp_path: Path) -> None:
    text = outcome(tmp_path, "-k", "in_time")
    assert "1 passed" in text
    assert "once more" not in text
