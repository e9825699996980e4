"""Collects the figures of a session and writes its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import process
from ..annotations import Speaker
from ..audio.frame import RATE
from ..events import (
    Event,
    FirstByte,
    FirstPacket,
    Recorder,
    RequestSent,
    ResponseStarted,
    Retrying,
    Started,
    Warned,
)
from ..sinks.sink import traits_of as sink_traits_of
from ..sources.traits import traits_of
from .words import place_words

# The report's classes take 5 ms to define, so they are imported when one is written, long after the request is out.
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..report import ErrorInfo, PlaybackReport, PlayoutInfo, SegmentInfo, SinkInfo, StreamInfo, Timing
    from ..sources.source import Source
    from .output.follower import Follower
    from .output.outlet import Outlet
    from .output.playback import Playback
    from .requests.requester import Requester
    from .segment import Segment

_ODD_WORDS = "the times of {} of {} words overlap, run backwards or lie outside the sound: they were clipped"
_DOUBTED_WORDS = "the times of {} words make no sense (another unit?): they are estimated instead"
_COUNTS = ("bytes", "pages", "packets", "links", "holes", "bad_packets")


class Account:
    """Listens to a session's events; `report` adds what the stream, the ring and the sink have counted."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._first: dict[type[Event], float] = {}
        self._sent = self._retried = self._characters = 0
        self._request_ids: list[str] = []
        self._warnings: list[str] = []
        recorder.listen(self._note)

    def _note(self, event: Event) -> None:
        self._first.setdefault(type(event), event.at)
        match event:
            case RequestSent():
                self._sent += 1
                self._characters += event.characters
            case Retrying():
                self._retried += 1
            case ResponseStarted(request_id=str(request_id)):
                self._request_ids.append(request_id)
            case Warned():
                self._warnings.append(event.message)

    def report(
        self,
        *,
        characters: int,
        source: Source,
        leader: Playback,
        followers: Sequence[Follower],
        requester: Requester,
        error: BaseException | None,
    ) -> PlaybackReport:
        """Write the report of the current state."""
        from ..report import AudioInfo, PlaybackReport, RequestInfo

        hedging = requester.receiver.hedging
        outlet = leader.outlet
        return PlaybackReport(
            completed=error is None,
            text_chars=characters,
            source=traits_of(source).name,
            sink=sink_traits_of(leader.sink).name,
            format=_format(requester),
            timing=self._timing(outlet),
            audio=AudioInfo(channels=outlet.channels, samples=outlet.samples, seconds=outlet.samples / RATE),
            stream=self._stream(requester, outlet),
            playout=_playout(outlet, sum(segment.early_packets for segment in requester.segments)),
            requests=RequestInfo(
                sent=self._sent,
                retried=self._retried,
                characters=self._characters,
                hedged=hedging.sent,
                hedges_won=hedging.won,
                hedged_characters=hedging.characters,
                request_ids=self._request_ids,
            ),
            error=_error(error),
            segments=[_segment(segment, outlet) for segment in requester.segments],
            sinks=[self._sink(leader, None), *(self._sink(each.playback, each.error) for each in followers)],
        )

    def _sink(self, playback: Playback, error: Exception | None) -> SinkInfo:
        from ..report import SinkInfo

        name, writer = sink_traits_of(playback.sink).name, playback.outlet.writer
        if writer is None:
            return SinkInfo(name=name, error=_error(error))
        ring, now = writer.ring, self._recorder.elapsed() + self._recorder.zero
        return SinkInfo(
            name=name,
            first_sample=self._heard(playback.outlet, 0),
            samples=playback.outlet.samples,
            heard=writer.heard(now) * RATE // ring.rate,
            stalls=ring.stalls,
            stall_seconds=ring.stalled_samples / ring.rate,
            underflows=playback.outlet.underflows,
            error=_error(error),
        )

    def _timing(self, outlet: Outlet) -> Timing:
        from ..report import Timing

        age = process.age()
        return Timing(
            process_start=None if age is None else self._recorder.elapsed() - age,
            request_sent=self._first.get(RequestSent),
            headers=self._first.get(ResponseStarted),
            first_byte=self._first.get(FirstByte),
            first_packet=self._first.get(FirstPacket),
            start=self._first.get(Started),
            first_sample=self._heard(outlet, 0),
            first_audible=self._heard(outlet, outlet.first_audible),
            end=self._end(outlet),
        )

    def _end(self, outlet: Outlet) -> float | None:
        """When the converter had the last sample; None if it never got it."""
        ring = outlet.ring
        at = None if ring is None or ring.length is None else ring.time_of(ring.length)
        return None if at is None else at - self._recorder.zero

    def _heard(self, outlet: Outlet, position: int | None) -> float | None:
        """When the converter got the sample at ``position`` (48 kHz) of the speech, in seconds since zero."""
        if outlet.writer is None or position is None:
            return None
        at = outlet.writer.time_of(round(position * outlet.writer.ring.rate / RATE))
        return None if at is None else at - self._recorder.zero

    def _stream(self, requester: Requester, outlet: Outlet) -> StreamInfo:
        from ..report import StreamInfo

        counts = {name: sum(getattr(stats, name) for stats in requester.stats) for name in _COUNTS}
        warnings = [warning for stats in requester.stats for warning in stats.warnings]
        placed = [place_words(segment, outlet) for segment in requester.segments]
        if odd := sum(each.odd for each in placed):
            warnings.append(_ODD_WORDS.format(odd, sum(len(each.words) for each in placed)))
        if doubted := sum(each.doubted for each in placed):
            warnings.append(_DOUBTED_WORDS.format(doubted))
        return StreamInfo(
            **counts,
            complete=all(each.intake.stats.complete for each in requester.segments),
            warnings=[*self._warnings, *warnings],
        )


def _segment(segment: Segment, outlet: Outlet) -> SegmentInfo:
    from ..report import SegmentInfo, WordInfo

    placed = place_words(segment, outlet)
    rate = outlet.ring.rate if outlet.ring else RATE
    written = outlet.writer.speech if outlet.writer else 0
    start = written if segment.start is None else segment.start
    stop = written if segment.stop is None else segment.stop
    return SegmentInfo(
        text=segment.written,
        start_sample=start * RATE // rate,
        end_sample=stop * RATE // rate,
        first_packet=segment.first_packet,
        spoken=segment.spoken,
        failed=segment.failed,
        words=[
            WordInfo(
                text=word.text,
                start=word.start,
                end=word.end,
                start_sample=word.start_sample,
                end_sample=word.end_sample,
            )
            for word in placed.words
        ],
        words_from=placed.told_by,
        engine=_speakers(segment),
    )


def _speakers(segment: Segment) -> str | None:
    """The engines that spoke a piece, each once."""
    told = (item for answer in segment.answers for item in answer.intake.annotations)
    return ", ".join(dict.fromkeys(item.engine for item in told if isinstance(item, Speaker))) or None


def _playout(outlet: Outlet, early: int) -> PlayoutInfo:
    from ..report import PlayoutInfo

    writer = outlet.writer
    if writer is None:
        return PlayoutInfo(peak_buffer_seconds=outlet.peak)
    ring = writer.ring
    return PlayoutInfo(
        stalls=ring.stalls,
        stall_seconds=ring.stalled_samples / ring.rate,
        concealed_seconds=outlet.concealed,
        stretched_seconds=writer.stretched / ring.rate,
        device_underflows=outlet.underflows,
        peak_buffer_seconds=outlet.peak,
        early_packets=early,
        withdrawn_seconds=outlet.withdrawn / ring.rate,
        unverified_seconds=outlet.unverified / ring.rate,
    )


def _format(requester: Requester) -> str:
    """The recognised format of the first body received."""
    containers = (segment.intake.container for segment in requester.segments)
    found = next((container for container in containers if container), "ogg")
    return "opus" if found == "ogg" else found


def _error(error: BaseException | None) -> ErrorInfo | None:
    if error is None:
        return None
    from ..report import ErrorInfo

    return ErrorInfo(type=type(error).__name__, message=str(error), request_id=getattr(error, "request_id", None))
