"""When this process began, or the one that it works for."""

from __future__ import annotations

import os
import time

pid: int | None = None
"""The process that is meant; None: this one. A daemon's worker sets it to its client."""


def age() -> float | None:
    """Seconds since that process was started, to 10 ms; None where the system does not tell (all but Linux)."""
    try:
        with open(f"/proc/{pid or 'self'}/stat", encoding="ascii", errors="replace") as file:
            stat = file.read()
        # Field 22, counted from behind the command's closing bracket, which may itself hold anything: proc(5).
        ticks = int(stat.rpartition(")")[2].split()[19])
        return time.clock_gettime(time.CLOCK_BOOTTIME) - ticks / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return None
