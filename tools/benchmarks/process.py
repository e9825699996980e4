"""Starts programs and measures them from outside."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

US = [sys.executable, "-P", "-m", "oggstream"]  # as tools/run starts it


class Usage(NamedTuple):
    """The CPU time (user and system) and the elapsed time of a process, from start to end."""

    cpu: float
    wall: float
    began: float


def measure(command: list[str], environment: Mapping[str, str] | None = None, *, may_fail: bool = False) -> Usage:
    """Run a program to its end. Raises RuntimeError when it fails, unless it may."""
    quiet = (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)
    unheard = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
    began = time.monotonic()
    actions = [quiet, unheard] if may_fail else [quiet]
    child = os.posix_spawnp(command[0], command, {**os.environ, **(environment or {})}, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    if status and not may_fail:
        raise RuntimeError(f"{os.path.basename(command[0])} failed: {' '.join(command[1:])}")  # noqa: PTH119
    return Usage(usage.ru_utime + usage.ru_stime, time.monotonic() - began, began)


def resident_bytes() -> int:
    """Return how much memory of this process is in RAM. Linux only."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  # less to allocate
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def private_bytes() -> int:
    """Return the private memory of this process in RAM, without mapped files. Linux only."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123  # less to allocate
        _, resident, shared, *_ = file.read().split()
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")
