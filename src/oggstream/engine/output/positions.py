"""Where in the ring each sample of the speech lies, once late packets and stretching have put something in between."""

from __future__ import annotations

from bisect import bisect_right

MAX_POINTS = 10_000  # past that, the line between the older half of them becomes coarser


class Positions:
    """A line through points of (speech, ring), both counted in samples at the ring's rate, both never falling.

    Between two points the speech is spread evenly; behind the last one it goes on sample by sample. Two points with
    the same speech position enclose what was put in.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, int]] = [(0, 0)]
        self._latest = (0, 0)  # on the line, but no point of its own

    def note(self, speech: int, ring: int) -> None:
        """Sample ``speech`` lies at ``ring``; kept only if it is not where the line would have it anyway."""
        before, self._latest = self._latest, (speech, ring)
        last_speech, last_ring = self._points[-1]
        if ring - last_ring == speech - last_speech:
            return
        if before != self._points[-1]:
            self._points.append(before)
        self._points.append((speech, ring))
        if len(self._points) > MAX_POINTS:
            half = MAX_POINTS // 2
            self._points[:half] = self._points[:half:2]

    def put_in(self, speech: int, ring: int, samples: int) -> None:
        """Before sample ``speech``, which would have lain at ``ring``, ``samples`` more were played."""
        self.note(speech, ring)
        self._points.append((speech, ring))
        self._points.append((speech, ring + samples))
        self._latest = self._points[-1]

    def forget_from(self, ring: int) -> None:
        """What was at ``ring`` and behind it was taken back."""
        while len(self._points) > 1 and self._points[-1][1] > ring:
            self._points.pop()
        self._latest = self._points[-1]

    def ring_at(self, speech: int) -> int:
        """Where in the ring sample ``speech`` lies, what was put in before it skipped."""
        index = bisect_right(self._points, speech, key=lambda point: point[0])
        return _between(self._points, index, speech, 0)

    def speech_at(self, ring: int) -> int:
        """Which sample of the speech lies at ``ring``; within what was put in, the one that follows it."""
        index = bisect_right(self._points, ring, key=lambda point: point[1])
        return _between(self._points, index, ring, 1)


def _between(points: list[tuple[int, int]], index: int, value: int, side: int) -> int:
    """The other coordinate of the line at ``value``, which lies behind point ``index`` - 1 and before ``index``."""
    start, base = points[index - 1][side], points[index - 1][1 - side]
    if index == len(points):
        return base + value - start
    end, top = points[index][side], points[index][1 - side]
    return base + (value - start) * (top - base) // (end - start)
