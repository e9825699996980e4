"""The arrivals of one utterance, and what they say about the service."""

from __future__ import annotations

from .habits import Utterance

ALL_OF = 64  # arrivals that are kept each; later ones a quarter of a second of audio apart
GRAIN = 0.25
KEPT = 1024
HIDDEN = 0.06  # seconds of lateness that are concealed
SHORTEST = 0.5  # seconds of audio below which nothing is learnt about the voice's speed
MOST_DELAY = 2.0  # seconds that are waited for what the pace does not explain
EASY = 0.8  # pace from which on the sound is slowed down before it stalls


class ArrivalLog:
    """What arrived when. ``received``: seconds of audio so far. ``burst``: seconds that came at ``last``."""

    def __init__(self) -> None:
        self.received = self.burst = 0.0
        self.first = self.last = 0.0
        self._points: list[tuple[float, float]] = []  # (audio before, time since the first): each begins a burst
        self._before = 0.0  # audio before the last burst
        self._learns = True

    def add(self, now: float, seconds: float) -> None:
        """``seconds`` more of audio are there."""
        if not self.received:
            self.first = self.last = now
        if now > self.last:
            self._begin_burst(now)
        self.received += seconds
        self.burst += seconds

    def _begin_burst(self, now: float) -> None:
        self.last, self.burst = now, 0.0
        if not self._learns:
            return
        self._before = self.received
        points = self._points
        if len(points) < ALL_OF or (len(points) < KEPT and self.received - points[-1][0] >= GRAIN):
            points.append((self.received, now - self.first))

    def close(self) -> None:
        """What comes from now on is of another request, whose wait says nothing about the service's pace."""
        self._learns = False

    def utterance(self, characters: int, slowest: float) -> Utterance | None:
        """What a text of ``characters`` (0: unknown), played no slower than ``slowest``, taught; None if all came at
        once.
        """
        if not self._points:
            return None
        pace = self._points[-1][1] / self._points[-1][0]
        slope = 1.0 if pace < EASY else max(pace, 1 / slowest)
        delay = max(0.0, min(max(at - slope * audio for audio, at in self._points) - HIDDEN, MOST_DELAY))
        margin = next((audio for audio, at in self._points if at > delay), 0.0) if delay else 0.0
        rate = characters / self.received if self._learns and self.received >= SHORTEST else 0.0
        return Utterance(pace, delay, margin, rate)
