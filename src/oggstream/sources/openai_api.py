"""Common to OpenAI's speech endpoint and its Realtime API: models, voices, limits, headers, URLs, advice."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import TextError

if TYPE_CHECKING:
    from ..options import SpeechOptions

BASE_URL = "https://api.openai.com/v1"
MODEL = "gpt-4o-mini-tts"
SUCCESSOR = "gpt-realtime-2.1-mini"
"""OpenAI's default model after the end of its speech models."""
VOICE = "coral"
FORMATS = ("opus", "pcm", "wav")
"""The formats of `SpeechOptions` that can be requested; auto means the first one."""
OPENAI_PCM = "pcm:24000:1"
"""The pcm of OpenAI's own host; other servers have other rates."""
LONGEST_TEXT = 4096
"""The most characters of one request."""
_END = (2027, 1, 6)
_ENDING_MODELS = ("tts-1", "gpt-4o-mini-tts")
_ENDING = "OpenAI's speech models (tts-1, tts-1-hd, gpt-4o-mini-tts) end on 2027-01-06"
_GONE = (404, 410)
_ENDED = ("deprecat", "shut down", "sunset", "retired", "no longer", "discontinued")
_REALTIME = ("gpt-realtime", "gpt-4o-realtime", "gpt-4o-mini-realtime")


def is_openai(base_url: str) -> bool:
    """Whether the endpoint is OpenAI's own (also a regional one)."""
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return False
    return host == "api.openai.com" or host.endswith(".api.openai.com")


def endpoint_name(base_url: str) -> str:
    """Host, port and path of an endpoint, without the usual /v1: its key in the history."""
    try:
        parts = urlsplit(base_url.strip())
    except ValueError:
        return ""
    return parts.netloc.rpartition("@")[2].lower() + parts.path.rstrip("/").removesuffix("/v1")


def default_model(now: float) -> str:
    """OpenAI's default model at Unix time ``now``."""
    return SUCCESSOR if time.gmtime(now)[:3] >= _END else MODEL


def is_realtime(model: str) -> bool:
    """Whether ``model`` speaks over the Realtime API."""
    return model.startswith(_REALTIME)


def speech_fields(text: str, options: SpeechOptions, model: str, voice: str | dict[str, str]) -> dict[str, Any]:
    """The fields of a speech request, in the order in which OpenAI's client sends them.

    ``model`` and ``voice`` apply if ``options`` name none. Raises `TextError`.
    """
    check_text(text)
    fields = {
        "model": options.model or model,
        "input": text,
        "voice": options.voice or voice,
        "instructions": options.instructions,
        "response_format": FORMATS[0] if options.format == "auto" else options.wire_format,
        "speed": options.speed,
    }
    return {name: value for name, value in fields.items() if value is not None}


def voice_name(voice: str | dict[str, str]) -> str:
    """The name of a voice, or the identifier of a custom one."""
    return voice.get("id", "") if isinstance(voice, dict) else voice


def check_text(text: str, longest: int = LONGEST_TEXT) -> None:
    """Raise `TextError` for a text that the service would refuse, such as one of more than ``longest`` characters."""
    if not text.strip():
        raise TextError("the text is empty: there is nothing to say")
    if len(text) > longest:
        raise TextError(f"the text has {len(text)} characters, {longest} is the most: shorten or split it")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise TextError(f"the text is not valid Unicode at character {error.start}") from error


def speech_advice(status: int, model: str, said: str = "", *, own: bool = True) -> str | None:
    """Advice on an error specific to speech, with HTTP ``status`` and the message ``said``; None if there is none.

    ``own``: it is OpenAI's own server, whose speech models end.
    """
    if own and model.startswith(_ENDING_MODELS) and (status in _GONE or _tells_of_an_end(status, said)):
        return ending_advice(model)
    if status == 404:
        return f"check that the service has the model {model!r}, and the base URL (most end in /v1)"
    return None


def _tells_of_an_end(status: int, said: str) -> bool:
    return 400 <= status < 500 and any(word in said.lower() for word in _ENDED)


def ending_advice(model: str) -> str:
    """Advice on what to use instead of a speech model that has ended."""
    todo = f"go on with --model {SUCCESSOR}, or with a base_url (--base-url) of another service that has {model!r}"
    return f"{_ENDING}: {todo}"


def environment(name: str) -> str | None:
    """The value of an environment variable, stripped; None if it is unset or blank."""
    return os.environ.get(name, "").strip() or None


def request_headers(api_key: str | None, organization: str | None = None, project: str | None = None) -> dict[str, str]:
    """The headers of a request; None or empty values are left out."""
    fields = {
        "Authorization": f"Bearer {api_key}" if api_key else None,
        "OpenAI-Organization": organization,
        "OpenAI-Project": project,
        "Accept": "application/octet-stream",
        "Content-Type": "application/json",
    }
    return {name: value for name, value in fields.items() if value}


def endpoint_url(base_url: str, path: str) -> str:
    """``base_url`` with the path of an endpoint; a query (``?api-version=``) stays at the end."""
    base, mark, query = base_url.strip().partition("?")
    return f"{base.rstrip('/')}/{path}{mark}{query}"
