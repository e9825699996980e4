"""Spans of OpenTelemetry: one for each speech, one for each request to the endpoint. The only door to its API.

Nothing of it is imported here: a program that has set up a provider has imported the API, and without one there is
nobody to tell. No span holds text, a message or a key.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

from . import events

if TYPE_CHECKING:
    from .events import Event, Recorder

NAME = "oggstream"
_MOMENTS: dict[type[Event], str] = {
    events.RequestSent: "request",
    events.FirstByte: "first byte",
    events.FirstPacket: "first packet",
    events.Hedged: "hedged",
    events.FailedOver: "failed over",
    events.Retrying: "retrying",
    events.Stalled: "stalled",
    events.Resumed: "resumed",
}
_TOLD = ("characters", "delay", "index", "waited", "source", "seconds")
"""Fields of these events that say nothing of what is spoken."""


@contextmanager
def speech_span(recorder: Recorder, source: str, sink: str = "") -> Iterator[None]:
    """A span of one speech for the block, with its moments: requests, first bytes and packets, the first sample heard,
    and what went wrong. It is a child of the span that is current.
    """
    span = _begun("oggstream.speech", {"oggstream.source": source, "oggstream.sink": sink})
    if span is None:
        yield
        return
    zero = time.time_ns() - round(recorder.elapsed() * 1e9)
    recorder.listen(lambda event: _tell(span, event, zero))
    with _current(span), _ending(span):
        yield


@contextmanager
def request_span(method: str, path: str, headers: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """A span of one request to a server, current in the block, below the client's (W3C Trace Context). What the block
    puts into the dictionary becomes its attributes.
    """
    told: dict[str, Any] = {}
    trace = _api()
    if trace is None:
        yield told
        return
    from opentelemetry.propagate import extract

    attributes = {"http.request.method": method, "url.path": path}
    span = trace.get_tracer(NAME).start_span(
        f"{method} {path}", extract(headers), kind=trace.SpanKind.SERVER, attributes=attributes
    )
    with _current(span), _ending(span):
        try:
            yield told
        finally:
            span.set_attributes({name: value for name, value in told.items() if value is not None})


def _api() -> Any:
    """The API, where a program has imported it."""
    return sys.modules.get("opentelemetry.trace")


def _current(span: Any) -> AbstractContextManager[Any]:
    """``span`` as the parent of what begins in the block. It is told of no exception, whose message may hold text."""
    current: AbstractContextManager[Any] = _api().use_span(span, record_exception=False, set_status_on_exception=False)
    return current


def _begun(name: str, attributes: dict[str, str]) -> Any:
    trace = _api()
    if trace is None:
        return None
    span = trace.get_tracer(NAME).start_span(name, attributes=attributes)
    return span if span.is_recording() else None


@contextmanager
def _ending(span: Any) -> Iterator[None]:
    """End ``span`` with the block, marked with the kind of error that ended it."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, Exception):
            trace = _api()
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(trace.Status(trace.StatusCode.ERROR))
        raise
    finally:
        span.end()


def _tell(span: Any, event: Event, zero: int) -> None:
    name = _MOMENTS.get(type(event))
    if isinstance(event, events.SegmentStarted) and event.index == 0:
        name = "first sample"
    if name is not None:
        told = {field: value for field in _TOLD if (value := getattr(event, field, None)) is not None}
        span.add_event(name, told, timestamp=zero + round(event.at * 1e9))
