"""One client's command, in a process of the daemon's."""

from __future__ import annotations

import sys
from collections.abc import Callable

from ..terminal.interrupts import INTERRUPTED, Interrupts

COMMANDS = ("cli.commands.say", "cli.commands.typed", "cli.commands.chat", "cli.terminal.live", "cli.terminal.stdin")
"""What these load sooner or later, beside what speaks."""

Run = Callable[[list[str], Interrupts], int]
"""Runs a command line to its exit status."""


def load() -> None:
    """Have everything ready before a client comes."""
    from ...daemon import warmth

    warmth.load(tuple(f"oggstream.{name}" for name in COMMANDS))


def program() -> list[str]:
    """What starts such a process where it is no fork."""
    return [sys.executable, "-P", "-m", "oggstream.cli.daemon_process"]


def session(argv: list[str], run: Run) -> int:
    """Run the command; return its exit status."""
    from ...daemon.worker import answer_signals

    with Interrupts() as interrupts:
        interrupts.held = True
        try:
            answer_signals()
            return run(argv, interrupts)
        except BaseException:
            if not interrupts.happened:
                raise
            return INTERRUPTED
