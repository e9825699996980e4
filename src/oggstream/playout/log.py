"""Logs the arrivals of one speech, and learns from them about the service."""

from __future__ import annotations

from .habits import Utterance
from .margins import Costs, costs_of

ALL_OF = 64  # the first arrivals, all kept; later ones are kept GRAIN seconds of audio apart, and KEPT at most
GRAIN = 0.25
KEPT = 1024
PIECES = 0.1  # of its own length: an arrival that follows the one before it sooner belongs to the same burst,
LONGEST_BURST = 0.5  # which takes so many seconds at most,
LONGEST_PAGE = 1.01  # and holds so many of audio: what comes after that is the next page, and shows how fast they come
OUTAGE = 0.5  # seconds: a wait that is so much longer than what came before it is an outage and not the pace
HIDDEN = 0.06  # seconds of lateness that concealment hides
EASY = 0.8  # the pace from which on playback is slowed down before it stalls
MOST_DELAY = 0.48  # seconds: a longer delay is an accident, not a habit
RELIEF = 1.1  # of a slow service: what it lacks is waited for anyway, and helps against jitter until late in the speech
SHORTEST = 0.5  # seconds of audio needed to learn the speed of the voice


class ArrivalLog:
    """The times of arrivals. A burst is the audio of one moment: a packet, or a page of a second, which a link
    may deliver in pieces.

    ``received``: seconds of audio so far; ``burst``: seconds in the burst at ``last``. The answer under way began at
    ``first``, when ``before`` seconds had been received; ``waiting``: nothing of it has arrived yet. ``outage``:
    seconds of it that the longest outage took, which may never come again.
    """

    def __init__(self) -> None:
        self.received = self.burst = self.before = 0.0
        self.first = self.last = self._latest = 0.0
        self.outage = 0.0
        self.waiting = True
        self._points: list[tuple[float, float]] = []  # per later burst: audio before it, time since the first
        self._learning = True
        self._learnt = self._lost = 0.0  # seconds of audio of the first answer, and its outage

    def add(self, now: float, seconds: float) -> None:
        """Log the arrival of ``seconds`` of audio."""
        if self.waiting:
            self.first, self.before, self.waiting = now, self.received, False
            self.last, self.burst, self.outage = now, 0.0, 0.0
        elif now > self.last and not self._is_same_burst(now, seconds):
            self._look_for_outage(now - self.last)
            self.last, self.burst = now, 0.0
            self._note()
        self.received += seconds
        self.burst += seconds
        if self._learning:
            self._learnt = self.received
        self._latest = now

    def _look_for_outage(self, wait: float) -> None:
        if wait > OUTAGE + self.burst:
            self.outage = max(self.outage, wait - self.burst)
        if self._learning:
            self._lost = self.outage

    def _is_same_burst(self, now: float, seconds: float) -> bool:
        """Whether an arrival is the rest of a page that a link delivers in pieces, much faster than it plays."""
        in_time = now - self._latest < PIECES * seconds and now - self.last < LONGEST_BURST
        return in_time and self.burst + seconds <= LONGEST_PAGE

    def join(self) -> None:
        """Note that the next arrival answers another request: the wait for it does not count for the pace."""
        self.waiting, self._learning = True, False

    def _note(self) -> None:
        points = self._points
        if not self._learning or len(points) >= KEPT:
            return
        if len(points) < ALL_OF or self.received - points[-1][0] >= GRAIN:
            points.append((self.received, self.last - self.first))

    def utterance(self, characters: int, slowest: float) -> Utterance | None:
        """The utterance of the first request's answer, for a text of ``characters`` (0: unknown) played no slower than
        ``slowest``; None if all of it arrived at once.
        """
        if not self._points:
            return None
        pace, slope = self._pace, self._slope(slowest)
        late = max(at - slope * audio for audio, at in self._points) - HIDDEN
        delay = min(max(late, 0.0), MOST_DELAY)
        margin = next((audio for audio, at in self._points if at > delay), 0.0) if delay else 0.0
        rate = characters / self.received if self.received >= SHORTEST else 0.0
        return Utterance(pace, delay, margin, rate)

    def costs(self, slowest: float) -> Costs:
        """What each margin would have cost in the answer to the first request; empty if all of it arrived at once."""
        if not self._points:
            return ()
        audio = [0.0, *(audio for audio, _ in self._points), self._learnt]
        times = [0.0, *(at for _, at in self._points)]
        bursts = [(at, audio[index + 1] - audio[index]) for index, at in enumerate(times)]
        slope = self._slope(slowest)
        return costs_of(bursts, slope if slope == 1 else slope * RELIEF)

    @property
    def _pace(self) -> float:
        audio, took = self._points[-1]
        return (took - self._lost) / audio

    def _slope(self, slowest: float) -> float:
        """Seconds that a second of audio is made to last: 1, or of a slow service what its pace explains."""
        return 1.0 if self._pace < EASY else max(self._pace, 1 / slowest)
