"""Prints the results as an aligned table in Markdown, or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .row import Result

HEADINGS = ("what", "asked", "measured", "verdict")


def as_table(results: Sequence[Result], machine: Mapping[str, str]) -> str:
    """Return the header, a line per fact, and the table."""
    lines = [f"{name}: {value}" for name, value in machine.items()]
    cells = [HEADINGS, *((result.what, result.asked, result.measured, result.verdict) for result in results)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADINGS))]
    table = [_line(row, widths) for row in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([*lines, "", table[0], rule, *table[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"


def as_json(results: Sequence[Result], machine: Mapping[str, str]) -> str:
    """Return one JSON object."""
    rows = [result._asdict() for result in results]
    return json.dumps({"schema": 1, "machine": machine, "rows": rows}, indent=1)
