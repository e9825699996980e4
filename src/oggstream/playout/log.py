"""The arrivals of one speech, and what they teach about the service."""

from __future__ import annotations

from .habits import Utterance

ALL_OF = 64  # arrivals that are kept each; later ones GRAIN seconds of audio apart, and KEPT at most
GRAIN = 0.25
KEPT = 1024
HIDDEN = 0.06  # seconds of lateness that are concealed
EASY = 0.8  # pace from which on the sound is slowed down before it stalls
MOST_DELAY = 0.48  # seconds: what is later than that is an accident and no habit
SHORTEST = 0.5  # seconds of audio below which nothing is learnt about the voice's speed


class ArrivalLog:
    """What arrived when. A burst is what comes at one moment: a packet, or a page of a second.

    ``received``: seconds of audio so far, ``burst`` of these came at ``last``. The request that is being answered
    began at ``first``, when ``before`` seconds had been received; ``waiting``: nothing of it has come yet.
    """

    def __init__(self) -> None:
        self.received = self.burst = self.before = 0.0
        self.first = self.last = 0.0
        self.waiting = True
        self._points: list[tuple[float, float]] = []  # per burst but the first: audio before it, time since the first
        self._learning = True

    def add(self, now: float, seconds: float) -> None:
        """``seconds`` more of audio are there."""
        if self.waiting:
            self.first, self.before, self.waiting = now, self.received, False
            self.last, self.burst = now, 0.0
        elif now > self.last:
            self.last, self.burst = now, 0.0
            self._note()
        self.received += seconds
        self.burst += seconds

    def join(self) -> None:
        """What comes from now on answers another request, whose wait says nothing about the pace."""
        self.waiting, self._learning = True, False

    def _note(self) -> None:
        points = self._points
        if not self._learning or len(points) >= KEPT:
            return
        if len(points) < ALL_OF or self.received - points[-1][0] >= GRAIN:
            points.append((self.received, self.last - self.first))

    def utterance(self, characters: int, slowest: float) -> Utterance | None:
        """What a text of ``characters`` (0: unknown), played no slower than ``slowest``, taught by the answer to its
        first request; None if that came at once.
        """
        if not self._points:
            return None
        pace = self._points[-1][1] / self._points[-1][0]
        slope = 1.0 if pace < EASY else max(pace, 1 / slowest)
        late = max(at - slope * audio for audio, at in self._points) - HIDDEN
        delay = min(max(late, 0.0), MOST_DELAY)
        margin = next((audio for audio, at in self._points if at > delay), 0.0) if delay else 0.0
        rate = characters / self.received if self.received >= SHORTEST else 0.0
        return Utterance(pace, delay, margin, rate)
