"""``python -m oggstream``: see `oggstream.cli`."""

from __future__ import annotations

import os
import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command that ``argv`` (None: the process's arguments) names; return the exit status.

    Where the arguments are the process's, being interrupted ends the process at once.
    """
    try:
        # Before anything else is loaded: where a daemon runs, nothing else is.
        from .daemon.client import hand_over

        status = hand_over(sys.argv[1:]) if argv is None else None
        if status is not None:
            return status
        from .cli.terminal.interrupts import INTERRUPTED, Interrupts
    except KeyboardInterrupt:
        return 130
    status = INTERRUPTED
    with Interrupts() as interrupts:
        interrupts.held = True  # until a command has been loaded
        try:
            # Here and not above, so that Ctrl-C is answered during these imports too.
            from .cli.main import run

            status = run(sys.argv[1:] if argv is None else argv, interrupts)
        except BaseException:
            # An import that is interrupted may turn KeyboardInterrupt into another exception (`__set_name__` does).
            if not interrupts.happened:
                raise
        if argv is None and interrupts.happened:
            # Not sys.exit: after KeyboardInterrupt in an `exec`, as dataclasses have it, Python would die of SIGINT
            # instead. Threads that still wait for a device or a name server are left behind, too.
            os._exit(status)
    return status


if __name__ == "__main__":
    sys.exit(main())
