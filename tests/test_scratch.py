"""The folder of a test run for temporary files."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import scratch


@pytest.fixture
def system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands in for the system's folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PYTEST_DEBUG_TEMPROOT", "")
    return tmp_path


def test_what_is_left_in_it_goes_with_the_run(system: Path) -> None:
    folder = scratch.begin()
    Path(tempfile.mkdtemp(), "left").write_bytes(b"")
    subprocess.run([sys.executable, "-c", "import tempfile; tempfile.mkstemp()"], check=True)
    assert len(list(folder.iterdir())) == 2
    scratch.end(folder)
    assert list(system.iterdir()) == []


def test_what_a_killed_run_left_goes_with_the_next_one_and_what_another_one_has_stays(system: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for name in (str(ended.pid), str(os.getppid()), "odd"):
        (system / f"{scratch.PREFIX}{name}").mkdir()
    own = scratch.begin()
    assert {path.name for path in system.iterdir()} == {own.name, f"{scratch.PREFIX}{os.getppid()}"}
