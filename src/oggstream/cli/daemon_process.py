"""The program that a process of the daemon's is where it is no fork: it waits for a client, and runs its command."""

from __future__ import annotations

import os
import sys


def main() -> int:
    """Be such a process, until its client's command has ended."""
    from ..daemon.processes import inherited_line
    from ..daemon.worker import hold_signals, serve_one
    from .commands.session import load, session

    hold_signals()
    engine, *words = sys.argv[1:]
    line = inherited_line(words)
    load()
    from .main import run

    return serve_one(line, lambda argv: session(argv, run), engine)


if __name__ == "__main__":
    STATUS = 1
    try:
        STATUS = main()
    finally:
        os._exit(STATUS)  # threads may still wait for a device or a name server
