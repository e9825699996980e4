"""What happened and when: the events that ``on_event`` gets, and the recorder that stamps them.

A source or sink reports with ``emit(RequestSent, characters=6)``: the recorder of the session that runs it, found
through a context variable, adds the time. Outside a session ``emit`` does nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events. ``at`` is in seconds since the call of ``play_stream``."""

    at: float


@dataclass(frozen=True, slots=True)
class RequestSent(Event):
    """A request is on the wire, to its last byte."""

    characters: int = 0


@dataclass(frozen=True, slots=True)
class Retrying(Event):
    """A request failed and will be sent again after ``delay`` seconds."""

    delay: float
    reason: str


@dataclass(frozen=True, slots=True)
class ResponseStarted(Event):
    """The response's headers are there."""

    content_type: str
    request_id: str | None


@dataclass(frozen=True, slots=True)
class FirstByte(Event):
    """The first byte of the body is there."""


@dataclass(frozen=True, slots=True)
class FirstPacket(Event):
    """The first packet of audio is there."""


@dataclass(frozen=True, slots=True)
class Started(Event):
    """The playout rule let playback begin."""


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
    """Sound goes on at ``position`` after ``seconds`` of silence."""

    position: int
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Progress(Event):
    """How far it is, ten times a second while it plays: samples heard, and seconds received but not yet played."""

    position: int
    buffered: float


@dataclass(frozen=True, slots=True)
class Transcribed(Event):
    """What a service that writes down its own speech says that it spoke, beside the ``text`` that it was given."""

    text: str
    spoken: str


@dataclass(frozen=True, slots=True)
class Warned(Event):
    """Something is odd but does not stop the speech; the report lists it too."""

    message: str


class Recorder:
    """Stamps the events of one session against its zero and passes them on.

    ``clock`` gives seconds on any monotonic scale, ``zero`` is the session's start on it.
    """

    def __init__(
        self, clock: Callable[[], float], zero: float, on_event: Callable[[Event], object] | None = None
    ) -> None:
        self._clock = clock
        self.zero = zero
        self._listeners: list[Callable[[Event], object]] = [on_event] if on_event else []

    def listen(self, listener: Callable[[Event], object]) -> None:
        """Add a listener; it is called in order, on the event loop. What it raises ends the session."""
        self._listeners.append(listener)

    def end(self) -> None:
        """Tell nobody any more. A timer keeps the context that it was made in, so a connection that stays open would
        keep the session that opened it, and its ring of samples.
        """
        self._listeners.clear()

    def elapsed(self) -> float:
        """Seconds since the session's zero."""
        return self._clock() - self.zero

    def record(self, kind: type[Event], *, at: float | None = None, **fields: Any) -> None:
        """Make an event of ``kind`` with ``fields``, stamped now or with ``at`` (seconds since zero)."""
        event = kind(at=self.elapsed() if at is None else at, **fields)
        for listener in self._listeners:
            listener(event)


class _Overhearer:
    """Tells ``listener`` the kind of each event, and the recorder that would have had it alone."""

    def __init__(self, listener: Callable[[type[Event]], object], recorder: Recorder | _Overhearer | None) -> None:
        self._listener = listener
        self._recorder = recorder

    def record(self, kind: type[Event], **fields: Any) -> None:
        """Pass the event on to both."""
        self._listener(kind)
        if self._recorder is not None:
            self._recorder.record(kind, **fields)


_current: ContextVar[Recorder | _Overhearer | None] = ContextVar("oggstream_recorder", default=None)


@contextmanager
def using(recorder: Recorder) -> Iterator[None]:
    """Make ``recorder`` the one that ``emit`` finds in this block and in tasks started from it."""
    token = _current.set(recorder)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def overhearing(listener: Callable[[type[Event]], object]) -> Iterator[None]:
    """Call ``listener`` with the kind of each event that is emitted in this block, inside a session or not."""
    token = _current.set(_Overhearer(listener, _current.get()))
    try:
        yield
    finally:
        _current.reset(token)


def emit(kind: type[Event], **fields: Any) -> None:
    """Report an event to the session that runs the caller, if any."""
    recorder = _current.get()
    if recorder is not None:
        recorder.record(kind, **fields)
