"""The rows of the table: the types, and how a row is measured."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

REACHED, MISSED, SKIPPED, FAILED = "reached", "MISSED", "skipped", "FAILED"

PACKAGES = {  # of Debian and Ubuntu, for the programs that rows need
    "cc": "gcc",
    "chromium": "chromium",
    "ffmpeg": "ffmpeg",
    "haproxy": "haproxy",
    "icecast2": "icecast2",
    "mpv": "mpv",
    "openssl": "openssl",
    "opusdec": "opus-tools",
    "parec": "pulseaudio-utils",
    "pulseaudio": "pulseaudio",
    "redis-server": "redis-server",
}


class Skip(Exception):  # noqa: N818  # not an error
    """A row cannot be measured here; the message says why, and what to do."""


class Run(NamedTuple):
    """How to measure a row: the size relative to a full run, and a folder for files that rows share."""

    scale: float
    folder: Path

    def count(self, full: int, least: int = 1) -> int:
        """Return how often to do what a full run does ``full`` times."""
        return max(least, round(full * self.scale))

    def seconds(self, full: float, least: float) -> float:
        """Return the time, or the length of audio, for which a full run takes ``full`` seconds."""
        return max(least, full * self.scale)


class Outcome(NamedTuple):
    """The result of a measurement: in words, whether the promise is kept, and the figures (times in seconds)."""

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
    """Measure a row, or return why it is skipped. Unexpected exceptions pass through."""
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
    """Raise `Skip`, with the command that installs them, if programs are missing."""
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        packages = " ".join(sorted({PACKAGES[program] for program in missing}))
        raise Skip(f"no {', '.join(missing)} here: sudo apt-get install {packages}")


def milliseconds(seconds: float) -> str:
    """Format a time in milliseconds, with a sensible number of digits."""
    value = seconds * 1000
    return f"{value:.0f} ms" if abs(value) >= 100 else f"{value:.1f} ms" if abs(value) >= 10 else f"{value:.2f} ms"
