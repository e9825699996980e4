"""OpenAI's Realtime API as a voice: text in, PCM out, over a WebSocket that stays open."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import TYPE_CHECKING

from ... import events
from ...errors import ConfigError, NoAudioError, OggStreamError, UsageError
from ..http.client import delay_after
from ..hurry import hurried
from ..openai_api import (
    BASE_URL,
    LONGEST_TEXT,
    VOICE,
    check_text,
    endpoint_name,
    endpoint_url,
    environment,
    is_openai,
    request_headers,
)
from ..traits import SourceTraits
from .coding import CODINGS
from .dialect import Dialect
from .handshake import RealtimeHandshake
from .messages import Setup
from .pending_response import PendingResponse
from .pool import ConnectionPool
from .realtime_stream import RealtimeStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from ssl import SSLContext

    from ...options import SpeechOptions
    from ...voice.engine import VoiceInfo
    from ..source import ByteStream
    from .connection import Connection
    from .handshake import Locate

MODEL = "gpt-realtime-2.1-mini"
VOICES = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "marin", "sage", "shimmer", "verse")
"""The voices of OpenAI's Realtime API. Other services have their own."""
SLOWEST, FASTEST = 0.25, 1.5


class RealtimeSource:
    """Speech from ``{base_url}/realtime``: PCM of 16 bits (little-endian), mono, 24 kHz unless the service says else.

    The model is told to read word for word. Its transcript is reported as `Transcribed`, with a `Warned` where it
    differs from the text. ``instructions`` of the options describe the manner of speaking. Several texts may be asked
    for at once. ``base_url`` (http, https, ws, wss), ``api_key``, ``organization``, ``project``, ``max_retries``,
    ``connect_timeout`` (seconds), ``trust_env`` and ``ssl_context`` are as in `OpenAISource`, with the same environment
    variables.
    ``coding``: what the service is asked to send, "pcm", or "pcmu" and "pcma" (G.711: 8 kHz, a sixth of the bytes),
    which are expanded here. ``locate``: called for each connection with the model; returns the URL of the WebSocket and
    the headers of the handshake, in place of ``base_url`` and the key. Connections stay open until `aclose`.
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        organization: str | None = None,
        project: str | None = None,
        model: str | None = None,
        voice: str | dict[str, str] | None = None,
        coding: str = "pcm",
        max_retries: int = 2,
        connect_timeout: float = 5.0,
        trust_env: bool = True,
        ssl_context: SSLContext | None = None,
        locate: Locate | None = None,
    ) -> None:
        if coding not in CODINGS:
            raise UsageError(f"unknown coding {coding!r}: use one of {', '.join(CODINGS)}")
        base_url = base_url or environment("OPENAI_BASE_URL") or BASE_URL
        self._api_key = api_key.strip() if api_key is not None else environment("OPENAI_API_KEY")
        self._own = is_openai(base_url)
        self._endpoint = endpoint_name(base_url)
        self._keyless = not self._api_key and locate is None
        self._model = model or MODEL
        self._voice = voice or VOICE
        self._coding = CODINGS[coding]
        self._max_retries = max_retries
        self._connect_timeout = connect_timeout
        organization = organization or environment("OPENAI_ORG_ID")
        headers = request_headers(self._api_key, organization, project or environment("OPENAI_PROJECT_ID"))
        for name in ("Accept", "Content-Type"):  # of a body, which a handshake does not have
            headers.pop(name, None)
        url = endpoint_url(base_url, "realtime")
        self._handshake = RealtimeHandshake(
            url,
            headers,
            connect_timeout=connect_timeout,
            trust_env=trust_env,
            ssl_context=ssl_context,
            locate=locate,
            dialect=Dialect() if is_openai(base_url) else None,
        )
        self._pools: dict[asyncio.AbstractEventLoop, ConnectionPool] = {}

    def __repr__(self) -> str:
        return f"RealtimeSource({self._handshake.shown!r})"

    async def voices(self) -> list[VoiceInfo]:
        """The voices of OpenAI's Realtime API; another service's list is not known."""
        from ...voice.engine import VoiceInfo

        return [VoiceInfo(name, ("*",), "of OpenAI", "realtime") for name in VOICES] if self._own else []

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask for ``text``. Entering waits for the first audio; leaving early cancels the speech.

        Raises `TextError`, `UsageError`, `ConfigError` (no key, bad URL), `SourceError` and `FormatError`. What fails
        before its first audio is asked for again, as OpenAI's client does; nothing is asked for again after that.
        """
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        check_text(text)
        setup = self._setup(options)
        connection, pending = await self._ask(text, setup, options.instructions)
        try:
            yield RealtimeStream(pending)
        finally:
            await connection.drop(pending)

    async def warm(self, options: SpeechOptions | None = None) -> None:
        """Open a connection ahead of the first text, for ``options`` if they are known. Never fails."""
        with suppress(OggStreamError, TimeoutError):
            setup = Setup(self._model, self._voice, None, self._coding) if options is None else self._setup(options)
            async with asyncio.timeout(self._connect_timeout):
                if not await self._ready(setup):
                    await self._ready(setup)

    async def _ready(self, setup: Setup) -> bool:
        """Get a connection for ``setup`` and wait for its answer; False if it was a kept one and is dead."""
        pending = PendingResponse("")
        connection = await self._pool().get(setup, pending)
        try:
            await connection.ready()
        except OggStreamError:
            return not pending.on_kept_connection
        return True

    async def aclose(self) -> None:
        """Close the connections of the running loop. May be called twice; a later text opens new ones."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()
        await self._handshake.aclose()

    @property
    def traits(self) -> SourceTraits:
        """Every model sends samples."""
        return SourceTraits(
            name="realtime",
            formats=("pcm",),
            longest_text=LONGEST_TEXT,
            identity=self._identity,
            sound=lambda options: f"{self._identity(options)}|{self._coding.kind}|{self._coding.rate}",
        )

    def _identity(self, options: SpeechOptions) -> str:
        """Endpoint, model and voice, under which the behaviour of the service is remembered. No credential."""
        voice = options.voice or self._voice
        name = voice.get("id", "") if isinstance(voice, dict) else voice
        return f"{self._endpoint}|{options.model or self._model}|{name}"

    def _setup(self, options: SpeechOptions) -> Setup:
        """What a connection must be for ``options``. Raises `UsageError` and `ConfigError`."""
        if self._own and self._keyless:
            todo = "set OPENAI_API_KEY to your key, or OPENAI_BASE_URL to a server that needs none"
            raise ConfigError(f"OpenAI needs an API key: {todo}")
        if options.wire_format not in ("auto", "pcm"):
            raise UsageError(f"no {options.format} from the Realtime API, which sends PCM: use format auto or pcm")
        if options.speed is not None and not SLOWEST <= options.speed <= FASTEST:
            raise UsageError(f"speed {options.speed:g} is outside {SLOWEST:g} to {FASTEST:g} of the Realtime API")
        voice = options.voice or self._voice
        if self._own and isinstance(voice, str) and voice not in VOICES:
            raise UsageError(f"OpenAI's Realtime API has no voice {voice!r}: use one of {', '.join(VOICES)}")
        return Setup(options.model or self._model, voice, options.speed, self._coding)

    async def _ask(self, text: str, setup: Setup, style: str | None) -> tuple[Connection, PendingResponse]:
        """Ask until the first audio has come, or another attempt is not worth it.

        The first attempt on a kept connection that proves dead does not count.
        """
        number, was_dead = 0, False
        while True:
            pending = PendingResponse(text, style, self._handshake.secrets)
            try:
                return await self._attempt(pending, setup), pending
            except OggStreamError as error:
                dead = pending.on_kept_connection and not was_dead
                if pending.retry_headers is None or (number >= self._max_retries and not dead):
                    raise
                delay = 0.0 if pending.on_kept_connection else delay_after(number, pending.retry_headers)
                if delay and hurried():
                    raise
                reason = str(error)
            events.emit(events.Retrying, delay=delay, reason=reason)
            await asyncio.sleep(delay)
            number, was_dead = number + (not dead), was_dead or dead

    async def _attempt(self, pending: PendingResponse, setup: Setup) -> Connection:
        connection = await self._pool().get(setup, pending)
        try:
            await connection.ask(pending)
            events.emit(events.RequestSent, characters=len(pending.text))
            await pending.wait_created()
            request_id = pending.request_id
            events.emit(events.ResponseStarted, content_type=pending.content_type, request_id=request_id)
            await pending.wait_audio()
        except BaseException:
            await connection.drop(pending)
            raise
        if not pending.has_audio:
            said = f": {pending.transcript!r}"[:200] if pending.transcript else ""
            raise NoAudioError(f"{self._handshake.shown} answered without speech{said}", request_id=request_id)
        return connection

    def _pool(self) -> ConnectionPool:
        """The pool of the running loop. Pools of closed loops are forgotten."""
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools = {other: pool for other, pool in self._pools.items() if not other.is_closed()}
            self._pools[loop] = ConnectionPool(self._handshake, self._advice)
        return self._pools[loop]

    def _advice(self, status: int, said: str) -> str | None:  # noqa: ARG002  # the status decides
        if status == 401 and self._keyless:
            return "this server wants a key: set OPENAI_API_KEY"
        if status == 404:
            return "check that the service has OpenAI's Realtime API and this model, and the base URL (most end in /v1)"
        return None
