"""The lists of voices that services give: asked for over HTTP, and read in whatever shape they have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .. import events
from ..errors import SourceError, SourceTimeoutError
from ..voice.engine import VoiceInfo

if TYPE_CHECKING:
    from .http.client import Advise, HttpClient
    from .http.exchange import Request

LIST_SECONDS = 15.0
"""Seconds that a list may take in all."""
LIST_BYTES = 8 << 20
"""The most bytes of a list: Azure's has 600 voices in 0.6 MB."""
MOST_VOICES = 5000
_LONGEST = 200  # characters of an id or a description

USUAL = {
    "list": ("voices", "data", "items"),
    "id": ("id", "voice_id", "name"),
    "languages": ("language", "languages", "lang", "locale"),
    "description": ("description", "name"),
}
"""Where the usual lists have what, for servers like OpenAI's."""


async def fetch_list(client: HttpClient, request: Request, advise: Advise | None = None) -> Any:
    """The JSON that answers ``request``. Raises as `HttpClient.open`, and `SourceError` for what is no JSON, or more
    than `LIST_BYTES`; `SourceTimeoutError` after `LIST_SECONDS`.
    """
    body = bytearray()
    try:
        with events.using(events.Recorder(lambda: 0.0, 0.0)):  # not a request of a speech
            async with asyncio.timeout(LIST_SECONDS), client.open(request, advise) as stream:
                async for chunk in stream:
                    body += chunk
                    if len(body) > LIST_BYTES:
                        raise SourceError(f"the list of voices of {client.shown} has more than {LIST_BYTES >> 20} MiB")
    except TimeoutError as error:
        raise SourceTimeoutError(f"the list of voices of {client.shown} did not come in {LIST_SECONDS:g} s") from error
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise SourceError(f"{client.shown} gives no list of voices: JSON expected") from error


def voices_in(value: Any, engine: str, shape: Mapping[str, Any] | None = None) -> list[VoiceInfo]:
    """The voices in a list. ``shape`` says under which keys it has them (see `USUAL`): names with dots between them
    lead into tables and through lists. What is not understood is left out.
    """
    keys = {**USUAL, **(shape or {})}
    found: dict[str, VoiceInfo] = {}
    for entry in _entries(value, _names(keys["list"])):
        fields = {"id": entry} if isinstance(entry, str) else entry
        if not isinstance(fields, Mapping):
            continue
        name = next(_texts(fields, keys["id"]), "")
        if not name or name in found:
            continue
        languages = tuple(dict.fromkeys(_texts(fields, keys["languages"])))
        told = [text for text in _texts(fields, keys["description"]) if text != name]
        found[name] = VoiceInfo(name, languages, ", ".join(told)[:_LONGEST], engine)
        if len(found) == MOST_VOICES:
            break
    return list(found.values())


def _names(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _entries(value: Any, places: tuple[str, ...]) -> list[Any]:
    """The list in an answer: itself, or what stands in one of ``places``; a table is a list of its keys."""
    if isinstance(value, Mapping):
        value = next((value[place] for place in places if isinstance(value.get(place), list | dict)), None)
    if isinstance(value, Mapping):
        return [{"id": name, **(fields if isinstance(fields, Mapping) else {})} for name, fields in value.items()]
    return value if isinstance(value, list) else []


def _texts(fields: Mapping[str, Any], places: Any) -> Iterator[str]:
    """The texts at ``places``, in order."""
    for place in _names(places):
        yield from _leaves(fields, place.split("."))


def _leaves(value: Any, path: list[str]) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each, path)
    elif path and isinstance(value, Mapping):
        yield from _leaves(value.get(path[0]), path[1:])
    elif not path and isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= 10 * _LONGEST:
        yield value.strip()
