"""How much memory this process takes, and took at most. Without Linux's /proc it is always 0."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


def begin() -> float:
    """Let the peak begin here; return what is taken now, in MB."""
    with suppress(OSError):
        _CLEAR.write_text("5")
    return _read("VmRSS:")


def peak() -> float:
    """Return the most that was taken since `begin`, in MB."""
    return _read("VmHWM:")


def _read(field: str) -> float:
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith(field):
                return int(line.split()[1]) / 1000
    return 0.0
