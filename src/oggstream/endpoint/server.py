"""The speech endpoint on this machine: OpenAI's ``/v1/audio/speech`` and ``/v1/realtime``, spoken by espeak-ng.

aiohttp is imported by the functions that use it: importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import logging
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, OggStreamError
from ..voices import espeak
from ..voices.bodies import CONTENT_TYPES
from ..voices.synthesis import load, synthesize
from .answers import answer_errors, json_answer, key_asker, name_request
from .jobs import Jobs
from .speech_request import RefusedError, SpeechRequest, parse

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Middleware


MODEL = "espeak-ng"
"""The one model. Any name is accepted in a request, so that clients work as they are."""
_MODEL = {"id": MODEL, "object": "model", "created": 0, "owned_by": "oggstream"}

JOBS, QUEUE = 32, 64
"""Speeches at once, and those that wait, unless told otherwise."""

MAX_BODY_BYTES = 256 << 10  # 4096 characters of text and as many of instructions, each escaped, take 96 KB
REQUEST_SECONDS = 30.0  # for a request's body to come
UNREAD_SECONDS = 600.0  # for a client to take the next piece: a player may pause, and may not keep a job for ever
STOP_SECONDS = 0.5  # for answers under way that are no speech; speeches are cancelled at once

log = logging.getLogger(__name__)


class SpeechServer:
    """Serves ``host``:``port`` (0: any free one) from `start` to `stop`; may be started again.

    With ``key`` it wants that as the bearer token of every request but ``/health``. ``jobs`` speeches are made at
    once, ``queue`` more wait in turn, and what comes beyond is answered with 429.
    """

    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, key: str | None = None, jobs: int = JOBS, queue: int = QUEUE
    ) -> None:
        self.host = host
        self.port = port
        self.key = key
        self._jobs = Jobs(jobs, queue)
        self._runner: web.AppRunner | None = None
        self._addresses: list[tuple[str, int]] = [(host, port)]
        self._speeches: set[asyncio.Task[Any]] = set()

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL. Known once started."""
        host = _reachable(self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.bound_port}/v1"

    @property
    def bound_port(self) -> int:
        """The port that it listens on. Known once started."""
        return self._addresses[0][1]

    @property
    def is_open(self) -> bool:
        """Whether other machines may reach it. Known once started."""
        return not all(ipaddress.ip_address(host.partition("%")[0]).is_loopback for host, _ in self._addresses)

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
            self._addresses = await asyncio.shield(listening)  # cancelled on the way, asyncio leaves the socket open
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
        task = asyncio.current_task()
        assert task is not None
        self._speeches.add(task)
        try:
            wanted = parse(await _body(request))
            async with self._jobs.turn():
                return await _speak(request, wanted)
        finally:
            self._speeches.discard(task)

    async def realtime(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/realtime, a WebSocket."""
        from .realtime_socket import serve

        task = asyncio.current_task()
        assert task is not None
        self._speeches.add(task)
        try:
            return await serve(request, self._jobs)
        finally:
            self._speeches.discard(task)

    async def models(self, _request: web.Request) -> web.Response:
        """GET /v1/models."""
        return json_answer({"object": "list", "data": [_MODEL]})

    async def model(self, request: web.Request) -> web.Response:
        """GET /v1/models/NAME."""
        name = request.match_info["name"]
        if name != MODEL:
            message = f"The model '{name}' does not exist; '{MODEL}' does, and a speech may ask for any."
            raise RefusedError(message, status=404, param="model", code="model_not_found")
        return json_answer(_MODEL)

    async def health(self, _request: web.Request) -> web.Response:
        """GET /health."""
        engine = f"espeak-ng {espeak.load().version}"
        return json_answer(
            {"status": "ok", "engine": engine, "running": self._jobs.running, "waiting": self._jobs.waiting}
        )


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
                async with asyncio.timeout(UNREAD_SECONDS):
                    await response.write(part)
        except ConnectionError:
            log.debug("the client went away")
        except TimeoutError:
            log.warning("a client reads no further: its speech is broken off")
            _cut_off(request)
        except OggStreamError as error:
            if not response.prepared:
                raise
            log.warning("speech broke off: %s", error)
            _cut_off(request)
    return response


async def _body(request: web.Request) -> bytes:
    """The body of a request. Raises `RefusedError` when it does not come, or not whole."""
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await request.read()
    except TimeoutError:
        raise RefusedError("The body of your request did not come in time.", status=408) from None


def _cut_off(request: web.Request) -> None:
    """End without the last chunk: the client sees that something is missing."""
    request.protocol.force_close()


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

    guards: list[Middleware] = [web.middleware(answer_errors)]
    if server.key:
        guards.append(web.middleware(key_asker(server.key)))
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=guards)
    app.router.add_post("/v1/audio/speech", server.speech)
    app.router.add_get("/v1/realtime", server.realtime)
    app.router.add_get("/v1/models", server.models)
    app.router.add_get("/v1/models/{name}", server.model)
    app.router.add_get("/health", server.health)
    app.on_response_prepare.append(name_request)
    # A client that goes away cancels its handler, and so the synthesis.
    return web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=STOP_SECONDS)


async def _listen(runner: web.AppRunner, host: str, port: int) -> list[tuple[str, int]]:
    """Open the port; returns the addresses and ports that it has become. Raises `ConfigError`."""
    from aiohttp import web

    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except (OSError, UnicodeError) as error:
        raise ConfigError(f"cannot listen on {host} port {port}: {_obstacle(error)}") from error
    return [(str(address[0]), int(address[1])) for address in runner.addresses]


def _obstacle(error: OSError | UnicodeError) -> str:
    """Why a port cannot be had, and what to do."""
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return "it is in use; stop the program that listens there, or choose another port (0: any free one)"
    if number == errno.EACCES:
        return "this user may not; choose a port from 1024 on"
    if number == errno.EADDRNOTAVAIL or (number is None and isinstance(error, OSError)):  # None: from Python 3.12 on
        return "this machine has no such address; choose 127.0.0.1, or 0.0.0.0 for all that it has"
    return f"{getattr(error, 'strerror', None) or error}; check the name of the host"


def _reachable(host: str) -> str:
    """The host under which a client on this machine reaches a server that listens on ``host``."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
