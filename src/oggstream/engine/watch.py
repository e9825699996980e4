"""What the converter's clock says: events for what was heard, stalls among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..audio.frame import RATE
from ..events import Progress, Recorder, Resumed, SegmentEnded, SegmentStarted, Stalled

if TYPE_CHECKING:
    from ..audio.ring import PcmRing

STARTING_PAUSE, SETTLED_PAUSE = 0.01, 0.1
PROGRESS_PERIOD = 0.1  # seconds between two accounts of how far it is


class Watch:
    """Looks at a ring now and then, and records what has come to pass since the last look, with its exact time."""

    def __init__(self, text: str, recorder: Recorder) -> None:
        self._text = text
        self._recorder = recorder
        self._stalls_seen = 0
        self._runs_seen = 0
        self._started = False
        self._ended = False
        self._progress_due = 0.0

    @property
    def pause(self) -> float:
        """Seconds until the next look: few while the first sample is on its way to the converter."""
        return SETTLED_PAUSE if self._started else STARTING_PAUSE

    def look(self, ring: PcmRing) -> None:
        """Record stalls and resumptions as soon as they are known, starts and ends once they are heard."""
        self._look_for_stalls(ring)
        if not self._started and ring.runs and self._passed(ring.runs[0][1]):
            self._started = True
            self._record(SegmentStarted, ring.runs[0][1])
        if self._started and not self._ended and ring.length is not None:
            end = ring.time_of(ring.length)
            if end is not None and self._passed(end):
                self._ended = True
                self._record(SegmentEnded, end)

    def tell_progress(self, ring: PcmRing, buffered: float) -> None:
        """Record now and then, once sound has begun, how much was heard and how many seconds are ``buffered``."""
        now = self._recorder.elapsed()
        if self._started and now >= self._progress_due:
            self._progress_due = now + PROGRESS_PERIOD
            heard = ring.heard_at(now + self._recorder.zero)
            self._recorder.record(Progress, position=heard * RATE // ring.rate, buffered=buffered)

    def _look_for_stalls(self, ring: PcmRing) -> None:
        while self._runs_seen < len(ring.runs):
            position, at = ring.runs[self._runs_seen]
            if self._runs_seen:
                self._stalled_to(self._runs_seen, position)
                self._recorder.record(Resumed, at=at - self._recorder.zero, position=position)
            self._runs_seen += 1
        self._stalled_to(ring.stalls, ring.read)

    def _stalled_to(self, count: int, position: int) -> None:
        if self._stalls_seen < count:
            self._stalls_seen = count
            self._recorder.record(Stalled, position=position)

    def _passed(self, at: float) -> bool:
        return self._recorder.elapsed() >= at - self._recorder.zero

    def _record(self, kind: type[SegmentStarted | SegmentEnded], at: float) -> None:
        self._recorder.record(kind, at=at - self._recorder.zero, index=0, text=self._text)
