"""tools/scale: what many nodes behind HAProxy do when there are many askers, and when one dies or leaves."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools.benchmarks.row import SKIPPED, Outcome, Run, take
from tools.scaling import checks
from tools.scaling.main import allow_files
from tools.scaling.site import configuration

TINY = 0.02
pytestmark = [pytest.mark.once, pytest.mark.realtime]


@pytest.fixture(autouse=True)
def _there_are_the_programs() -> None:
    for program in checks.PROGRAMS:
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program}: on Debian, apt-get install {program}")
    pytest.importorskip("redis", reason="the client of Redis is not installed (the extra redis)")
    allow_files()


def measured(name: str, folder: Path) -> Outcome:
    row = next(row for row in checks.ROWS if row.name == name)
    return row.measure(Run(TINY, folder))


def test_many_askers_of_one_new_phrase_are_one_synthesis_over_all_nodes(tmp_path: Path) -> None:
    figures = measured("askers", tmp_path).figures
    assert (figures["synthesised"], figures["failed"], figures["nodes"]) == (1, 0, 3)


def test_a_killed_node_costs_its_own_streams_only(tmp_path: Path) -> None:
    figures = measured("kill", tmp_path).figures
    assert figures["its"] > 0
    assert (figures["lost"], figures["cut"], figures["late"]) == (figures["its"], 0, 0)
    assert figures["followers"] > 0
    assert figures["made"] == 2


def test_a_drained_node_cuts_nothing_and_ends_with_status_0(tmp_path: Path) -> None:
    figures = measured("drain", tmp_path).figures
    assert figures["speaking"] > 0
    assert (figures["cut"], figures["status"]) == (0, 0)


def test_the_configuration_is_that_of_the_documentation_for_these_ports() -> None:
    text = configuration(8000, [8001, 8002, 8003])
    assert "bind 127.0.0.1:8000\n" in text
    assert [f"127.0.0.1:{port}" in text for port in (8001, 8002, 8003)] == [True] * 3
    assert "10.0.0" not in text


def test_without_haproxy_a_check_is_skipped_and_says_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = take(checks.ROWS[0], Run(TINY, tmp_path))
    assert result.verdict == SKIPPED
    assert "sudo apt-get install haproxy redis-server" in result.measured
