"""Signals of a client, on their way to the process that works for it."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time

import pytest

from oggstream.daemon.relay import STUBBORN, Relay
from patience import PATIENCE


def process(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)


def test_one_that_has_ended_gets_none() -> None:
    ended = process("")
    ended.communicate()
    with Relay(ended.pid) as relay:
        for _ in range(STUBBORN):
            signal.raise_signal(signal.SIGINT)
    assert relay.interrupts == STUBBORN


def test_one_that_does_not_end_is_killed_at_the_third() -> None:
    stubborn = process(
        "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print(flush=True); time.sleep(99)"
    )
    assert stubborn.stdout is not None
    stubborn.stdout.readline()
    with Relay(stubborn.pid):
        for _ in range(STUBBORN):
            signal.raise_signal(signal.SIGINT)
    stubborn.communicate(timeout=PATIENCE)
    assert stubborn.returncode == -signal.SIGKILL


def test_before_and_after_it_signals_are_answered_as_they_were() -> None:
    before = signal.getsignal(signal.SIGINT)
    with process("") as worker, Relay(worker.pid):
        assert signal.getsignal(signal.SIGINT) != before
    assert signal.getsignal(signal.SIGINT) == before


CLIENT = """
import sys, time
from oggstream.daemon.relay import Relay
with Relay(int(sys.argv[1])):
    print(flush=True)
    time.sleep(99)
"""


def state(pid: int) -> str:
    """What the process does: T, it is stopped."""
    return subprocess.check_output(["ps", "-o", "state=", "-p", str(pid)], text=True).strip()[:1]


def until(*processes: subprocess.Popen[bytes], stopped: bool) -> None:
    end = time.monotonic() + PATIENCE
    while any((state(each.pid) == "T") != stopped for each in processes):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.skipif(shutil.which("ps") is None, reason="ps tells what a process does")
def test_ctrl_z_stops_both_and_they_go_on_together() -> None:
    worker = process("import time; time.sleep(99)")
    command = [sys.executable, "-c", CLIENT, str(worker.pid)]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, process_group=0)  # as a shell starts its jobs
    try:
        assert client.stdout is not None
        client.stdout.readline()
        for _ in range(2):
            client.send_signal(signal.SIGTSTP)
            until(client, worker, stopped=True)
            client.send_signal(signal.SIGCONT)
            until(client, worker, stopped=False)
    finally:
        for each in (client, worker):
            each.kill()
            each.communicate()
