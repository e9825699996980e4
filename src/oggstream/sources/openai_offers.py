"""Asks a compatible server for its models and voices, to explain why it refused one. Loaded with the first refusal."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Any

from .. import events
from ..errors import OggStreamError
from .http.client import HttpClient
from .http.exchange import Request
from .openai_api import endpoint_url

SUBJECTS = ("model", "voice")
"""What a server may refuse and list alternatives for."""
LOOKUP_SECONDS = 2.0
"""Seconds that a list may take in all."""
LOOKUP_BYTES = 256 << 10
"""The most bytes of a list; a longer one is not used."""
SHOWN = 8
"""The most names that an error shows."""
_LONGEST_NAME = 60
_SPEAKING = ("text-to-speech", "tts")  # marks of speech models on some servers
_REFUSALS = (400, 404, 422)
_WORDS = {subject: re.compile(rf"\b{subject}s?\b", re.IGNORECASE) for subject in SUBJECTS}
_OTHER_CAUSE = re.compile(r"format|sample.?rate|speed", re.IGNORECASE)
_LONGEST_SAID = 1000  # characters of a refusal that are searched


class Offers:
    """The models and voices of the server at ``base_url``. ``settings`` are those of `HttpClient`."""

    def __init__(self, base_url: str, headers: Mapping[str, str], settings: Mapping[str, Any]) -> None:
        self._base_url = base_url
        self._headers = {**headers, "Accept": "application/json"}
        self._settings = {**settings, "max_retries": 0}
        self._found: dict[str, list[str]] = {}  # each list is requested once

    async def explain(self, error: OggStreamError, subjects: tuple[str, ...]) -> None:
        """Add the server's models or voices (``subjects``) to the message of ``error``, and the option for them."""
        lists = await asyncio.gather(*map(self._names, subjects))
        advice = [_advice(subject, names) for subject, names in zip(subjects, lists, strict=True)]
        error.args = ("; ".join([str(error).rstrip("."), *advice]),)

    async def _names(self, subject: str) -> list[str]:
        if subject not in self._found:
            path = {"voice": "audio/voices", "model": "models"}[subject]
            self._found[subject] = await self._list(path)
        return self._found[subject]

    async def _list(self, path: str) -> list[str]:
        """The names in the list at ``path``; empty if the server has no such list. Never raises."""
        client = HttpClient(endpoint_url(self._base_url, path), **self._settings)
        headers = {name: value for name, value in self._headers.items() if name != "Content-Type"}
        try:
            with events.using(events.Recorder(lambda: 0.0, 0.0)):  # not a request of the speech
                async with asyncio.timeout(LOOKUP_SECONDS), client.open(Request("GET", headers)) as stream:
                    body = bytearray()
                    async for chunk in stream:
                        body += chunk
                        if len(body) > LOOKUP_BYTES:
                            return []
            return names_in(json.loads(body))
        except (OggStreamError, TimeoutError, ValueError, RecursionError):
            return []
        finally:
            await client.aclose()


def refused_subjects(status: int | None, said: str) -> tuple[str, ...]:
    """Which of `SUBJECTS` a server refuses with ``status`` and the message ``said``."""
    said = said[:_LONGEST_SAID]
    if status not in _REFUSALS or _OTHER_CAUSE.search(said):
        return ()
    return tuple(subject for subject, word in _WORDS.items() if word.search(said))


def names_in(value: Any) -> list[str]:
    """The names in a list of models or voices, in any of the usual shapes; only speech models, if they are marked."""
    if isinstance(value, dict):
        lists = (value.get(key) for key in ("data", "voices", "models"))
        value = next((found for found in lists if isinstance(found, (list, dict))), None)
    if not isinstance(value, (list, dict)):
        return []
    entries = [{"id": entry} if isinstance(entry, str) else entry for entry in value]
    entries = [entry for entry in entries if isinstance(entry, dict)]
    speaking = [entry for entry in entries if entry.get("task") in _SPEAKING]
    names = [_name(entry) for entry in speaking or entries]
    return list(dict.fromkeys(name for name in names if name))


def _name(entry: dict[str, Any]) -> str:
    found = next((entry[key] for key in ("id", "voice_id", "name") if isinstance(entry.get(key), str)), "")
    return found if found.isprintable() and len(found) <= _LONGEST_NAME else ""


def _advice(subject: str, names: list[str]) -> str:
    if not names:
        return f"name a {subject} of this server with --{subject} ({subject}=)"
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"choose with --{subject} ({subject}=) from what this server has: {', '.join(names[:SHOWN])}{more}"
