"""Where the rows of the line editor are at another width of the terminal: most of them wrap what they show anew."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prompt_toolkit.data_structures import Point

    Cells = Mapping[int, Mapping[int, Any]]


def reflows() -> bool:
    """Whether the terminal wraps rows anew: not xterm itself, nor GNU screen."""
    screen = "STY" in os.environ and "TMUX" not in os.environ
    return not screen and "XTERM_VERSION" not in os.environ


def moved(cells: Cells, cursor: Point, columns: int) -> Point:
    """Where the cursor is among rows that were wrapped to ``columns``, counted from the first of them.

    ``cells`` are what was drawn, by row and column, with ``char`` and ``width``.
    """
    above = sum(-(-_width(cells.get(row, {})) // columns) or 1 for row in range(cursor.y))
    return cursor._replace(x=cursor.x % columns, y=above + cursor.x // columns)


def _width(row: Mapping[int, Any]) -> int:
    """Columns up to the last one that is not blank."""
    return max((at + cell.width for at, cell in row.items() if cell.char.strip()), default=0)
