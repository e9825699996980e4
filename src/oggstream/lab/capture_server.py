"""A server on loopback that answers with captures, so that a replay takes the whole way: sockets, HTTP, the client."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, suppress
from typing import TYPE_CHECKING

from aiohttp import web

from ..errors import SourceBrokenError, SourceConnectionError
from ..sources.captures.replay_source import ReplayStream, identity
from ..sources.http.client import HttpClient
from ..sources.http.exchange import Request
from ..sources.traits import SourceTraits

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from ..sources.captures.capture import Capture
    from ..sources.source import ByteStream

HOST = "127.0.0.1"


class CaptureServer:
    """Serves what `source` was asked for, from `start` to `stop`. Times count from a request's arrival here."""

    def __init__(self) -> None:
        self._captures: list[Capture] = []
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def start(self) -> None:
        """Listen on a free port. Raises `SourceConnectionError`."""
        app = web.Application()
        app.router.add_get("/{number:[0-9]+}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, 0).start()
        except OSError as error:
            raise SourceConnectionError(f"cannot listen on {HOST}: {error.strerror or error}") from error
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close all connections and the port."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def source(self, capture: Capture) -> ServedCapture:
        """A source that gets ``capture`` from here."""
        self._captures.append(capture)
        return ServedCapture(f"http://{HOST}:{self._port}/{len(self._captures) - 1}", capture)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        number = int(request.match_info["number"])
        if number >= len(self._captures):
            raise web.HTTPNotFound
        capture = self._captures[number]
        stream = ReplayStream(capture, asyncio.get_running_loop().time())
        response = web.StreamResponse(headers={"Content-Type": stream.content_type or "application/octet-stream"})
        if stream.request_id is not None:
            response.headers["x-request-id"] = stream.request_id
        with suppress(ConnectionError):  # the client has gone
            await stream.answered()
            await response.prepare(request)
            await _send(stream, request, response)
        return response


async def _send(stream: ReplayStream, request: web.Request, response: web.StreamResponse) -> None:
    try:
        async for chunk in stream:
            await response.write(chunk)
    except SourceBrokenError:
        if request.transport is not None:
            request.transport.abort()
    else:
        await response.write_eof()


class ServedCapture:
    """A capture as a source that is asked over HTTP."""

    def __init__(self, url: str, capture: Capture) -> None:
        self._capture = capture
        self._client = HttpClient(url, max_retries=0, trust_env=False)

    @property
    def traits(self) -> SourceTraits:
        """What is learnt is learnt of the captured service."""
        return SourceTraits(name="replay", identity=identity(self._capture), sound="")

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:  # noqa: ARG002
        """Ask for the capture. Raises `SourceError`."""
        return self._client.open(Request("GET", {}, None, len(text)))

    async def warm(self) -> None:
        """Open the connection ahead of the request."""
        await self._client.warm()

    async def aclose(self) -> None:
        """Close the connection."""
        await self._client.aclose()
