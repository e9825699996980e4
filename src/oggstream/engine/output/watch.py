"""Records events of playback by the converter's clock: starts, ends, words, progress and stalls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...audio.frame import RATE
from ...events import Progress, Recorder, Resumed, SegmentEnded, SegmentStarted, Stalled, WordStarted
from ..words import place_words

if TYPE_CHECKING:
    from ..segment import Segment
    from .outlet import Outlet
    from .ring_writer import RingWriter

SHORTEST_PAUSE, STARTING_PAUSE, SETTLED_PAUSE = 0.002, 0.01, 0.1
PROGRESS_PERIOD = 0.1  # seconds between two `Progress` events


class Watch:
    """Checks a ring now and then, and records what happened since the last check, with its exact time."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._segments: list[Segment] = []  # those whose end is not heard yet
        self._stalls_seen = 0
        self._runs_seen = 0
        self._started = False
        self._progress_due = 0.0
        self._word_due = SETTLED_PAUSE  # seconds until the next word, if that is sooner
        self._last = False  # nothing more will be recorded
        self._at_once = False  # the sink takes samples as fast as they come
        self._words_from = 0  # sample heard by the last look: what is still to be told begins behind it

    @property
    def pause(self) -> float:
        """Seconds until the next check: few while the first sample is on its way, or a word is due."""
        return min(SETTLED_PAUSE, max(SHORTEST_PAUSE, self._word_due)) if self._started else STARTING_PAUSE

    def follow(self, segment: Segment) -> None:
        """Watch this segment too. Call it in the order of the speech."""
        self._segments.append(segment)

    def look(self, outlet: Outlet) -> None:
        """Record stalls and resumptions as soon as they are known, starts and ends once they are heard."""
        if outlet.writer is None:
            return
        self._look_for_stalls(outlet.writer)
        self._word_due = SETTLED_PAUSE
        self._at_once = outlet.at_once
        while self._segments and self._tell(self._segments[0], outlet, outlet.writer):
            self._segments.pop(0)
        self._tell_progress(outlet, outlet.writer)

    def conclude(self, outlet: Outlet) -> None:
        """The speech ends early: record what the device has taken, though it may not be heard yet."""
        self._last = True
        self.look(outlet)

    def _tell(self, segment: Segment, outlet: Outlet, writer: RingWriter) -> bool:
        """Record the start and the end of a segment once they are heard; return whether both are recorded."""
        if segment.start is None:
            return False
        if segment.failed is not None:  # it has no sound
            return True
        if not segment.start_reported:
            at = self._heard_at(writer, segment.start)
            if at is None:
                return False
            segment.start_reported = self._started = True
            self._recorder.record(SegmentStarted, at=at, index=segment.index, text=segment.written)
        self._tell_words(segment, outlet, writer)
        at = None if segment.stop is None else self._heard_at(writer, segment.stop, end=True)
        if at is None:
            return False
        if not segment.broken:  # all of its text was heard
            segment.loudness.clear()
        self._recorder.record(SegmentEnded, at=at, index=segment.index, text=segment.written)
        return True

    def _tell_words(self, segment: Segment, outlet: Outlet, writer: RingWriter) -> None:
        """Record the words heard by now, each once."""
        placed = place_words(segment, outlet, self._words_from)
        segment.reported.follow(placed.words, placed.told_by)
        for word in placed.words[segment.reported.count :]:
            speech = word.start_sample * writer.ring.rate // RATE
            at = self._heard_at(writer, speech)
            if at is None:
                self._word_due = self._seconds_until(writer, speech)
                break
            segment.reported.add(word)
            if segment.estimate is not None:
                segment.estimate.settled = segment.reported.count
            sample = word.start_sample
            self._recorder.record(WordStarted, at=at, text=word.text, start=word.start, end=word.end, sample=sample)
        self._words_from = writer.heard(self._recorder.elapsed() + self._recorder.zero) * RATE // writer.ring.rate

    def _seconds_until(self, writer: RingWriter, speech: int) -> float:
        """When a sample of the speech will be heard, if nothing delays it."""
        at = writer.time_of(speech)
        if at is not None:
            return at - self._recorder.zero - self._recorder.elapsed()
        return (writer.positions.ring_at(speech) - writer.ring.read) / writer.ring.rate

    def _heard_at(self, writer: RingWriter, speech: int, *, end: bool = False) -> float | None:
        """When the sample of the speech (with ``end``: the one before it) was heard; None if it is not heard yet."""
        at = writer.time_of(speech, end=end)
        if at is None:
            return None
        at, now = at - self._recorder.zero, self._recorder.elapsed()
        if self._last:
            return at if writer.positions.ring_at(speech) < writer.ring.read else None
        if self._at_once:  # what is written counts as heard
            return min(at, now)
        return at if now >= at else None

    def _tell_progress(self, outlet: Outlet, writer: RingWriter) -> None:
        """Record `Progress` periodically, once playback has started."""
        now = self._recorder.elapsed()
        if self._started and now >= self._progress_due:
            self._progress_due = now + PROGRESS_PERIOD
            heard = writer.heard(now + self._recorder.zero)
            self._recorder.record(Progress, position=heard * RATE // writer.ring.rate, buffered=outlet.unheard())

    def _look_for_stalls(self, writer: RingWriter) -> None:
        ring = writer.ring
        runs = ring.runs
        while self._runs_seen < len(runs):
            position, at = runs[self._runs_seen]
            if self._runs_seen:
                speech = writer.positions.speech_at(position)
                self._stalled_to(self._runs_seen, speech)
                before, begun = runs[self._runs_seen - 1]
                silence = at - begun - (position - before) / ring.rate
                self._recorder.record(Resumed, at=at - self._recorder.zero, position=speech, seconds=silence)
            self._runs_seen += 1
        self._stalled_to(ring.stalls, writer.positions.speech_at(ring.read))

    def _stalled_to(self, count: int, position: int) -> None:
        if self._stalls_seen < count:
            self._stalls_seen = count
            self._recorder.record(Stalled, position=position)
