"""What is logged of a speech: at INFO a line for each request and each speech, at DEBUG what was decided and why.

The loggers are ``oggstream.requests``, ``oggstream.speech`` and ``oggstream.device``. The text is not logged, and no
credential: errors and addresses come without them.
"""

from __future__ import annotations

import logging
from dataclasses import fields
from typing import TYPE_CHECKING

from ..audio.frame import RATE
from ..events import Progress, WordStarted, speech_number
from ..sources.traits import stream_traits_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events import Event, Recorder
    from ..options import SpeechOptions
    from ..opus.items import StreamStats
    from ..report import PlaybackReport
    from ..sources.source import ByteStream
    from .segment import Segment

requests = logging.getLogger("oggstream.requests")
speech = logging.getLogger("oggstream.speech")
_TEXTS = ("text", "spoken")
_UNTOLD = (Progress, WordStarted)


def log_answer(source: str, stream: ByteStream, text: str, options: SpeechOptions, seconds: float) -> None:
    """The head of an answer is there, after so many seconds."""
    if requests.isEnabledFor(logging.INFO):
        traits = stream_traits_of(stream)
        method = f"{traits.request.method} " if traits.request is not None else ""
        place = f"{method}{traits.url}" if traits.url else source
        status = f" {traits.status}" if traits.status is not None else ""
        known = f", id {stream.request_id}" if stream.request_id else ""
        wanted = traits.format or options.format
        requests.info(
            "speech %s: %s%s, %d characters as %s, answered in %.3f s%s",
            *(speech_number(), place, status, len(text), wanted, seconds, known),
        )


def log_failure(error: Exception, text: str, seconds: float) -> None:
    """A request failed, before its answer or within it."""
    requests.info("speech %s: request of %d characters failed: %s", speech_number(), len(text), error)
    requests.debug("speech %s: it took %.3f s", speech_number(), seconds)


def log_body(container: str, stats: StreamStats, seconds: float) -> None:
    """A body was received."""
    shown = "speech %s: body of %s complete after %.3f s: %d bytes, %d packets, %d holes"
    requests.debug(shown, speech_number(), container, seconds, stats.bytes, stats.packets, stats.holes)


def log_remedy(segment: Segment, remedy: str, error: Exception) -> None:
    """What is done about a piece that failed."""
    requests.debug("speech %s: piece %d: %s, because: %s", speech_number(), segment.index, remedy, error)


def log_events(recorder: Recorder) -> None:
    """Log what ``recorder`` records, at DEBUG."""
    if speech.isEnabledFor(logging.DEBUG):
        recorder.listen(_log_event)


def log_report(number: int, report: PlaybackReport) -> None:
    """A speech that was played is over."""
    if speech.isEnabledFor(logging.INFO):
        first = report.timing.first_sample
        sound = f"{report.audio.seconds:.2f} s of sound" + (f", the first after {first:.3f} s" if first else "")
        counts = f"{report.requests.sent} requests, {report.playout.stalls} stalls, {report.stream.holes} holes"
        end = f"failed: {report.error.message}" if report.error else "stopped" if report.stopped else "complete"
        speech.info("speech %d: %s to %s: %s, %s; %s", number, report.source, report.sink, sound, counts, end)


def log_received(number: int, segments: Sequence[Segment], error: BaseException | None) -> None:
    """A speech that was handed on is over."""
    seconds = sum(segment.received for segment in segments) / RATE
    end = "complete" if error is None else f"failed: {error}"
    speech.info("speech %d: %.2f s of sound received in %d pieces; %s", number, seconds, len(segments), end)


def _log_event(event: Event) -> None:
    if isinstance(event, _UNTOLD):
        return
    told = []
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name in _TEXTS:
            told.append(f"{len(value)} characters")
        elif field.name not in ("at", "speech"):
            told.append(f"{field.name} {value}")
    speech.debug("speech %d: %.3f s: %s", event.speech, event.at, ", ".join([type(event).__name__, *told]))
