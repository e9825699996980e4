"""The events that ``on_event`` gets, and the recorder that adds their times.

A source or sink reports with ``emit(RequestSent, characters=6)``: the recorder of the current session, found through a
context variable, adds the time. Outside a session ``emit`` does nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import count
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. ``at`` is in seconds since the call of ``play_stream``, or of the ``say`` of a `Player`.

    ``speech`` is the number of the speech, each its own in this process: `Speech.number` for those of a `Player`.
    """

    at: float
    speech: int = field(default=0, kw_only=True, compare=False)


@dataclass(frozen=True, slots=True)
class RequestSent(Event):
    """A request was sent completely. ``at`` is below zero for one that the command line sent ahead, while it loaded."""

    characters: int = 0


@dataclass(frozen=True, slots=True)
class Retrying(Event):
    """A request failed and will be sent again after ``delay`` seconds."""

    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class Hedged(Event):
    """Piece ``index`` is asked for a second time, its first sound being late ``waited`` seconds after the request."""

    index: int
    waited: float


@dataclass(frozen=True, slots=True)
class FailedOver(Event):
    """The source of that name failed, and the next one of its sequence takes over."""

    source: str


@dataclass(frozen=True, slots=True)
class ResponseStarted(Event):
    """The headers of the response were received."""

    content_type: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class FirstByte(Event):
    """The first byte of the body was received."""


@dataclass(frozen=True, slots=True)
class FirstPacket(Event):
    """The first packet of audio was received."""


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The playout policy started playback."""


@dataclass(frozen=True, slots=True)
class SegmentStarted(Event):
    """The first sample of a piece of text reached the converter."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class SegmentEnded(Event):
    """The last sample of a piece of text reached the converter."""

    index: int
    text: str


@dataclass(frozen=True, slots=True)
class WordStarted(Event):
    """The first sample of a word reached the converter.

    ``start`` and ``end`` are characters of the original text; ``sample`` counts as in `SegmentInfo` (48 kHz).
    """

    text: str
    start: int
    end: int
    sample: int


@dataclass(frozen=True, slots=True)
class Stalled(Event):
    """The buffer ran empty at ``position`` (samples heard)."""

    position: int


@dataclass(frozen=True, slots=True)
class Resumed(Event):
    """Playback resumed at ``position`` after ``seconds`` of silence."""

    position: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """The progress, ten times a second during playback: samples heard, and seconds received but not yet played."""

    position: int
    buffered: float


@dataclass(frozen=True, slots=True)
class Transcribed(Event):
    """The transcript of its own speech that a service sent, beside the requested ``text``."""

    text: str
    spoken: str


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """A problem that does not stop the speech; the report lists it too."""

    message: str


OnEvent = Callable[[Event], Awaitable[object] | object]
"""What ``on_event`` takes: a function of an event, asynchronous or not."""


_numbers = count(1)


class Recorder:
    """Adds the time since the session's zero to its events, and passes them on.

    ``clock`` returns seconds on any monotonic scale, ``zero`` is the start of the session on it. ``speech`` is the
    number that the events get.
    """

    def __init__(
        self, clock: Callable[[], float], zero: float, on_event: Callable[[Event], object] | None = None
    ) -> None:
        self._clock = clock
        self.zero = zero
        self.speech = next(_numbers)
        self._listeners: list[Callable[[Event], object]] = [on_event] if on_event else []

    def listen(self, listener: Callable[[Event], object]) -> None:
        """Add a listener, to be called on the event loop, in order. An exception that it raises ends the session."""
        self._listeners.append(listener)

    def end(self) -> None:
        """Drop the listeners. The timers of a connection that stays open hold their context, and so would keep the
        session that opened it, with its ring of samples, alive.
        """
        self._listeners.clear()

    def elapsed(self) -> float:
        """Seconds since the session's zero."""
        return self._clock() - self.zero

    def record(self, kind: type[Event], *, at: float | None = None, ago: float = 0.0, **fields: Any) -> None:
        """Make an event of ``kind`` with ``fields``, at the current time, ``ago`` seconds before it, or ``at`` (seconds
        since zero).
        """
        event = kind(at=self.elapsed() - ago if at is None else at, speech=self.speech, **fields)
        for listener in self._listeners:
            listener(event)


class _Overhearer:
    """Passes the kind and the fields of each event to ``listener``, and the event to the recorder outside."""

    def __init__(self, listener: Callable[..., object], recorder: Recorder | _Overhearer | None) -> None:
        self._listener: Callable[..., object] | None = listener
        self._recorder = recorder

    @property
    def speech(self) -> int | None:
        """The number of the recorder outside."""
        return self._recorder.speech if self._recorder is not None else None

    def record(self, kind: type[Event], **fields: Any) -> None:
        """Pass the event on to both."""
        if self._listener is not None:
            self._listener(kind, **fields)
        if self._recorder is not None:
            self._recorder.record(kind, **fields)

    def end(self) -> None:
        """Drop the listener: a context may outlive the block, as with a connection that stays open."""
        self._listener = None


_current: ContextVar[Recorder | _Overhearer | None] = ContextVar("oggstream_recorder", default=None)


@contextmanager
def using(recorder: Recorder) -> Iterator[None]:
    """Make ``recorder`` the current one for ``emit``, in this block and in tasks started from it."""
    token = _current.set(recorder)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def overhearing(listener: Callable[..., object]) -> Iterator[None]:
    """Call ``listener`` with the kind and the fields of each event emitted in this block, in a session or not."""
    overhearer = _Overhearer(listener, _current.get())
    token = _current.set(overhearer)
    try:
        yield
    finally:
        overhearer.end()
        _current.reset(token)


def speech_number() -> int | None:
    """The number of the current session's speech, None outside one."""
    recorder = _current.get()
    return recorder.speech if recorder is not None else None


def emit(kind: type[Event], **fields: Any) -> None:
    """Report an event to the current session, if any."""
    recorder = _current.get()
    if recorder is not None:
        recorder.record(kind, **fields)
