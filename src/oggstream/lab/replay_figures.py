"""Figures over replays: what each paid above the clairvoyant, and how all of them are spread."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .clairvoyant import Clairvoyant

STALL_SECOND, STALL = 10.0, 1.0  # what a second of silence and a stall cost, in seconds of waiting
AUDIBLE, LONG = 0.06, 0.15  # seconds of silence from which a stall is heard, and from which it annoys
PERCENTILES = (50, 95, 99)


class Stall(NamedTuple):
    """A gap in the playout, ``seconds`` long, that began ``at`` seconds after the request."""

    at: float
    seconds: float


def start_delay(report: dict[str, Any]) -> float | None:
    """From the first packet to the start of playback, in seconds; None if one of them never was."""
    timing = report["timing"]
    if timing["start"] is None or timing["first_packet"] is None:
        return None
    delay: float = timing["start"] - timing["first_packet"]
    return max(0.0, delay)


def regret(report: dict[str, Any], best: Clairvoyant | None) -> float | None:
    """What the playout cost above the clairvoyant who does not stretch, in seconds; below 0 where stretching won.

    A second of waiting for the start or of made-up sound costs 1, a second of silence 10, each stall 1 more.
    """
    delay = start_delay(report)
    if delay is None or best is None:
        return None
    playout = report["playout"]
    silence: float = STALL_SECOND * playout["stall_seconds"] + STALL * playout["stalls"]
    concealed: float = playout["concealed_seconds"]
    return round(delay + silence + concealed - best.start, 6)


def percentile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that ``share`` percent of all do not exceed; None of nothing."""
    ordered = sorted(values)
    return ordered[max(0, ceil(share / 100 * len(ordered)) - 1)] if ordered else None


def spread(values: Iterable[float | None]) -> dict[str, float | None]:
    """p50, p95 and p99 of the values that there are."""
    known = [value for value in values if value is not None]
    return {f"p{share}": _rounded(percentile(known, share)) for share in PERCENTILES}


def summary(reports: Sequence[dict[str, Any]], stalls: Sequence[Sequence[Stall]]) -> dict[str, Any]:
    """Figures over all reports and, in ``by_capture``, over those of each capture."""
    names = list(dict.fromkeys(report["capture"] for report in reports))
    chosen = {name: [n for n, report in enumerate(reports) if report["capture"] == name] for name in names}
    return {
        **_figures(reports, stalls),
        "by_capture": [
            {"capture": name, **_figures([reports[n] for n in which], [stalls[n] for n in which])}
            for name, which in chosen.items()
        ],
    }


def _figures(reports: Sequence[dict[str, Any]], stalls: Sequence[Sequence[Stall]]) -> dict[str, Any]:
    playouts = [report["playout"] for report in reports]
    gaps = [gap.seconds for of_one in stalls for gap in of_one]
    return {
        "replays": len(reports),
        "failed": sum(not report["completed"] for report in reports),
        "start_delay": spread(map(start_delay, reports)),
        "first_sample": spread(_since_request(report, "first_sample") for report in reports),
        "first_audible": spread(_since_request(report, "first_audible") for report in reports),
        "regret": {"mean": _mean(playout["regret"] for playout in playouts)}
        | spread(playout["regret"] for playout in playouts),
        "clairvoyant_start": spread(playout["clairvoyant_start"] for playout in playouts),
        "stalls": sum(playout["stalls"] for playout in playouts),
        "stall_seconds": _rounded(sum(playout["stall_seconds"] for playout in playouts)),
        "stalls_over_60_ms": sum(seconds > AUDIBLE for seconds in gaps),
        "stalls_over_150_ms": sum(seconds > LONG for seconds in gaps),
        "concealed_seconds": _rounded(sum(playout["concealed_seconds"] for playout in playouts)),
        "stretched_seconds": _rounded(sum(playout["stretched_seconds"] for playout in playouts)),
        "without_stall": _rounded(sum(not playout["stalls"] for playout in playouts) / len(playouts)),
    }


def _since_request(report: dict[str, Any], name: str) -> float | None:
    at, sent = report["timing"][name], report["timing"]["request_sent"]
    return None if at is None else float(at - (sent or 0.0))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return _rounded(sum(known) / len(known)) if known else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
