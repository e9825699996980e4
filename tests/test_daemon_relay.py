"""Signals of a client, on their way to the process that works for it."""

from __future__ import annotations

import signal
import subprocess
import sys

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
