"""Keeps the account of a session and writes its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import process
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

# The report's classes take 5 ms to define, so they are imported when one is written, long after the request is out.
if TYPE_CHECKING:
    from ..opus.reader import StreamStats
    from ..report import ErrorInfo, PlaybackReport, PlayoutInfo, StreamInfo, Timing
    from .outlet import Outlet


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
        text: str,
        source: object,
        sink: object,
        outlet: Outlet,
        stats: StreamStats,
        error: BaseException | None,
    ) -> PlaybackReport:
        """Write the report as things stand."""
        from ..report import AudioInfo, PlaybackReport, RequestInfo, SegmentInfo

        first_packet = self._first.get(FirstPacket)
        return PlaybackReport(
            completed=error is None,
            text_chars=len(text),
            source=_name(source),
            sink=_name(sink),
            timing=self._timing(outlet),
            audio=AudioInfo(channels=outlet.channels, samples=outlet.samples, seconds=outlet.samples / RATE),
            stream=self._stream(stats),
            playout=_playout(outlet, sink),
            requests=RequestInfo(
                sent=self._sent,
                retried=self._retried,
                characters=self._characters,
                request_ids=self._request_ids,
            ),
            error=_error(error),
            segments=[SegmentInfo(text=text, start_sample=0, end_sample=outlet.samples, first_packet=first_packet)],
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
        """When the converter got the sample at ``position`` (48 kHz) of the stream, in seconds since zero."""
        if outlet.ring is None or position is None:
            return None
        at = outlet.ring.time_of(round(position * outlet.ring.rate / RATE))
        return None if at is None else at - self._recorder.zero

    def _stream(self, stats: StreamStats) -> StreamInfo:
        from ..report import StreamInfo

        return StreamInfo(
            bytes=stats.bytes,
            pages=stats.pages,
            packets=stats.packets,
            links=stats.links,
            holes=stats.holes,
            bad_packets=stats.bad_packets,
            warnings=[*self._warnings, *stats.warnings],
        )


def _playout(outlet: Outlet, sink: object) -> PlayoutInfo:
    from ..report import PlayoutInfo

    ring = outlet.ring
    return PlayoutInfo(
        stalls=ring.stalls if ring else 0,
        stall_seconds=ring.stalled_samples / ring.rate if ring else 0.0,
        concealed_seconds=outlet.concealed / RATE,
        device_underflows=getattr(sink, "underflows", 0),
        peak_buffer_seconds=outlet.peak,
    )


def _name(part: object) -> str:
    return str(getattr(part, "name", type(part).__name__))


def _error(error: BaseException | None) -> ErrorInfo | None:
    if error is None:
        return None
    from ..report import ErrorInfo

    return ErrorInfo(type=type(error).__name__, message=str(error), request_id=getattr(error, "request_id", None))
