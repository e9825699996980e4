"""The daemon's processes where they are programs of their own, not forks."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import cli_run
from daemons import AT_A_PORT, SPAWNED, Daemon, running

FIXTURE = Path(__file__).parent / "fixtures" / "stereo.opus"  # 1.9 s
PLAY = ("play", str(FIXTURE), "--sink", "null")


@pytest.fixture(params=[SPAWNED, f"{SPAWNED}; {AT_A_PORT}"], ids=["socket", "port"])
def daemon(request: pytest.FixtureRequest) -> Iterator[Daemon]:
    with tempfile.TemporaryDirectory(prefix="ogg") as path, running(Path(path), way=request.param) as daemon:
        daemon.wait_for_spare()
        yield daemon


def test_it_speaks_as_a_fork_does_and_has_no_variable_of_the_daemons_caller(daemon: Daemon) -> None:
    (ahead,) = daemon.workers()
    environment = Path(f"/proc/{ahead}/environ").read_bytes()
    assert b"PYTEST_CURRENT_TEST" not in environment
    assert b"OPENBLAS_NUM_THREADS=1" in environment
    result = daemon.run("play", "-", "--sink", "null", "--json", given=FIXTURE.read_bytes())
    assert (result.status, result.err, result.report["completed"]) == (0, "", True)
    assert daemon.status["served"] == 1


def test_it_is_silenced_and_the_next_one_is_begun(daemon: Daemon) -> None:
    with tempfile.NamedTemporaryFile(suffix=".opus") as file:
        file.write(FIXTURE.read_bytes() * 32)
        file.flush()
        client = daemon.client("play", file.name, "--sink", "null")
        daemon.wait_for(clients=1)
        assert daemon.run("stop").err == "oggstream: stopped 1 speech\n"
        assert cli_run.finish(client).status == 130
    assert daemon.run(*PLAY).err == ""


def test_it_ends_with_the_daemon(daemon: Daemon) -> None:
    (ahead,) = daemon.workers()
    assert daemon.run("daemon", "--stop").err == "oggstream: the daemon has ended\n"
    assert daemon.process is not None
    assert cli_run.finish(daemon.process).status == 0
    assert not Path(f"/proc/{ahead}").exists()
