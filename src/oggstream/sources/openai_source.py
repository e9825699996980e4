"""OpenAI's speech endpoint and compatible servers: text in, sound out as it is synthesised."""

from __future__ import annotations

import re
import time
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from .. import events
from ..errors import ConfigError, EmptyBodyError, SourceBrokenError, SourceError
from .http.client import HttpClient
from .http.exchange import Request
from .openai_api import OPENAI_PCM, endpoint_name, endpoint_url, is_realtime, speech_advice
from .openai_endpoint import OpenAIEndpoint
from .wrapper import BegunStream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from ssl import SSLContext

    from ..options import SpeechOptions
    from ..voice.engine import VoiceInfo
    from .openai_offers import Offers
    from .realtime.realtime_source import RealtimeSource
    from .source import ByteStream
    from .traits import SourceTraits


OPUS_RATE = 24000
"""The ``sample_rate`` in requests to servers that cannot encode Opus at a voice's own rate."""
_SAMPLE_RATE = r"(?i)sampl(e|ing)[ _-]?rate"


class OpenAISource:
    """Speech from ``POST {base_url}/audio/speech``, or from the Realtime API for its models.

    Missing arguments come from the environment, as in the openai package: ``OPENAI_API_KEY``, ``OPENAI_BASE_URL``,
    ``OPENAI_ORG_ID``, ``OPENAI_PROJECT_ID`` (empty counts as unset). Only OpenAI's own server requires a key. ``model``
    and ``voice`` apply if `SpeechOptions` name none; the default model is MODEL, and on OpenAI's own endpoint SUCCESSOR
    from 2027-01-06 on. ``max_retries`` and ``connect_timeout`` (seconds) as in `HttpClient`; ``trust_env=False``
    ignores the proxies of the environment; ``ssl_context`` replaces the default one, which trusts the system's
    certificates. ``clock`` returns Unix time.

    The name in its traits is "realtime" if the last text went to the Realtime API.
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
        max_retries: int = 2,
        connect_timeout: float = 5.0,
        trust_env: bool = True,
        ssl_context: SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._name = "openai"
        self._endpoint = OpenAIEndpoint(
            base_url=base_url,
            api_key=api_key,
            organization=organization,
            project=project,
            model=model,
            voice=voice,
            clock=clock,
        )
        settings: dict[str, Any] = {
            "max_retries": max_retries,
            "connect_timeout": connect_timeout,
            "trust_env": trust_env,
            "ssl_context": ssl_context,
        }
        self._client = HttpClient(self._endpoint.url, **settings)
        self._client.secrets.add_headers(self._endpoint.headers)
        self._settings = settings
        self._offers: Offers | None = None
        self._traits: SourceTraits | None = None  # asked for many times a speech
        self._opus_rate: int | None = None  # the sample rate to request with Opus
        self._opus_came = False  # Opus was received without one
        self._realtime: RealtimeSource | None = None
        self._realtime_settings = {
            "base_url": self._endpoint.base_url,
            "api_key": self._endpoint.api_key or "",
            "organization": organization,
            "project": project,
            "voice": voice,
            **settings,
        }

    def __repr__(self) -> str:
        return f"OpenAISource({self._client.shown!r})"

    async def voices(self) -> list[VoiceInfo]:
        """The voices that OpenAI names, or those that the server at ``base_url`` lists (``/audio/voices``).

        Raises `ConfigError` for a bad URL, and `SourceError`.
        """
        from ..voice.engine import VoiceInfo
        from ..voice.names import NAMES
        from .voice_lists import fetch_list, voices_in

        endpoint = self._endpoint
        if endpoint.own:
            return [VoiceInfo(name, ("*",), "of OpenAI", "openai") for name in NAMES]
        client = HttpClient(endpoint_url(endpoint.base_url, "audio/voices"), **self._settings)
        client.secrets.add_headers(endpoint.headers)
        headers = {name: value for name, value in endpoint.headers.items() if name != "Content-Type"}
        try:
            request = Request("GET", {**headers, "Accept": "application/json"})
            return voices_in(await fetch_list(client, request), endpoint_name(endpoint.base_url))
        finally:
            await client.aclose()

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Request ``text``. Raises `TextError`, `UsageError`, `ConfigError` (no key, bad URL) and `SourceError`."""
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        model = self._endpoint.model_of(options)
        if is_realtime(model):
            self._name = "realtime"
            async with self._successor().open(text, _for_realtime(options, model)) as stream:
                yield stream
            return
        self._name = "openai"
        fields = self._endpoint.fields(text, options)
        if self._endpoint.lacks_key:
            todo = "set OPENAI_API_KEY to your key, or OPENAI_BASE_URL to a server that needs none"
            raise ConfigError(f"OpenAI needs an API key: {todo}")
        ask = self._opus if fields["response_format"] == "opus" and not self._endpoint.own else self._answer
        async with ask(fields, options) as stream:
            yield stream

    @asynccontextmanager
    async def _opus(self, fields: dict[str, Any], options: SpeechOptions) -> AsyncIterator[ByteStream]:
        """Request Opus; if the server cannot encode the voice, again with a sampling rate that Opus supports.

        Some servers encode a voice at its own rate, such as 22.05 kHz, which Opus does not support. They return an
        error or, like Speaches, end the answer before its first byte. The latter counts only if Opus was requested
        explicitly: otherwise another format is tried.
        """
        if self._opus_rate is not None:
            async with self._answer({**fields, "sample_rate": self._opus_rate}, options) as known:
                yield known
            return
        async with AsyncExitStack() as stack:
            stream = await self._opus_at_any_rate(stack, fields, options)
            if stream is None:
                await stack.aclose()
                answer = self._answer({**fields, "sample_rate": OPUS_RATE}, options)
                stream = begun = await _begun(await stack.enter_async_context(answer))
                if not begun.empty:
                    self._opus_rate = OPUS_RATE
                    message = f"this server sends Opus only at {OPUS_RATE} Hz: from now on that is requested"
                    events.emit(events.Warned, message=message)
            yield stream

    async def _opus_at_any_rate(
        self, stack: AsyncExitStack, fields: dict[str, Any], options: SpeechOptions
    ) -> ByteStream | None:
        """The answer, entered in ``stack``; None if the server cannot encode the voice at its own rate."""
        doubtful = options.format == "opus" and not self._opus_came
        try:
            stream = await stack.enter_async_context(self._answer(fields, options))
            if not doubtful:
                return stream
            begun = await _begun(stream)
        except _OpusRateError:
            return None
        except SourceBrokenError:
            if not doubtful:
                raise
            return None
        self._opus_came = not begun.empty
        return begun if self._opus_came else None

    @asynccontextmanager
    async def _answer(self, fields: dict[str, Any], options: SpeechOptions) -> AsyncIterator[ByteStream]:
        """Send ``fields``. If the server refuses a model or a voice, the error names those that it has."""
        said = ""

        def advise(status: int, message: str) -> str | None:
            nonlocal said
            said = message
            if fields["response_format"] == "opus" and "sample_rate" not in fields and re.search(_SAMPLE_RATE, said):
                raise _OpusRateError
            return self._advice(status, said, fields["model"])

        try:
            async with self._client.open(self._endpoint.request(fields), advise) as stream:
                if self._endpoint.own and options.wire_format == "pcm":
                    stream.format = OPENAI_PCM
                yield stream
        except (SourceError, EmptyBodyError) as error:
            if not self._endpoint.own:
                await self._explain(error, said, options)
            raise

    async def _explain(self, error: SourceError | EmptyBodyError, said: str, options: SpeechOptions) -> None:
        """Add the server's models or voices to ``error``, if it refused one, or sent nothing at all."""
        from .openai_offers import SUBJECTS, Offers, refused_subjects

        if isinstance(error, SourceError):
            subjects = refused_subjects(error.status, said)
        else:
            subjects = () if options.format == "auto" else SUBJECTS  # auto tries another format first
        if subjects:
            self._offers = self._offers or Offers(self._endpoint.base_url, self._endpoint.headers, self._settings)
            await self._offers.explain(error, subjects)

    @property
    def traits(self) -> SourceTraits:
        """Its traits. The formats depend on the model, the name on where the last text went."""
        if self._traits is None or self._traits.name != self._name:
            self._traits = self._endpoint.traits(self._name)
        return self._traits

    async def warm(self, options: SpeechOptions | None = None) -> None:
        """Open a connection ahead of the first request, for ``options`` if they are known. Never raises."""
        model = (options.model if options is not None else None) or self._endpoint.default_model
        if not is_realtime(model):
            await self._client.warm()
            return
        from ..options import SpeechOptions

        await self._successor().warm(_for_realtime(options or SpeechOptions(), model))

    async def aclose(self) -> None:
        """Close the connections."""
        if self._realtime is not None:
            await self._realtime.aclose()
        await self._client.aclose()

    def _successor(self) -> RealtimeSource:
        """The source for models of the Realtime API, with the same settings."""
        if self._realtime is None:
            from .realtime.realtime_source import RealtimeSource

            self._realtime = RealtimeSource(**self._realtime_settings)
        return self._realtime

    def _advice(self, status: int, said: str, model: str) -> str | None:
        if status == 401 and not self._endpoint.api_key:
            return "this server wants a key: set OPENAI_API_KEY"
        return speech_advice(status, model, said, own=self._endpoint.own)


class _OpusRateError(Exception):
    """A server cannot encode Opus at a voice's own sampling rate."""


async def _begun(stream: ByteStream) -> BegunStream:
    return BegunStream(stream, await anext(stream, None))


def _for_realtime(options: SpeechOptions, model: str) -> SpeechOptions:
    from dataclasses import replace

    return replace(options, model=model)
