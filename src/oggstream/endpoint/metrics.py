"""What an operator watches: figures of the endpoint in the format of Prometheus, by its client library (an extra)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import LibraryError

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware

    from .speaker import Speech
    from .timing import ServerTiming

FIRST_AUDIO = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.5, 5.0, 10.0)
"""Seconds: the borders of the histogram of first audio."""


class Metrics:
    """Counters of one server. ``running`` and ``waiting`` are asked when the figures are. Raises `LibraryError`."""

    def __init__(self, running: Callable[[], int], waiting: Callable[[], int]) -> None:
        try:
            from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
        except ImportError as error:
            raise LibraryError("figures need prometheus-client: pip install 'oggstream[metrics]'") from error
        self._registry = CollectorRegistry()
        self._requests = Counter("oggstream_requests", "Answers", ("path", "status"), registry=self._registry)
        self._first = Histogram(
            "oggstream_first_audio_seconds",
            "From a request to the first byte of its sound",
            ("source", "format"),
            buckets=FIRST_AUDIO,
            registry=self._registry,
        )
        self._phrases = Counter(
            "oggstream_phrases", "Pieces of text, by the cache", ("outcome",), registry=self._registry
        )
        speeches = Gauge("oggstream_speeches", "Speeches", ("state",), registry=self._registry)
        speeches.labels("running").set_function(running)
        speeches.labels("waiting").set_function(waiting)

    def spoken(self, source: str, format: str, speech: Speech, timing: ServerTiming) -> None:  # noqa: A002  # of the API
        """A request for speech was answered, to its end or not."""
        if "first" in timing.seconds:
            self._first.labels(source, format).observe(timing.seconds["first"])
        for outcome in getattr(speech.source, "outcomes", ()):
            self._phrases.labels(outcome).inc()

    def middleware(self) -> Middleware:
        """Counts the answers by the route, not by what was asked for, which may be anything."""

        async def count(request: web.Request, handler: Handler) -> web.StreamResponse:
            status = 499  # the client went away
            try:
                response = await handler(request)
                status = response.status
                return response
            finally:
                resource = request.match_info.route.resource
                path = resource.canonical if resource is not None else "none"
                self._requests.labels(path.rstrip("/") or "/", status).inc()

        return count

    def text(self) -> tuple[bytes, str]:
        """All figures, and their media type."""
        from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

        return generate_latest(self._registry), CONTENT_TYPE_LATEST
