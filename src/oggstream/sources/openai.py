"""OpenAI's speech endpoint, and the many servers that copy it: text in, Ogg Opus out as it is spoken."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import ConfigError, TextError, UsageError
from .http import HttpClient, Request, json_body
from .session import usable_url

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from .base import ByteStream

BASE_URL = "https://api.openai.com/v1"
MODEL = "gpt-4o-mini-tts"
VOICE = "coral"
LONGEST_TEXT = 4096
"""Characters that one request may hold."""
_ENDING_MODELS = ("tts-1", "gpt-4o-mini-tts")
_ENDING = "OpenAI's speech models (tts-1, tts-1-hd, gpt-4o-mini-tts) end on 2027-01-06"


class OpenAISource:
    """Speech from ``POST {base_url}/audio/speech`` with ``response_format`` opus.

    What is not given comes from the environment as with the openai package: ``OPENAI_API_KEY``, ``OPENAI_BASE_URL``,
    ``OPENAI_ORG_ID``, ``OPENAI_PROJECT_ID`` (empty counts as unset). A server that is not OpenAI's own may go without
    a key. ``model`` and ``voice`` hold where `SpeechOptions` leave the choice. ``max_retries`` and ``connect_timeout``
    (seconds) as in `HttpClient`; ``trust_env=False`` ignores the proxies of the environment.
    """

    name = "openai"
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
    ) -> None:
        base_url = base_url or _environment("OPENAI_BASE_URL") or BASE_URL
        self._api_key = api_key.strip() if api_key is not None else _environment("OPENAI_API_KEY")
        self._own = is_openai(base_url)
        self._host = _host(base_url)
        self._model = model or MODEL
        self._voice = voice or VOICE
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

    def __repr__(self) -> str:
        return f"OpenAISource({self._client.shown!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask for ``text``. Raises `TextError`, `UsageError`, `ConfigError` (no key, bad URL) and `SourceError`."""
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        fields = speech_fields(text, options, self._model, self._voice)
        if self._own and not self._api_key:
            todo = "set OPENAI_API_KEY to your key, or OPENAI_BASE_URL to a server that needs none"
            raise ConfigError(f"OpenAI needs an API key: {todo}")
        request = Request("POST", self._headers, json_body(fields), len(text))
        async with self._client.open(request, lambda status: self._advice(status, fields["model"])) as stream:
            yield stream

    def identity(self, options: SpeechOptions) -> str:
        """Host, model and voice, under which the behaviour of the service is learnt."""
        return f"{self._host}|{options.model or self._model}|{voice_name(options.voice or self._voice)}"

    async def warm(self) -> None:
        """Open a connection ahead of the first request. Never fails."""
        await self._client.warm()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _advice(self, status: int, model: str) -> str | None:
        if status == 401 and not self._api_key:
            return "this server wants a key: set OPENAI_API_KEY"
        return speech_advice(status, model)


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


def speech_fields(text: str, options: SpeechOptions, model: str, voice: str | dict[str, str]) -> dict[str, Any]:
    """The fields of a speech request, in the order in which OpenAI's client sends them.

    ``model`` and ``voice`` fill in what ``options`` leave open. Raises `TextError` and `UsageError`.
    """
    check_text(text)
    if options.format not in ("auto", "opus"):
        raise UsageError(
            f"format {options.format} cannot be played by this version, which plays Opus: use auto or opus"
        )
    fields = {
        "model": options.model or model,
        "input": text,
        "voice": options.voice or voice,
        "instructions": options.instructions,
        "response_format": "opus",
        "speed": options.speed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def voice_name(voice: str | dict[str, str]) -> str:
    """What a voice is called, also a custom one."""
    return voice.get("id", "") if isinstance(voice, dict) else voice


def check_text(text: str) -> None:
    """Raise `TextError` for a text that the service would refuse."""
    if not text.strip():
        raise TextError("the text is empty: there is nothing to say")
    if len(text) > LONGEST_TEXT:
        raise TextError(f"the text has {len(text)} characters, {LONGEST_TEXT} is the most: shorten or split it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(f"the text is not valid Unicode at character {error.start}") from error


def speech_advice(status: int, model: str) -> str | None:
    """What to do about an answer of ``status`` that is peculiar to speech, or None."""
    if status == 404 and model.startswith(_ENDING_MODELS):
        return f"{_ENDING}: choose another model, or a base_url of another service that has {model!r}"
    if status == 404:
        return f"check that the service has the model {model!r}, and the base URL (most end in /v1)"
    return None


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
