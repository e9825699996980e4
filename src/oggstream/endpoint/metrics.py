"""What an operator watches: figures of the endpoint in the format of Prometheus, by its client library (an extra).

Several workers keep theirs in the files of one folder, by the library's multiprocess mode (`FOLDER_VARIABLE`), so that
whichever of them is asked tells the sums.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..errors import LibraryError

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware

    from .jobs import Jobs
    from .record import Record

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""The library's own."""
FIRST_AUDIO = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
"""Seconds: the borders of the histogram of first audio."""
COUNTED = {"Hedged": "hedges", "FailedOver": "failovers", "Retrying": "retries"}
"""Events, and what their counter is called."""


class Metrics:
    """Counters of one server, whose ``jobs`` tell of their changes. Raises `LibraryError`."""

    def __init__(self, jobs: Jobs) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        except ImportError as error:
            raise LibraryError("figures need prometheus-client: pip install 'oggstream[metrics]'") from error
        self._registry = CollectorRegistry()
        ours: dict[str, Any] = {"namespace": "oggstream", "registry": self._registry}
        now: dict[str, Any] = {**ours, "multiprocess_mode": "livesum"}
        self._requests = Counter("requests", "Answers", ("path", "status"), **ours)
        self._open = Gauge("requests_open", "Answers under way: streams of speech, sessions", ("path",), **now)
        self._speeches = Gauge("speeches", "Speeches that are made, and that wait for a place", ("state",), **now)
        what = "From a request to the first byte of its sound"
        self._first = Histogram("first_audio_seconds", what, ("source", "format"), buckets=FIRST_AUDIO, **ours)
        self._phrases = Counter("phrases", "Pieces of text, by what the cache made of them", ("outcome",), **ours)
        self._events = {
            event: Counter(name, f"{name.capitalize()} within speeches", ("source",), **ours)
            for event, name in COUNTED.items()
        }
        self._jobs = jobs
        jobs.changed = self._jobs_changed
        self._jobs_changed()

    def _jobs_changed(self) -> None:
        self._speeches.labels("running").set(self._jobs.running)
        self._speeches.labels("waiting").set(self._jobs.waiting)

    def spoken(self, record: Record) -> None:
        """A request for speech was answered, to its end or not."""
        if record.first is not None:
            self._first.labels(record.source, record.format).observe(record.first)
        for outcome in record.outcomes:
            self._phrases.labels(outcome).inc()
        for event, counter in self._events.items():
            counter.labels(record.source).inc(record.events[event])

    def middleware(self) -> Middleware:
        """Counts the answers by their route."""
        from .connections import record_of, route_of

        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            status, path = 499, route_of(request)  # 499: the client went away
            try:
                with self._open.labels(path).track_inprogress():
                    response = await handler(request)
                status = response.status
                return response
            finally:
                self._requests.labels(path, status).inc()
                record = record_of(request)
                if record.format:
                    self.spoken(record)

        return count

    def text(self) -> tuple[bytes, str]:
        """All figures, and their media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

        registry = self._registry
        if os.environ.get(FOLDER_VARIABLE):
            from prometheus_client.multiprocess import MultiProcessCollector

            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST
