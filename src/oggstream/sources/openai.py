"""OpenAI's speech endpoint, and the many servers that copy it: text in, sound out as it is spoken."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import ConfigError, TextError
from .http import HttpClient, json_body
from .session import usable_url
from .stream import Request

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from .base import ByteStream
    from .realtime import RealtimeSource

BASE_URL = "https://api.openai.com/v1"
MODEL = "gpt-4o-mini-tts"
SUCCESSOR = "gpt-realtime-2.1-mini"
"""OpenAI's default model when its speech models have ended."""
VOICE = "coral"
FORMATS = ("opus", "pcm", "wav")
"""The formats of `SpeechOptions` that can be asked for; the first one is what auto means."""
LONGEST_TEXT = 4096
"""Characters that one request may hold."""
_END = (2027, 1, 6)
_ENDING_MODELS = ("tts-1", "gpt-4o-mini-tts")
_ENDING = "OpenAI's speech models (tts-1, tts-1-hd, gpt-4o-mini-tts) end on 2027-01-06"
_GONE = (404, 410)
_ENDED = ("deprecat", "shut down", "sunset", "retired", "no longer", "discontinued")
_REALTIME = ("gpt-realtime", "gpt-4o-realtime", "gpt-4o-mini-realtime")


class OpenAISource:
    """Speech from ``POST {base_url}/audio/speech``, or from the Realtime API for a model of its own.

    What is not given comes from the environment as with the openai package: ``OPENAI_API_KEY``, ``OPENAI_BASE_URL``,
    ``OPENAI_ORG_ID``, ``OPENAI_PROJECT_ID`` (empty counts as unset). A server that is not OpenAI's own may go without
    a key. ``model`` and ``voice`` hold where `SpeechOptions` leave the choice; without a model it is MODEL, and where
    the endpoint is OpenAI's own SUCCESSOR from 2027-01-06 on. ``max_retries`` and ``connect_timeout`` (seconds) as in
    `HttpClient`; ``trust_env=False`` ignores the proxies of the environment. ``clock`` gives Unix time.

    ``name`` is "realtime" once the last text went to the Realtime API.
    """

    longest_text = LONGEST_TEXT

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
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = "openai"
        base_url = base_url or _environment("OPENAI_BASE_URL") or BASE_URL
        self._api_key = api_key.strip() if api_key is not None else _environment("OPENAI_API_KEY")
        self._own = is_openai(base_url)
        self._host = _host(base_url)
        self._model = model
        self._voice = voice
        self._clock = clock
        self._headers = request_headers(
            self._api_key,
            organization or _environment("OPENAI_ORG_ID"),
            project or _environment("OPENAI_PROJECT_ID"),
        )
        self._client = HttpClient(
            endpoint_url(base_url, "audio/speech"),
            max_retries=max_retries,
            connect_timeout=connect_timeout,
            trust_env=trust_env,
        )
        self._client.secrets.add_headers(self._headers)
        self._realtime: RealtimeSource | None = None
        self._realtime_settings = {
            "base_url": base_url,
            "api_key": self._api_key or "",
            "organization": organization,
            "project": project,
            "voice": voice,
            "max_retries": max_retries,
            "connect_timeout": connect_timeout,
            "trust_env": trust_env,
        }

    def __repr__(self) -> str:
        return f"OpenAISource({self._client.shown!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask for ``text``. Raises `TextError`, `UsageError`, `ConfigError` (no key, bad URL) and `SourceError`."""
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        model = self._model_of(options)
        if is_realtime(model):
            self.name = "realtime"
            async with self._successor().open(text, _for_realtime(options, model)) as stream:
                yield stream
            return
        self.name = "openai"
        fields = speech_fields(text, options, model, self._voice or VOICE)
        if self._own and not self._api_key:
            todo = "set OPENAI_API_KEY to your key, or OPENAI_BASE_URL to a server that needs none"
            raise ConfigError(f"OpenAI needs an API key: {todo}")
        request = Request("POST", self._headers, json_body(fields), len(text))
        async with self._client.open(request, lambda status, said: self._advice(status, said, model)) as stream:
            yield stream

    def identity(self, options: SpeechOptions) -> str:
        """Host, model and voice, under which the behaviour of the service is learnt."""
        return f"{self._host}|{self._model_of(options)}|{voice_name(options.voice or self._voice or VOICE)}"

    def formats_for(self, options: SpeechOptions) -> tuple[str, ...]:
        """The formats that can be asked for; the first one is what auto means."""
        return ("pcm",) if is_realtime(self._model_of(options)) else FORMATS

    async def warm(self, options: SpeechOptions | None = None) -> None:
        """Open a connection ahead of the first request, for ``options`` if they are known. Never fails."""
        model = (options.model if options is not None else None) or self._model or self._default_model()
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

    def _model_of(self, options: SpeechOptions) -> str:
        return options.model or self._model or self._default_model()

    def _default_model(self) -> str:
        return default_model(self._clock()) if self._own else MODEL

    def _successor(self) -> RealtimeSource:
        """What speaks for models of the Realtime API, with the same settings."""
        if self._realtime is None:
            from .realtime import RealtimeSource

            self._realtime = RealtimeSource(**self._realtime_settings)  # type: ignore[arg-type]  # as they were given
        return self._realtime

    def _advice(self, status: int, said: str, model: str) -> str | None:
        if status == 401 and not self._api_key:
            return "this server wants a key: set OPENAI_API_KEY"
        return speech_advice(status, model, said)


def _host(base_url: str) -> str:
    """Name and port of the endpoint's host."""
    return urlsplit(base_url).netloc.rpartition("@")[2] if usable_url(base_url) else ""


def is_openai(base_url: str) -> bool:
    """Whether the endpoint is OpenAI's own (also a regional one)."""
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return False
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def default_model(now: float) -> str:
    """The model that OpenAI is asked for at Unix time ``now`` when none is named."""
    return SUCCESSOR if time.gmtime(now)[:3] >= _END else MODEL


def is_realtime(model: str) -> bool:
    """Whether ``model`` speaks over the Realtime API."""
    return model.startswith(_REALTIME)


def _for_realtime(options: SpeechOptions, model: str) -> SpeechOptions:
    from dataclasses import replace

    return replace(options, model=model)


def speech_fields(text: str, options: SpeechOptions, model: str, voice: str | dict[str, str]) -> dict[str, Any]:
    """The fields of a speech request, in the order in which OpenAI's client sends them.

    ``model`` and ``voice`` fill in what ``options`` leave open. Raises `TextError`.
    """
    check_text(text)
    fields = {
        "model": options.model or model,
        "input": text,
        "voice": options.voice or voice,
        "instructions": options.instructions,
        "response_format": FORMATS[0] if options.format == "auto" else options.format,
        "speed": options.speed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def voice_name(voice: str | dict[str, str]) -> str:
    """What a voice is called, also a custom one."""
    return voice.get("id", "") if isinstance(voice, dict) else voice


def check_text(text: str, longest: int = LONGEST_TEXT) -> None:
    """Raise `TextError` for a text that the service would refuse, as one of more than ``longest`` characters."""
    if not text.strip():
        raise TextError("the text is empty: there is nothing to say")
    if len(text) > longest:
        raise TextError(f"the text has {len(text)} characters, {longest} is the most: shorten or split it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(f"the text is not valid Unicode at character {error.start}") from error


def speech_advice(status: int, model: str, said: str = "") -> str | None:
    """What to do about an answer of ``status`` that is peculiar to speech and says ``said``, or None."""
    if model.startswith(_ENDING_MODELS) and (status in _GONE or _tells_of_an_end(status, said)):
        return ending_advice(model)
    if status == 404:
        return f"check that the service has the model {model!r}, and the base URL (most end in /v1)"
    return None


def _tells_of_an_end(status: int, said: str) -> bool:
    return 400 <= status < 500 and any(word in said.lower() for word in _ENDED)


def ending_advice(model: str) -> str:
    """The way on from a speech model that has ended."""
    todo = f"go on with --model {SUCCESSOR}, or with a base_url (--base-url) of another service that has {model!r}"
    return f"{_ENDING}: {todo}"


def _environment(name: str) -> str | None:
    return os.environ.get(name, "").strip() or None


def request_headers(api_key: str | None, organization: str | None = None, project: str | None = None) -> dict[str, str]:
    """The headers of a request; those that are None or empty are left out."""
    fields = {
        "Authorization": f"Bearer {api_key}" if api_key else None,
        "OpenAI-Organization": organization,
        "OpenAI-Project": project,
        "Accept": "application/octet-stream",
        "Content-Type": "application/json",
    }
    return {name: value for name, value in fields.items() if value}


def endpoint_url(base_url: str, path: str) -> str:
    """``base_url`` with an endpoint's path; a query (``?api-version=``) stays behind it."""
    base, mark, query = base_url.strip().partition("?")
    return f"{base.rstrip('/')}/{path}{mark}{query}"
