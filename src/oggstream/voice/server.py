"""The speech endpoint on this machine: OpenAI's ``/v1/audio/speech``, spoken by espeak-ng.

aiohttp is imported by the functions that use it: importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from base64 import b64encode
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, OggStreamError
from . import espeak
from .bodies import CONTENT_TYPES
from .requests import RefusedError, SpeechRequest, parse
from .synthesis import load, synthesize

if TYPE_CHECKING:
    from aiohttp import web

MODEL = "espeak-ng"
"""The one model. Any name is accepted in a request, so that clients work as they are."""

MAX_BODY_BYTES = 256 << 10  # 4096 characters of text and as many of instructions, each escaped, take 96 KB
STOP_SECONDS = 0.5  # for answers under way that are no speech; speeches are cancelled at once

log = logging.getLogger(__name__)


class SpeechServer:
    """Serves ``host``:``port`` (0: any free one) from `start` to `stop`; may be started again."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self._runner: web.AppRunner | None = None
        self._address: tuple[str, int] = (host, port)
        self._speeches: set[asyncio.Task[Any]] = set()

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL. Known once started."""
        host, port = self._address
        return f"http://{f'[{host}]' if ':' in host else host}:{port}/v1"

    async def start(self) -> None:
        """Load the voice and listen. Raises `LibraryError` without espeak-ng, `ConfigError` for a port not to be had.

        Cancelled, it listens to nothing. Started already, it stays so.
        """
        if self._runner is not None:
            return
        loading = asyncio.ensure_future(load())  # in its thread, while aiohttp is being imported
        await asyncio.sleep(0)
        runner = _runner(self)
        listening = asyncio.ensure_future(_listen(runner, self.host, self.port))
        try:
            self._address = await asyncio.shield(listening)  # cancelled on the way, asyncio leaves the socket open
            await loading
        except BaseException:
            loading.cancel()
            await asyncio.gather(loading, listening, return_exceptions=True)
            await runner.cleanup()
            raise
        self._runner = runner

    async def stop(self) -> None:
        """Stop listening and cut off what is being said. May be called twice."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        speeches = list(self._speeches)
        for task in speeches:
            task.cancel()
        await asyncio.gather(*speeches, return_exceptions=True)
        await runner.cleanup()

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/audio/speech."""
        wanted = parse(await request.read())
        task = asyncio.current_task()
        assert task is not None
        self._speeches.add(task)
        try:
            return await _speak(request, wanted)
        finally:
            self._speeches.discard(task)

    async def models(self, _request: web.Request) -> web.Response:
        """GET /v1/models."""
        model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "oggstream"}
        return _json({"object": "list", "data": [model]})

    async def health(self, _request: web.Request) -> web.Response:
        """GET /health."""
        return _json({"status": "ok", "engine": f"espeak-ng {espeak.load().version}"})


async def _speak(request: web.Request, wanted: SpeechRequest) -> web.StreamResponse:
    """Send the speech as it is made. A client that goes away cancels this, or makes the next write fail."""
    from aiohttp import web

    sse = wanted.stream_format == "sse"
    content_type = "text/event-stream" if sse else CONTENT_TYPES[wanted.format]
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
    speech = synthesize(wanted.text, voice=wanted.voice, speed=wanted.speed, format=wanted.format)
    async with aclosing(_events(speech, wanted) if sse else speech) as parts:
        try:
            async for part in parts:
                if not response.prepared:  # so that what fails before the first byte gets a status of its own
                    await response.prepare(request)
                await response.write(part)
        except ConnectionError:
            log.debug("the client went away")
        except OggStreamError as error:
            if not response.prepared:
                raise
            log.warning("speech broke off: %s", error)
            request.protocol.force_close()  # an end without the last chunk: the client sees that something is missing
    return response


async def _events(speech: AsyncGenerator[bytes, None], wanted: SpeechRequest) -> AsyncGenerator[bytes, None]:
    """The body as server-sent events, as OpenAI does for ``stream_format`` "sse"."""
    async with aclosing(speech):
        async for part in speech:
            yield _event({"type": "speech.audio.delta", "audio": b64encode(part).decode("ascii")})
    usage = {"input_tokens": len(wanted.text), "output_tokens": 0, "total_tokens": len(wanted.text)}
    yield _event({"type": "speech.audio.done", "usage": usage})


def _event(fields: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\n\n"


def _runner(server: SpeechServer) -> web.AppRunner:
    from aiohttp import web

    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[web.middleware(_answer_errors)])
    app.router.add_post("/v1/audio/speech", server.speech)
    app.router.add_get("/v1/models", server.models)
    app.router.add_get("/health", server.health)
    app.on_response_prepare.append(_name_request)
    # A client that goes away cancels its handler, and so the synthesis.
    return web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=STOP_SECONDS)


async def _listen(runner: web.AppRunner, host: str, port: int) -> tuple[str, int]:
    """Open the port; returns the host and the port that it has become."""
    from aiohttp import web

    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        raise ConfigError(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
    return host, runner.addresses[0][1]


async def _name_request(_request: web.BaseRequest, response: web.StreamResponse) -> None:
    response.headers["x-request-id"] = f"req_{uuid.uuid4().hex}"


async def _answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every error in OpenAI's shape."""
    from aiohttp import web

    try:
        return await handler(request)
    except RefusedError as refusal:
        return _refuse(refusal)
    except web.HTTPException as error:
        return _refuse(_translate(request, error), error)
    except OggStreamError as error:
        return _refuse(RefusedError(str(error), status=500, kind="server_error"))


def _translate(request: web.Request, error: web.HTTPException) -> RefusedError:
    """What aiohttp refuses by itself: no such path, another method, too long a body."""
    where = f"{request.method} {request.path}"
    if error.status == 404:
        return RefusedError(f"Invalid URL ({where})", status=404)
    if error.status == 405:
        return RefusedError(f"Not allowed: {where}", status=405)
    return RefusedError(error.reason, status=error.status)


def _refuse(refusal: RefusedError, error: web.HTTPException | None = None) -> web.Response:
    from aiohttp import web

    headers = {"Allow": error.headers["Allow"]} if error is not None and "Allow" in error.headers else None
    return web.Response(text=refusal.as_json(), status=refusal.status, content_type="application/json", headers=headers)


def _json(value: object) -> web.Response:
    from aiohttp import web

    return web.json_response(value)
