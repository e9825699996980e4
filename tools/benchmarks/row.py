"""What a row of the table is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

REACHED, MISSED, SKIPPED, FAILED = "reached", "MISSED", "skipped", "FAILED"

PACKAGES = {  # of Debian and Ubuntu, for the programs that rows need
    "cc": "gcc",
    "ffmpeg": "ffmpeg",
    "opusdec": "opus-tools",
    "parec": "pulseaudio-utils",
    "pulseaudio": "pulseaudio",
}


class Skip(Exception):  # noqa: N818  # it is no error
    """A row cannot be measured here; the message says why and what to do."""


class Run(NamedTuple):
    """How a row is to be measured: its size against the full one, and a folder for files that rows share."""

    scale: float
    folder: Path

    def count(self, full: int, least: int = 1) -> int:
        """Return how often to do what a full run does ``full`` times."""
        return max(least, round(full * self.scale))

    def seconds(self, full: float, least: float) -> float:
        """Return how long to do, or how much audio to take for, what a full run does for ``full`` seconds."""
        return max(least, full * self.scale)


class Outcome(NamedTuple):
    """What was measured: in words, whether it is enough, and the figures behind it (times in seconds)."""

    measured: str
    reached: bool
    figures: dict[str, float]


class Row(NamedTuple):
    """A promise and how it is measured. ``programs`` must be on PATH, else the row is skipped."""

    name: str
    what: str
    asked: str
    measure: Callable[[Run], Outcome]
    programs: Sequence[str] = ()


class Result(NamedTuple):
    """A line of the table, as ``--json`` gives it."""

    name: str
    what: str
    asked: str
    measured: str
    verdict: str
    figures: dict[str, float]


def take(row: Row, run: Run) -> Result:
    """Measure a row, and say so where that cannot be done. What it raises by mistake passes through."""
    try:
        require(row.programs)
        outcome = row.measure(run)
    except Skip as reason:
        return without_figures(row, SKIPPED, str(reason))
    verdict = REACHED if outcome.reached else MISSED
    return Result(row.name, row.what, row.asked, outcome.measured, verdict, outcome.figures)


def without_figures(row: Row, verdict: str, why: str) -> Result:
    """Return the line of a row that was skipped or failed."""
    return Result(row.name, row.what, row.asked, why, verdict, {})


def require(programs: Sequence[str]) -> None:
    """Raise `Skip`, with the command that installs them, where programs are missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        packages = " ".join(sorted({PACKAGES[program] for program in missing}))
        raise Skip(f"no {', '.join(missing)} here: sudo apt-get install {packages}")


def milliseconds(seconds: float) -> str:
    """Write a time, to as many digits as one would read."""
    value = seconds * 1000
    return f"{value:.0f} ms" if abs(value) >= 100 else f"{value:.1f} ms" if abs(value) >= 10 else f"{value:.2f} ms"
