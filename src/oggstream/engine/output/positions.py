"""Maps samples of the speech to positions in the ring, past what late packets and stretching have inserted."""

from __future__ import annotations

from bisect import bisect_right

MAX_POINTS = 10_000  # with more, the older half of the line becomes coarser


class Positions:
    """A line through points (speech, ring), both in samples at the ring's rate and never decreasing.

    Between two points the speech is spread evenly; after the last one it continues sample by sample. Two points with
    the same speech position enclose an insertion.
    """

    def __init__(self) -> None:
        self._points: list[tuple[int, int]] = [(0, 0)]
        self._latest = (0, 0)  # on the line, but not stored as a point

    def note(self, speech: int, ring: int) -> None:
        """Note that sample ``speech`` lies at ``ring``; stored only if that is off the line."""
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
        """Note that ``samples`` were inserted at ``ring``, before sample ``speech``."""
        self.note(speech, ring)
        self._points.append((speech, ring))
        self._points.append((speech, ring + samples))
        self._latest = self._points[-1]

    def forget_from(self, ring: int) -> None:
        """Drop the points at ``ring`` and after it: those samples were withdrawn."""
        while len(self._points) > 1 and self._points[-1][1] > ring:
            self._points.pop()
        self._latest = self._points[-1]

    def ring_at(self, speech: int) -> int:
        """The position in the ring of sample ``speech``, after any insertion before it."""
        index = bisect_right(self._points, speech, key=lambda point: point[0])
        return _between(self._points, index, speech, 0)

    def speech_at(self, ring: int) -> int:
        """The sample of the speech at ``ring``; within an insertion, the sample that follows it."""
        index = bisect_right(self._points, ring, key=lambda point: point[1])
        return _between(self._points, index, ring, 1)


def _between(points: list[tuple[int, int]], index: int, value: int, side: int) -> int:
    """The other coordinate of the line at ``value``, which lies between the points ``index`` - 1 and ``index``."""
    start, base = points[index - 1][side], points[index - 1][1 - side]
    if index == len(points):
        return base + value - start
    end, top = points[index][side], points[index][1 - side]
    return base + (value - start) * (top - base) // (end - start)
