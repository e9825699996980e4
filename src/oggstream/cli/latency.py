"""The table that ``replay`` shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from .width import cells, fitted, one_line

_HEAD = ("start ms", "p95", "best ms", "1st sound", "stalls", "silence", "concealed", "stretched", "regret")
_NARROWEST = 12  # columns that a name has at least


def table(figures: dict[str, Any], columns: int | None = None) -> Iterator[str]:
    """A line per capture and one over all. Fits into ``columns``, as far as names can be cut (None: they are not).

    ``start ms``: from the first packet to the start, the median, beside it p95 and the clairvoyant's. All else is in
    seconds: first sound since the request (median), and sums over all replays; ``regret`` is the mean.
    """
    entries = [(one_line(os.path.basename(entry["capture"])), entry) for entry in figures["by_capture"]]
    if len(entries) > 1:
        entries.append(("all", figures))
    width = max(map(cells, ("capture", *(name for name, _ in entries))))
    if columns is not None:
        room = columns - 1 - sum(len(head) + 2 for head in _HEAD)
        width = min(width, max(room, _NARROWEST))
    yield f"{'capture':{width}}  {'  '.join(_HEAD)}"
    for name, entry in entries:
        shown = fitted(name, width)
        values = (f"{value:>{len(head)}}" for head, value in zip(_HEAD, _row(entry), strict=True))
        yield f"{shown}{' ' * (width - cells(shown))}  {'  '.join(values)}"


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    stalls = entry["stalls"]
    return (
        _milliseconds(entry["start_delay"]["p50"]),
        _milliseconds(entry["start_delay"]["p95"]),
        _milliseconds(entry["clairvoyant_start"]["p50"]),
        _seconds(entry["first_sample"]["p50"]),
        str(stalls),
        _seconds(entry["stall_seconds"]),
        _seconds(entry["concealed_seconds"]),
        _seconds(entry["stretched_seconds"]),
        _seconds(entry["regret"]["mean"]),
    )


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{1000 * seconds:.0f}"


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}"
