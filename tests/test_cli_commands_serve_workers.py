"""``serve --workers``: one port, several processes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli_run import interrupt, run
from patience import PATIENCE
from test_cli_commands_serve import ask, serving

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="workers share a port only on Linux and macOS")


def workers_of(process: subprocess.Popen[bytes]) -> list[int]:
    """The processes that it has begun, while they are there."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(number) for number in children.read_text().split()]


def until_there_are(process: subprocess.Popen[bytes], count: int, without: int = 0) -> list[int]:
    deadline = time.monotonic() + PATIENCE
    while len(found := [number for number in workers_of(process) if number != without]) != count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with serving("--workers", "2") as (process, told):
        yield process, told["base_url"]


def test_all_answer_at_one_address(served: tuple[subprocess.Popen[bytes], str]) -> None:
    process, url = served
    until_there_are(process, 2)
    for _ in range(3):
        assert ask(url).startswith(b"OggS")


def test_rooms_and_workers_are_not_to_be_had_together() -> None:
    result = run("serve", "--workers", "2", "--rooms", "3", "--port", "0")
    assert (result.status, result.err) == (
        1,
        "oggstream: error: a room is in one process: leave out --workers or --rooms\n",
    )


def test_they_have_no_rooms_whose_listeners_would_come_to_another_of_them(
    served: tuple[subprocess.Popen[bytes], str],
) -> None:
    _, url = served
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"{url}/live/hall?open", timeout=PATIENCE)


def test_one_that_is_killed_is_replaced_and_the_port_stays(served: tuple[subprocess.Popen[bytes], str]) -> None:
    process, url = served
    killed = until_there_are(process, 2)[0]
    os.kill(killed, signal.SIGKILL)
    until_there_are(process, 2, without=killed)
    for _ in range(3):
        assert ask(url).startswith(b"OggS")


def test_each_of_them_tells_the_figures_of_all_also_of_one_that_has_ended() -> None:
    with serving("--workers", "2", "--metrics") as (process, told):
        first, second = until_there_are(process, 2)
        answers = [ask(told["base_url"]) for _ in range(4)]
        os.kill(first, signal.SIGKILL)
        until_there_are(process, 2, without=first)
        with urllib.request.urlopen(told["base_url"].replace("/v1", "/metrics"), timeout=PATIENCE) as response:
            lines = response.read().decode().splitlines()
        assert second in workers_of(process)
    assert len(answers) == 4
    assert 'oggstream_requests_total{path="/v1/audio/speech",status="200"} 4.0' in lines
    assert 'oggstream_speeches{state="running"} 0.0' in lines


def test_with_it_they_all_end() -> None:
    with serving("--workers", "2") as (process, told):
        workers = until_there_are(process, 2)
        ask(told["base_url"])
        result = interrupt(process, signal.SIGTERM)
    assert result.status == 0
    assert re.match(r"oggstream: listening at http://127.0.0.1:\d+/v1 with 2 workers", result.err)
    for number in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)


def test_workers_that_cannot_work_are_an_error_and_not_begun_again_and_again() -> None:
    result = run("serve", "--port", "0", "--workers", "2", "--voice-names", "/nowhere.toml")
    assert result.status == 1
    assert "cannot read the names of voices" in result.err


def test_other_machines_are_not_let_in_without_a_key_by_workers_either() -> None:
    result = run("serve", "--host", "0.0.0.0", "--port", "0", "--workers", "2")
    assert result.status == 1
    assert "without a key" in result.err
