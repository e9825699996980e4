"""The speech endpoint: OpenAI's ``/v1/audio/speech`` and ``/v1/realtime``, in front of any source.

aiohttp is imported by the functions that use it: importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, nullcontext
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..options import PlaybackOptions, checked
from ..parts import cache_named, use
from ..sources.resolve_source import coerce
from ..sources.traits import traits_of
from ..sources.wrapper import close
from .answers import json_answer
from .asked import body_of, client_of
from .browsers import Browsers
from .common_answers import CommonAnswers
from .jobs import Jobs
from .keys import Keys
from .listening import Listener, addresses_of, is_loopback, listen, reachable, server_tls
from .listing import Listing
from .live.rooms import ROOMS, Rooms
from .metrics import Metrics
from .speaker import Speaker
from .speech_answer import answer_speech
from .speech_request import RefusedError, parse
from .timing import ServerTiming
from .trusted_proxies import TrustedProxies
from .under_way import UnderWay

if TYPE_CHECKING:
    import socket

    from aiohttp import web

    from ..types import CacheLike, SourceLike
    from .jobs import Turn
    from .record import Record
    from .speaker import Speech
    from .speech_request import SpeechRequest

JOBS, QUEUE = 128, 128
"""Speeches at once, and those that wait, unless told otherwise. Those at once take turns, clause by clause."""

MOST_SESSIONS = 100
"""Realtime sessions at once: each keeps a connection for up to an hour."""

log = logging.getLogger(__name__)


class SpeechServer:
    """Serves ``host``:``port`` (0: any free one) from `start` to `stop`; may be started again.

    ``source`` speaks: anything that `play_stream` takes; None: the voice of this machine. One that you pass stays open.
    ``voices``: names that clients use, and the source's voices that they mean. ``cache``: as for `play_stream`. With
    ``key``, or ``keys`` (names and keys), it wants one with every request but ``/health`` and ``/ready``. It has to
    have one where other machines may reach it, unless ``open_to_all``. Web pages may use it if their origin is in
    ``origins``. ``certificate``: a PEM file with its key, for HTTPS. ``port_opened``: a listening socket to use instead
    of opening ``port``, as several processes may. ``trusted_proxies``: addresses and networks of proxies in front of
    it, which are believed who their clients are. ``metrics``: ``/metrics`` tells figures to Prometheus, which takes its
    client library (`LibraryError`). ``jobs`` speeches are made at once, ``queue`` more wait in turn, and what comes
    beyond is answered with 429. ``rooms``: how many there may be at once; 0: none.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        source: SourceLike = None,
        voices: Mapping[str, str] | None = None,
        options: PlaybackOptions | None = None,
        cache: CacheLike = None,
        key: str | None = None,
        keys: Mapping[str, str] | None = None,
        open_to_all: bool = False,
        origins: Collection[str] = (),
        certificate: str | None = None,
        port_opened: socket.socket | None = None,
        trusted_proxies: Collection[str] = (),
        metrics: bool = False,
        jobs: int = JOBS,
        queue: int = QUEUE,
        rooms: int = ROOMS,
    ) -> None:
        self.host = host
        self.port = port
        self.keys = Keys({**(keys or {}), **({"key": key} if key else {})})
        self.open_to_all = open_to_all
        self.origins = origins
        self.certificate = certificate
        self._port_opened = port_opened
        self.trusted_proxies = TrustedProxies(trusted_proxies)
        self._given = source
        self._voices = voices
        self._options = checked(options)
        self._cache = cache_named(cache)
        self._using = AsyncExitStack()
        self._speaker: Speaker | None = None
        self._source: object = None  # made here, if it was
        self.jobs = Jobs(jobs, queue)
        self.rooms = Rooms(lambda: self.speaker, rooms)
        self.metrics = Metrics(self.jobs) if metrics else None
        self.listing = Listing(lambda: self.speaker)
        self._runner: web.AppRunner | None = None
        self._listener: Listener | None = None
        self._addresses: list[tuple[str, int]] = [(host, port)]
        self.under_way = UnderWay()
        self._common = CommonAnswers()
        self._sessions = 0

    @property
    def base_url(self) -> str:
        """What an OpenAI client takes as its base URL. Known once started."""
        host = reachable(self.host)
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{self.bound_port}/v1"

    @property
    def bound_port(self) -> int:
        """The port that it listens on. Known once started."""
        return self._addresses[0][1]

    @property
    def is_open(self) -> bool:
        """Whether other machines may reach it. Known once started."""
        return not all(is_loopback(host) for host, _ in self._addresses)

    @property
    def speaker(self) -> Speaker:
        """Who speaks. Known once started."""
        assert self._speaker is not None
        return self._speaker

    async def start(self) -> None:
        """Make the source ready and listen. Raises `LibraryError` where the voice of this machine is missing,
        `ConfigError` for a port not to be had, and where others could use it without a key, `UsageError` for a source
        that is none.

        Cancelled, it listens to nothing. Started already, it stays so.
        """
        if self._runner is not None:
            return
        self.under_way = UnderWay()
        await use(self._using, self._cache)
        source, ours = _voice_here() if self._given is None else coerce(self._given)
        if traits_of(source).nearby:
            _make_room(self.jobs.limit)
        self._source = source if ours else None
        self._speaker = Speaker(source, voices=self._voices, options=self._options, cache=self._cache)
        preparing = asyncio.ensure_future(self._speaker.prepare())  # while aiohttp is being imported
        await asyncio.sleep(0)
        listening = asyncio.ensure_future(self._listen())
        try:
            await asyncio.shield(listening)  # cancelled on the way, asyncio leaves the socket open
            await preparing
        except BaseException:
            preparing.cancel()
            await asyncio.gather(preparing, listening, return_exceptions=True)
            await self.stop()
            raise

    async def _listen(self) -> None:
        """Open the port."""
        from .routes import runner_of

        tls = server_tls(self.certificate) if self.certificate else None
        is_open = await self.check_open()
        runner = runner_of(self, Browsers(self.origins, {self.host}, any_name=is_open and bool(self.keys)))
        self._runner = runner
        await runner.setup()
        self._listener = await listen(runner, self.host, self.port, tls, self._port_opened)
        self._addresses = self._listener.addresses()

    async def check_open(self) -> bool:
        """Whether other machines will reach it. Raises `ConfigError` where they could do so without a key."""
        is_open = not all(map(is_loopback, await addresses_of(self.host, self.port)))
        if is_open and not self.keys and not self.open_to_all:
            raise ConfigError(
                f"other machines could use {self.host} port {self.port} without a key: give one, listen on 127.0.0.1, "
                "or allow it (--no-key; open_to_all=True)"
            )
        return is_open

    async def drain(self, seconds: float) -> int:
        """Take nothing new, and wait for at most ``seconds`` until what is being said has been sent to its end.

        From now on ``/ready`` answers 503, and so does what is asked for; Realtime sessions are closed when they have
        said what they are saying. Returns how many speeches are left, which `stop` cuts off.
        """
        self.under_way.leaving.set()
        listener = self._listener
        await self.under_way.ended(
            seconds, lambda: self.rooms.speaking or (listener is not None and listener.connections.unsent)
        )
        return len(self.under_way)

    async def stop(self) -> None:
        """Stop listening and cut off what is being said. May be called twice."""
        runner, self._runner = self._runner, None
        listener, self._listener = self._listener, None
        source, self._source = self._source, None
        if listener is not None:
            listener.close()
        await self.under_way.cancel()
        await self.rooms.aclose()
        if runner is not None:
            await runner.cleanup()
        await close(source)
        await self._using.aclose()

    async def speech(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/audio/speech."""
        from .connections import record_of

        timing, record = ServerTiming(asyncio.get_running_loop().time), record_of(request)
        async with self.under_way.one():
            wanted = parse(await body_of(request))
            record.format, record.characters, record.source = wanted.format, len(wanted.text), self.speaker.name
            speech = await self._speech_of(wanted, record)
            async with self._turn(speech, request) as turn:
                timing.mark("queue")
                try:
                    return await answer_speech(request, wanted, speech, turn, timing)
                finally:
                    record.source, record.first = self.speaker.name, timing.seconds.get("first")
                    record.outcomes = speech.outcomes

    async def _speech_of(self, wanted: SpeechRequest, record: Record) -> Speech:
        if wanted not in self._common and (kept := await self.speaker.kept(wanted)) is not None:
            return kept
        speech = self.speaker.speech(wanted, record.note)
        return self._common.of(wanted, speech) if speech.common else speech

    def _turn(self, speech: Speech, request: web.Request) -> AbstractAsyncContextManager[Turn | None]:
        """A place among the jobs; what is there already takes none."""
        return nullcontext() if speech.length is not None else self.jobs.turn(client_of(request))

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
        self._sessions += 1
        try:
            async with self.under_way.one():
                client, leaving = client_of(request), self.under_way.leaving
                return await serve(request, self.speaker, self.jobs, client, leaving)
        finally:
            self._sessions -= 1

    async def health(self, _request: web.Request) -> web.Response:
        """GET /health: it lives."""
        speaker = self.speaker.name
        return json_answer(
            {"status": "ok", "source": speaker, "running": self.jobs.running, "waiting": self.jobs.waiting}
        )

    async def figures(self, _request: web.Request) -> web.Response:
        """GET /metrics."""
        from aiohttp import web

        assert self.metrics is not None
        body, content_type = self.metrics.text()
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def ready(self, _request: web.Request) -> web.Response:
        """GET /ready: whether a new speech would be taken now."""
        room = self.jobs.running + self.jobs.waiting < self.jobs.limit + self.jobs.queue
        status = "leaving" if self.under_way.leaving.is_set() else "ready" if room else "full"
        answer = json_answer({"status": status})
        answer.set_status(200 if status == "ready" else 503)
        return answer


def _voice_here() -> tuple[Any, bool]:
    from ..sources.offline_voice import OfflineVoice

    return OfflineVoice(), True


def _make_room(jobs: int) -> None:
    """Let the voice of this machine speak for so many at once."""
    from ..voice import pools

    pools.set_size(jobs)
