"""``python -m oggstream``: see `oggstream.cli`."""

from __future__ import annotations

import sys

from .cli.interrupts import INTERRUPTED, Interrupts


def main(argv: list[str] | None = None) -> int:
    """Run the command that ``argv`` (or the process's arguments) names; return the exit status."""
    try:
        with Interrupts() as interrupts:
            # Here and not above, so that Ctrl-C is answered during these imports too.
            from .cli.main import run

            return run(sys.argv[1:] if argv is None else argv, interrupts)
    except KeyboardInterrupt:
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
