"""The speech endpoint: OpenAI's ``/v1/audio/speech`` and ``/v1/realtime``, spoken by the voices of this machine.

aiohttp is imported by the functions that use it: importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import json
import logging
import socket
from base64 import b64encode
from collections.abc import AsyncGenerator, Collection
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ConfigError, OggStreamError
from ..voice import workers
from ..voice.bodies import CONTENT_TYPES
from ..voice.choice import engines_for
from ..voice.synthesis import load, synthesize
from .answers import answer_errors, json_answer, key_asker, name_request
from .browsers import Browsers, is_address
from .jobs import Jobs, Turn
from .speech_request import RefusedError, SpeechRequest, parse

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Middleware

    from .connections import Connections

MODEL = "offline"
"""The one model. Any name is accepted in a request, so that clients work as they are."""
_MODEL = {"id": MODEL, "object": "model", "created": 0, "owned_by": "oggstream"}

JOBS, QUEUE = 128, 128
"""Speeches at once, and those that wait, unless told otherwise. Those at once take turns, clause by clause."""

MOST_SESSIONS = 100
"""Realtime sessions at once: each keeps a connection for up to an hour."""

MAX_BODY_BYTES = 256 << 10  # 4096 characters of text and as many of instructions, each escaped, take 96 KB
REQUEST_SECONDS = 30.0  # for a request's body to come
UNREAD_SECONDS = 60.0  # for a client to take the next piece; meanwhile its place is free for others
PATIENCE_SECONDS = 0.1  # after which a client counts as one that does not read
ROOM_BYTES = 16 << 10  # so little unsent data never makes a write wait
STOP_SECONDS = 0.5  # for answers under way that are no speech; speeches are cancelled at once

log = logging.getLogger(__name__)


class SpeechServer:
    """Serves ``host``:``port`` (0: any free one) from `start` to `stop`; may be started again.

    With ``key`` it wants that as the bearer token of every request but ``/health``. It has to have one where other
    machines may reach it, unless ``open_to_all``. Web pages may use it if their origin is in ``origins``. ``jobs``
    speeches are made at once, ``queue`` more wait in turn, and what comes beyond is answered with 429.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        key: str | None = None,
        open_to_all: bool = False,
        origins: Collection[str] = (),
        jobs: int = JOBS,
        queue: int = QUEUE,
    ) -> None:
        self.host = host
        self.port = port
        self.key = key
        self.open_to_all = open_to_all
        self.origins = origins
        self._jobs = Jobs(jobs, queue)
        self._runner: web.AppRunner | None = None
        self._listener: _Listener | None = None
        self._addresses: list[tuple[str, int]] = [(host, port)]
        self._speeches: set[asyncio.Task[Any]] = set()
        self._sessions = 0

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
        return not all(_is_loopback(host) for host, _ in self._addresses)

    async def start(self) -> None:
        """Load the voice and listen. Raises `LibraryError` without a voice, `ConfigError` for a port not to be had,
        and where others could use it without a key.

        Cancelled, it listens to nothing. Started already, it stays so.
        """
        if self._runner is not None:
            return
        workers.set_size(self._jobs.limit)
        loading = asyncio.ensure_future(load())  # in its thread, while aiohttp is being imported
        await asyncio.sleep(0)
        listening = asyncio.ensure_future(self._listen())
        try:
            await asyncio.shield(listening)  # cancelled on the way, asyncio leaves the socket open
            await loading
        except BaseException:
            loading.cancel()
            await asyncio.gather(loading, listening, return_exceptions=True)
            await self.stop()
            raise

    async def _listen(self) -> None:
        """Open the port."""
        addresses = await _addresses_of(self.host, self.port)
        is_open = not all(map(_is_loopback, addresses))
        if is_open and not self.key and not self.open_to_all:
            raise ConfigError(
                f"other machines could use {self.host} port {self.port} without a key: give one, listen on 127.0.0.1, "
                "or allow it (--no-key; open_to_all=True)"
            )
        runner = _runner(self, Browsers(self.origins, {self.host}, any_name=is_open and bool(self.key)))
        self._runner = runner
        await runner.setup()
        self._listener = await _listen(runner, self.host, self.port)
        self._addresses = self._listener.addresses()

    async def stop(self) -> None:
        """Stop listening and cut off what is being said. May be called twice."""
        runner, self._runner = self._runner, None
        listener, self._listener = self._listener, None
        if runner is None:
            return
        if listener is not None:
            listener.close()
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
            async with self._jobs.turn(client_of(request)) as turn:
                return await _speak(request, wanted, turn)
        finally:
            self._speeches.discard(task)

    async def realtime(self, request: web.Request) -> web.StreamResponse:
        """GET /v1/realtime, a WebSocket."""
        from .realtime_socket import serve

        if self._sessions >= MOST_SESSIONS:
            raise RefusedError(
                f"This server holds {MOST_SESSIONS} sessions at once: try again later.",
                status=429,
                kind="requests",
                code="rate_limit_exceeded",
            )
        task = asyncio.current_task()
        assert task is not None
        self._speeches.add(task)
        self._sessions += 1
        try:
            return await serve(request, self._jobs, client_of(request))
        finally:
            self._sessions -= 1
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
        engine = next((info.name for info in engines_for("en")), "none")
        return json_answer(
            {"status": "ok", "engine": engine, "running": self._jobs.running, "waiting": self._jobs.waiting}
        )


def client_of(request: web.Request) -> str:
    """Whose share a request counts to: an address; none for this machine, where all clients have the same one."""
    address = request.remote or ""
    return "" if not address or _is_loopback(address) else address


async def _speak(request: web.Request, wanted: SpeechRequest, turn: Turn) -> web.StreamResponse:
    """Send the speech as it is made. A client that goes away cancels this, or makes the next write fail."""
    from aiohttp import web

    sse = wanted.stream_format == "sse"
    content_type = "text/event-stream" if sse else CONTENT_TYPES[wanted.format]
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
    speech = synthesize(
        wanted.text, voice=wanted.voice, speed=wanted.speed, format=wanted.format, language=wanted.language
    )
    async with aclosing(_events(speech, wanted) if sse else speech) as parts:
        try:
            async for part in parts:
                if not response.prepared:  # so that what fails before the first byte gets a status of its own
                    await response.prepare(request)
                await _write(request, response, part, turn)
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


async def _write(request: web.Request, response: web.StreamResponse, part: bytes, turn: Turn) -> None:
    """Send ``part``. A client that does not read gives its place to others meanwhile. Raises `TimeoutError`."""
    transport = request.transport
    if transport is None or transport.get_write_buffer_size() < ROOM_BYTES:
        await response.write(part)
        return
    writing = asyncio.ensure_future(response.write(part))
    try:
        done, _ = await asyncio.wait((writing,), timeout=PATIENCE_SECONDS)
        if not done:
            from .connections import stalling

            with stalling(request):
                async with turn.aside(), asyncio.timeout(UNREAD_SECONDS):
                    await asyncio.shield(writing)
    finally:
        if not writing.done():
            writing.cancel()
    await writing


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


def _runner(server: SpeechServer, browsers: Browsers) -> web.AppRunner:
    from aiohttp import web

    from .connections import tell_connections

    guards: list[Middleware] = [tell_connections, web.middleware(answer_errors), web.middleware(browsers.middleware())]
    if server.key:
        guards.append(web.middleware(key_asker(server.key)))
    app = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=guards)
    app.router.add_post("/v1/audio/speech", server.speech)
    app.router.add_get("/v1/realtime", server.realtime)
    app.router.add_get("/v1/models", server.models)
    app.router.add_get("/v1/models/{name}", server.model)
    app.router.add_get("/health", server.health)
    app.on_response_prepare.append(name_request)
    app.on_response_prepare.append(browsers.mark)
    # A client that goes away cancels its handler, and so the synthesis.
    return web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=STOP_SECONDS)


class _Listener(NamedTuple):
    """An open port and its connections."""

    server: asyncio.Server
    connections: Connections

    def addresses(self) -> list[tuple[str, int]]:
        """The addresses and ports that it has become."""
        names = [opened.getsockname() for opened in self.server.sockets]
        return [(str(name[0]), int(name[1])) for name in names]

    def close(self) -> None:
        """Accept nothing more. What is open stays so."""
        self.server.close()
        self.connections.stop()


async def _listen(runner: web.AppRunner, host: str, port: int) -> _Listener:
    """Open the port. Raises `ConfigError`."""
    from .connections import BACKLOG, Connections, most_connections

    manager = runner.server
    assert manager is not None
    connections = Connections(manager, most_connections())
    try:
        server = await asyncio.get_running_loop().create_server(connections, host, port, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(host, port, error) from error
    return _Listener(server, connections)


async def _addresses_of(host: str, port: int) -> list[str]:
    """The addresses that ``host`` means; the empty one means all that there are. Raises `ConfigError`."""
    if not host:
        return ["0.0.0.0"]
    if is_address(host):
        return [host]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _cannot_listen(host, port, error) from error
    return [str(address[0]) for *_, address in found]


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def _cannot_listen(host: str, port: int, error: OSError | UnicodeError) -> ConfigError:
    return ConfigError(f"cannot listen on {host} port {port}: {_obstacle(error)}")


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
