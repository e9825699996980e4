"""Lines in a frame with two axes, as SVG."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from math import floor, log10

LEFT, RIGHT, TOP, BOTTOM = 48, 16, 14, 34  # margins
WIDTH = 900

Points = Iterable[tuple[float, float]]


class Plot:
    """A drawing of 0 to ``right`` by 0 to ``top``, in the units of its axes; ``height`` is in pixels, of 900 across."""

    def __init__(self, right: float, top: float, *, height: int = 260) -> None:
        self.right = max(right, 1e-3)
        self.top = max(top, 1e-3)
        self._height = height
        self._parts: list[str] = []

    def line(self, points: Points, kind: str) -> None:
        """A line through ``points``; ``kind`` is its class in the style sheet."""
        path = " ".join(f"{self._x(x):.1f},{self._y(y):.1f}" for x, y in points)
        if path:
            self._parts.append(f'<polyline class="{kind}" points="{path}"/>')

    def band(self, x: float, width: float, kind: str) -> None:
        """A stretch of time, shaded over the whole height; ``kind`` is its class."""
        left, right = self._x(x), self._x(min(x + width, self.right))
        size = f'width="{max(right - left, 1):.1f}" height="{self._height - TOP - BOTTOM}"'
        self._parts.append(f'<rect class="{kind}" x="{left:.1f}" y="{TOP}" {size}><title>{width:.3f} s</title></rect>')

    def mark(self, x: float) -> None:
        """A dashed upright line."""
        at = self._x(x)
        self._parts.append(f'<line class="best" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{self._y(0):.1f}"/>')

    def svg(self, x_name: str, y_name: str) -> str:
        """The drawing, with its axes named."""
        frame = "".join([*self._x_axis(x_name), *self._y_axis(y_name)])
        label = f'role="img" aria-label="{escape(y_name)} over {escape(x_name)}"'
        return f'<svg viewBox="0 0 {WIDTH} {self._height}" {label}>{frame}{"".join(self._parts)}</svg>'

    def _x_axis(self, name: str) -> Iterable[str]:
        bottom = self._y(0)
        for value in ticks(self.right, 10):
            at = self._x(value)
            yield f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{TOP}" y2="{bottom:.1f}"/>'
            yield f'<text x="{at:.1f}" y="{bottom + 14:.1f}" text-anchor="middle">{value:g}</text>'
        yield f'<text x="{WIDTH - RIGHT}" y="{self._height - 4}" text-anchor="end">{escape(name)}</text>'

    def _y_axis(self, name: str) -> Iterable[str]:
        for value in ticks(self.top, 5):
            at = self._y(value)
            yield f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
            yield f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{value:g}</text>'
        yield f'<text x="4" y="{self._height - 4}">{escape(name)}</text>'

    def _x(self, value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * value / self.right

    def _y(self, value: float) -> float:
        return TOP + (self._height - TOP - BOTTOM) * (1 - value / self.top)


def ticks(most: float, about: int) -> list[float]:
    """Round numbers from 0 to ``most``, about so many of them."""
    rough = most / about
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [round(n * step, 9) for n in range(int(most / step + 1e-9) + 1)]


def steps(points: Points) -> list[tuple[float, float]]:
    """The points of a line that goes level to each point and then straight up."""
    line: list[tuple[float, float]] = []
    for x, y in points:
        if line:
            line.append((x, line[-1][1]))
        line.append((x, y))
    return line
