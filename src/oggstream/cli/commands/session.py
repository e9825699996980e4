"""One client's command, in a process of the daemon's; and the program that such a process is where it is no fork."""

from __future__ import annotations

import os
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
    """What starts such a process."""
    return [sys.executable, "-P", "-m", __name__]


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


def main() -> int:
    """Be such a process, until its client's command has ended."""
    from ...daemon.processes import inherited_line
    from ...daemon.worker import hold_signals, serve_one

    hold_signals()
    engine, *words = sys.argv[1:]
    line = inherited_line(words)
    load()
    from ..main import run

    return serve_one(line, lambda argv: session(argv, run), engine)


if __name__ == "__main__":
    STATUS = 1
    try:
        STATUS = main()
    finally:
        os._exit(STATUS)  # threads may still wait for a device or a name server
