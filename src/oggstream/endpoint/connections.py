"""The connections of the endpoint: bounded in number and in time, and what is no HTTP is one line in the log.

Imports aiohttp: to be imported once a server starts.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from itertools import chain
from typing import TYPE_CHECKING, Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from ..tracing import request_span
from .record import Record
from .speech_request import RefusedError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

IDLE_SECONDS = 15.0
"""How long a connection may stay without a whole request: silent, with a head that comes byte by byte, or kept."""

MOST_CONNECTIONS = 4000
"""At most; fewer where the process may open fewer files."""

BACKLOG = 100
"""Connections that are accepted in one go, before any of them can be closed."""

SPARE_FILES = BACKLOG + 60
"""Files that stay for these and for everything else."""

log = logging.getLogger(__name__)
requests_log = logging.getLogger("oggstream")


class Connections:
    """All connections of one server. Those without a request wait in ``idle``, the longest first.

    Beyond ``most`` the one that has waited longest is closed for a new one, then one whose client does not read. Where
    all are being served, the new one is closed.
    """

    def __init__(self, manager: web.Server, most: int) -> None:
        self._manager = manager
        self._most = most
        self._loop = asyncio.get_running_loop()
        self._open: set[ClientConnection] = set()
        self._idle: dict[ClientConnection, float] = {}
        self._stalled: dict[ClientConnection, None] = {}  # those whose clients do not read, the longest first
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._open)

    @property
    def unsent(self) -> bool:
        """Whether something waits for its client to read it."""
        transports = (connection.transport for connection in self._open)
        return any(transport is not None and transport.get_write_buffer_size() for transport in transports)

    def __call__(self) -> ClientConnection:
        """A protocol for a connection that was accepted."""
        return ClientConnection(self, self._manager, loop=self._loop)

    def opened(self, connection: ClientConnection) -> None:
        """A connection is there."""
        self._open.add(connection)
        self.rests(connection)
        if len(self._open) > self._most:
            self._close(next(chain((c for c in self._idle if c is not connection), self._stalled, (connection,))))

    def lost(self, connection: ClientConnection) -> None:
        """It is gone."""
        self._open.discard(connection)
        self._idle.pop(connection, None)
        self._stalled.pop(connection, None)

    def rests(self, connection: ClientConnection) -> None:
        """It has no request now."""
        if connection not in self._open:
            return
        self._idle[connection] = self._loop.time()
        if self._timer is None:
            self._timer = self._loop.call_later(IDLE_SECONDS, self._sweep)

    def works(self, connection: ClientConnection) -> None:
        """A whole head has come."""
        self._idle.pop(connection, None)

    @contextmanager
    def stalls(self, connection: ClientConnection) -> Iterator[None]:
        """Its client does not read for the block."""
        if connection in self._open:
            self._stalled[connection] = None
        try:
            yield
        finally:
            self._stalled.pop(connection, None)

    def stop(self) -> None:
        """Close nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._most = sys.maxsize

    def _sweep(self) -> None:
        self._timer = None
        now = self._loop.time()
        while self._idle:
            connection, since = next(iter(self._idle.items()))
            if now - since < IDLE_SECONDS:
                self._timer = self._loop.call_at(since + IDLE_SECONDS, self._sweep)
                return
            self._close(connection)

    def _close(self, connection: ClientConnection) -> None:
        self.lost(connection)
        connection.force_close()


UNREADABLE = "UNKNOWN"
"""The method that aiohttp gives what is no request."""


class RequestLog(AbstractAccessLogger):
    """One line a request, at INFO, without its query and headers, which may hold keys. The record has ``fields``."""

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        """As aiohttp calls it when an answer has ended."""
        if request.method == UNREADABLE:  # which `ClientConnection.handle_error` told
            return
        record, sent = record_of(request), response.body_length
        remote = record.client or request.remote
        who = f"{remote} ({record.owner})" if record.owner else remote
        place = f"{request.method} {request.path}"
        fields: dict[str, Any] = {"remote": remote}
        fields |= {"method": request.method, "path": request.path, "status": response.status}
        fields |= {"bytes": sent, "seconds": round(time, 4), "request_id": response.headers.get("X-Request-Id")}
        told = {"fields": {**fields, **record.fields}}
        self.logger.info("%s %s %s, %d bytes in %.3f s%s", who, place, response.status, sent, time, record, extra=told)

    @property
    def enabled(self) -> bool:
        """Whether anybody reads it."""
        return self.logger.isEnabledFor(logging.INFO)


class ClientConnection(web.RequestHandler):
    """One connection, which tells `Connections` what becomes of it."""

    __slots__ = ("connections", "record")

    def __init__(self, connections: Connections, manager: web.Server, *, loop: asyncio.AbstractEventLoop) -> None:
        settings: dict[str, Any] = {"access_log": requests_log, "access_log_class": RequestLog}
        settings |= {"keepalive_timeout": IDLE_SECONDS, "lingering_time": 1.0, "auto_decompress": False}
        super().__init__(manager, loop=loop, **settings)
        self.connections = connections
        self.record = Record()  # of the request at hand: they come one after the other

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As asyncio calls it."""
        super().connection_made(transport)
        self.connections.opened(self)

    def connection_lost(self, exc: BaseException | None) -> None:
        """As asyncio calls it."""
        self.connections.lost(self)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - it repeats what came, keys included
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and what failed here, in OpenAI's shape. The log gets one line without what came."""
        what = "could not be read" if status < 500 else "failed"
        log.warning("a request of %s %s: %s", request.remote, what, type(exc).__name__)
        if status >= 500:
            log.debug("where it failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        refusal = RefusedError(f"Your request {what}.", status=status)
        if status >= 500:
            refusal.kind = "server_error"
        answer = web.Response(text=refusal.as_json(), status=status, content_type="application/json")
        answer.force_close()
        return answer


class Answer(web.StreamResponse):
    """An answer whose head leaves with its first bytes: one write, which wakes the client once."""

    _send_headers_immediately = False


@web.middleware
async def tell_connections(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A middleware: a connection is at work while its request is being served."""
    connection = request.protocol
    if not isinstance(connection, ClientConnection):
        return await handler(request)
    connections = connection.connections
    connection.record = Record()
    connections.works(connection)
    try:
        return await handler(request)
    finally:
        connections.rests(connection)


def record_of(request: web.BaseRequest) -> Record:
    """What is known of a request."""
    connection = request.protocol
    return connection.record if isinstance(connection, ClientConnection) else Record()


@web.middleware
async def trace(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A middleware: the span of a request, where somebody wants spans."""
    with request_span(request.method, route_of(request), request.headers) as told:
        response = await handler(request)
        told["http.response.status_code"] = response.status
        told |= {f"oggstream.{name}": value for name, value in record_of(request).fields.items()}
        return response


def route_of(request: web.Request) -> str:
    """The path by its route, not as it was asked for, which may be anything; "none" without one."""
    resource = request.match_info.route.resource
    return (resource.canonical if resource is not None else "none").rstrip("/") or "/"


def stalling(request: web.Request) -> AbstractContextManager[None]:
    """A block in which the client of ``request`` does not read: its connection may be closed for another."""
    connection = request.protocol
    return connection.connections.stalls(connection) if isinstance(connection, ClientConnection) else nullcontext()


def most_connections() -> int:
    """How many this process can hold."""
    try:
        import resource
    except ImportError:  # Windows
        return MOST_CONNECTIONS
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files < 0 else max(8, min(MOST_CONNECTIONS, files - SPARE_FILES))
