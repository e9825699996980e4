"""A page about replays: HTML with drawings in SVG, all in one file that needs nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from .plot import Plot, steps
from .replay_figures import PERCENTILES, percentile, start_delay

if TYPE_CHECKING:
    from .replaying import Run

MOST_DRAWN = 200  # replays with a drawing of their own; all count in the figures
SLOWED = 0.985  # of real time; nearer to 1 is the rounding of positions

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --dim: #667; --line: #d5dae2; --paper: #fff;
  --arrived: #2f6fd0; --played: #1a8a4c; --stall: #d33; --best: #b07a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --dim: #99a; --line: #39404c; --paper: #14181f;
  --arrived: #6fa4f5; --played: #4cc583; --stall: #f66; --best: #e0b04c; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); margin: 2rem auto;
  max-width: 64rem; padding: 0 1rem; }
h1 { font-size: 1.4rem } h2 { font-size: 1.05rem; margin: 2rem 0 .3rem; overflow-wrap: anywhere }
p { margin: .3rem 0 } .dim { color: var(--dim) } .failed { color: var(--stall) }
.wide { overflow-x: auto } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .2rem .7rem; text-align: right; border-bottom: 1px solid var(--line) }
th:first-child, td:first-child { text-align: left; white-space: nowrap }
svg { width: 100%; height: auto; display: block } svg text { fill: var(--dim); font-size: 11px }
.axis { stroke: var(--line); fill: none } .arrived { stroke: var(--arrived) } .played { stroke: var(--played) }
.arrived, .played { fill: none; stroke-width: 1.8 } .best { stroke: var(--best); stroke-dasharray: 4 3; fill: none }
.stall { fill: var(--stall); opacity: .3 } .slow { fill: var(--played); opacity: .12 }
.key { font-size: .9rem } .key b { font-weight: 600 } .key .a { color: var(--arrived) } .key .p { color: var(--played) }
.key .s { color: var(--stall) } .key .c { color: var(--best) }
"""

_KEY = """<p class="key"><b class="a">Blue</b>: audio that had arrived. <b class="p">Green</b>: audio that was heard.
<b class="s">Red</b>: silence of stalls; shaded green: slowed down. <b class="c">Dashed</b>: the playout of the
clairvoyant, who starts at the first moment with which nothing is ever late.</p>"""

_COLUMNS = (
    ("replays", "replays"),
    ("start p50", "start_delay.p50"),
    ("p95", "start_delay.p95"),
    ("p99", "start_delay.p99"),
    ("best p50", "clairvoyant_start.p50"),
    ("first sound p50", "first_sample.p50"),
    ("stalls", "stalls"),
    ("silence", "stall_seconds"),
    ("concealed", "concealed_seconds"),
    ("stretched", "stretched_seconds"),
    ("regret", "regret.mean"),
)


def page(runs: Sequence[Run], figures: dict[str, Any], title: str = "Replays") -> str:
    """The page for ``runs``, of which ``figures`` are the `summary`: a whole HTML document."""
    drawn = list(runs[:MOST_DRAWN])
    left = f"<p>{len(runs) - len(drawn)} more replays are not drawn.</p>" if len(runs) > len(drawn) else ""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
            f"<h1>{escape(title)}</h1>",
            _table(figures),
            "<h2>Start delay: from the first packet to the start of playback</h2>",
            _distribution([start_delay(run.report) for run in runs]),
            _KEY,
            *map(_section, drawn),
            left,
            "</body></html>\n",
        ]
    )


def _table(figures: dict[str, Any]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name, _ in (("capture", ""), *_COLUMNS))
    entries = [(os.path.basename(entry["capture"]), entry) for entry in figures["by_capture"]]
    rows = "".join(_row(name, entry) for name, entry in [*entries, ("all", figures)])
    note = "Times in seconds; start and best are counted from the first packet, the first sound from the request."
    return f'<div class="wide"><table><tr>{head}</tr>{rows}</table></div><p class="dim">{note}</p>'


def _row(name: str, entry: dict[str, Any]) -> str:
    cells = "".join(f"<td>{_shown(_at(entry, path))}</td>" for _, path in _COLUMNS)
    return f"<tr><td>{escape(name)}</td>{cells}</tr>"


def _at(entry: dict[str, Any], path: str) -> Any:
    value: Any = entry
    for key in path.split("."):
        value = value[key]
    return value


def _shown(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else escape(str(value))


def _distribution(delays: Iterable[float | None]) -> str:
    """The share of replays that had started by then, with the percentiles marked."""
    known = sorted(delay for delay in delays if delay is not None)
    if not known:
        return '<p class="dim">No playback began.</p>'
    plot = Plot(max(known[-1], 0.05) * 1.05, 100.0, height=180)
    points = [(0.0, 0.0), *((delay, 100 * (n + 1) / len(known)) for n, delay in enumerate(known)), (plot.right, 100.0)]
    plot.line(steps(points), "arrived")
    marks = {share: percentile(known, share) or 0.0 for share in PERCENTILES}
    for value in marks.values():
        plot.mark(value)
    told = ", ".join(f"p{share} {1000 * value:.0f} ms" for share, value in marks.items())
    return f"<p>{told}</p>{plot.svg('s after the first packet', '% started')}"


def _section(run: Run) -> str:
    turn = f", round {run.job.round}" if run.job.round > 1 else ""
    error = f'<p class="failed">{escape(str(run.error))}</p>' if run.error is not None else ""
    return (
        f"<section><h2>{escape(os.path.basename(run.name))}{turn}</h2>"
        f"<p>{escape(_sentence(run))}</p>{error}{_curves(run)}</section>"
    )


def _sentence(run: Run) -> str:
    playout = run.report["playout"]
    delay = start_delay(run.report)
    parts = [
        "never started" if delay is None else f"start {1000 * delay:.0f} ms after the first packet",
        f"stalls: {playout['stalls']} ({playout['stall_seconds']:.2f} s)",
        f"concealed {playout['concealed_seconds']:.2f} s",
        f"stretched {playout['stretched_seconds']:.2f} s",
    ]
    if run.best is not None:
        parts.append(f"best {1000 * run.best.start:.0f} ms, {1000 * run.best.start_stretched:.0f} ms with stretching")
    if playout["regret"] is not None:
        parts.append(f"regret {playout['regret']:.2f} s")
    return "; ".join(parts)


def _curves(run: Run) -> str:
    arrived = _thinned(
        [(point.at, point.end) for point in sorted(run.arrived, key=lambda point: (point.at, point.end))]
    )
    played = _thinned(run.played)
    if not arrived and not played:
        return '<p class="dim">Nothing arrived that could be played.</p>'
    most = max(heard for _, heard in [*arrived, *played])
    last = max(at for at, _ in [*arrived, *played])
    plot = Plot(last * 1.02, most * 1.05)
    for begin, end in slowed(run.played):
        plot.band(begin, end - begin, "slow")
    for stall in run.stalls:
        plot.band(stall.at, stall.seconds, "stall")
    if run.best is not None:
        begin = run.best.first_packet + run.best.start
        plot.line([(begin, 0.0), (begin + most, most)], "best")
    plot.line(steps([(arrived[0][0], 0.0), *arrived, (plot.right, arrived[-1][1])]) if arrived else [], "arrived")
    plot.line(played, "played")
    return plot.svg("s since the request", "s of audio")


def slowed(played: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """From when to when less was heard than time went by, though something was."""
    found: list[tuple[float, float]] = []
    for (at, heard), (later, more) in pairwise(played):
        if later - at > 0.01 and 0 < more - heard < SLOWED * (later - at):
            joins = bool(found) and found[-1][1] == at
            found[-1:] = [(found[-1][0], later)] if joins else [*found[-1:], (at, later)]
    return found


def _thinned(points: Sequence[tuple[float, float]], most: int = 800) -> list[tuple[float, float]]:
    """Every n-th point, and the last, so that long speeches make no large page."""
    every = -(-len(points) // most) or 1
    return [*points[:-1:every], *points[-1:]]
