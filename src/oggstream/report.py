"""The report of a speech: what was received, what was heard, and when."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds since the call of ``play_stream``; None for what did not happen. ``request_sent`` may be below zero: the
    command line sends a request while it loads the rest.

    ``start``: the playout policy started playback. ``first_sample``: the stream's first sample reached the converter,
    by the device's own clock; ``first_audible``: the first sample above -50 dBFS did; ``end``: the end of the last one.
    """

    process_start: float | None = None
    request_sent: float | None = None
    headers: float | None = None
    first_byte: float | None = None
    first_packet: float | None = None
    start: float | None = None
    first_sample: float | None = None
    first_audible: float | None = None
    end: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioInfo:
    """The decoded audio: ``samples`` per channel at ``sample_rate``, including concealed ones."""

    channels: int = 0
    sample_rate: int = 48000
    samples: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamInfo:
    """The received stream. ``holes`` counts concealed gaps, ``bad_packets`` packets that libopus refused.

    ``complete`` is false if the end of a body is in doubt, for instance because its last page is missing.
    """

    bytes: int = 0
    pages: int = 0
    packets: int = 0
    links: int = 0
    holes: int = 0
    bad_packets: int = 0
    warnings: list[str] = field(default_factory=list)
    complete: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayoutInfo:
    """The course of playback: ``stalls`` (an empty buffer) and ``device_underflows`` are counts, of this speech.

    ``stretched_seconds`` is the time that slowing down added. ``early_packets`` were played, or ready to be, before
    their page was complete; ``withdrawn_seconds`` of such sound were withdrawn unheard because the page was damaged,
    ``unverified_seconds`` had been heard by then.
    """

    stalls: int = 0
    stall_seconds: float = 0.0
    concealed_seconds: float = 0.0
    stretched_seconds: float = 0.0
    device_underflows: int = 0
    peak_buffer_seconds: float = 0.0
    early_packets: int = 0
    withdrawn_seconds: float = 0.0
    unverified_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """The requests to the service.

    ``hedged`` pieces were asked for a second time because their first sound was late, which cost
    ``hedged_characters`` of the ``characters``; ``hedges_won`` of the second answers sounded first.
    """

    sent: int = 0
    retried: int = 0
    characters: int = 0
    request_ids: list[str] = field(default_factory=list)
    hedged: int = 0
    hedges_won: int = 0
    hedged_characters: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorInfo:
    """The error that ended the speech early."""

    type: str
    message: str
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkInfo:
    """What became of the speech on one sink: the first one leads, and is the one that all the rest speaks of.

    ``first_sample`` is a time as in `Timing`; ``samples`` (48 kHz) were decoded for the sink and ``heard`` of them were
    heard. ``stalls`` and ``underflows`` as in `PlayoutInfo`. ``error``: why it was left out, None if it was not.
    """

    name: str
    first_sample: float | None = None
    samples: int = 0
    heard: int = 0
    stalls: int = 0
    stall_seconds: float = 0.0
    underflows: int = 0
    error: ErrorInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WordInfo:
    """A word: its characters in the original text, and its samples as in `SegmentInfo`."""

    text: str
    start: int
    end: int
    start_sample: int
    end_sample: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentInfo:
    """A piece of text and its place: samples at 48 kHz since the first one; ``first_packet`` in seconds.

    ``spoken`` is the text that the service reports to have spoken, if it differs from ``text``. ``failed``: why the
    piece was skipped, None if it was not. ``words`` are in order; ``words_from`` is the origin of their times:
    "service", "voice" (one on this machine), "estimate" (from the text and the loudness, where nobody tells them), or
    None if there are none. ``engine``: which voice of this machine spoke
    it ("espeak, hibari": one after the other), None for a service.
    """

    text: str
    start_sample: int
    end_sample: int
    first_packet: float | None
    spoken: str | None = None
    failed: str | None = None
    words: list[WordInfo] = field(default_factory=list)
    words_from: str | None = None
    engine: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """The heard part of a stopped speech.

    ``text`` are the first ``chars`` characters of the original text, ready to replace an assistant's message;
    ``seconds`` of it were heard. A word counts if its middle was heard. It is ``exact`` at the end of a piece, and
    within a piece whose words were told with their times; elsewhere it rests on an estimate of these.
    """

    text: str
    chars: int
    seconds: float
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackReport:
    """The result of a speech. `as_dict` is the JSON that ``--json`` prints."""

    completed: bool
    stopped: bool = False
    text_chars: int
    source: str
    sink: str
    format: str = "opus"
    timing: Timing
    audio: AudioInfo
    stream: StreamInfo
    playout: PlayoutInfo
    requests: RequestInfo
    error: ErrorInfo | None = None
    segments: list[SegmentInfo] = field(default_factory=list)
    sinks: list[SinkInfo] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data that ``json.dumps`` takes, times rounded to a microsecond."""
        return {"schema": SCHEMA, **_rounded(asdict(self))}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_rounded(item) for item in value]
    return round(value, 6) if isinstance(value, float) else value
