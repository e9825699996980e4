"""The table that ``replay`` shows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ..terminal.width import cells, fitted, one_line

_HEAD = ("start", "p95", "best", "sound", "stalls", "silence", "conceal", "stretch", "regret")
_WIDTHS = (5, 5, 5, 5, 6, 7, 7, 7, 6)
_NARROWEST = 8  # columns that a name has at least
_LEGEND = "start, p95, best: ms after the first packet; sound: s after the request; the rest in s"


def table(figures: dict[str, Any], columns: int | None = None) -> Iterator[str]:
    """A line per capture, one over all, and a legend. Fits into ``columns`` (None: any number) by cutting names.

    ``start`` is the median, beside it p95 and the median of the clairvoyant's; ``sound`` the median of the first
    sample; ``regret`` the mean. All others are sums over the replays.
    """
    entries = [(one_line(os.path.basename(entry["capture"])), entry) for entry in figures["by_capture"]]
    if len(entries) > 1:
        entries.append(("all", figures))
    width = max(map(cells, ("capture", *(name for name, _ in entries))))
    gap = "  "
    if columns is not None and columns <= width + sum(_WIDTHS) + 2 * len(_WIDTHS):
        gap = " "
        width = min(width, max(columns - 1 - sum(_WIDTHS) - len(_WIDTHS), _NARROWEST))
    for name, values in [("capture", _HEAD), *((name, _row(entry)) for name, entry in entries)]:
        shown = fitted(name, width)
        row = (f"{value:>{each}}" for value, each in zip(values, _WIDTHS, strict=True))
        yield gap.join([f"{shown}{' ' * (width - cells(shown))}", *row])
    yield _LEGEND if columns is None else fitted(_LEGEND, columns - 1)


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
