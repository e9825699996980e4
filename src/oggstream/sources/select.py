"""Which source: what the user gave made into one, the first of several that works, or the default."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any

from .. import events
from ..errors import OggStreamError, UsageError
from .base import Source

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from .base import ByteStream

_OFFLINE = (
    "neither OPENAI_API_KEY nor OPENAI_BASE_URL is set: the offline voice speaks; set one of them for a natural voice"
)
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://")
_warned: set[str] = set()


class FirstOf:
    """Several sources: the first that opens wins. ``sources`` may hold whatever `coerce` takes.

    ``name`` is that of the source that opened last. When all fail, the last one's error is raised, with the reasons of
    the others as notes.
    """

    def __init__(self, sources: Iterable[object]) -> None:
        coerced = [coerce(source) for source in sources]
        if not coerced:
            raise UsageError("an empty sequence of sources: give at least one")
        self._sources = [source for source, _ in coerced]
        self._owned = [source for source, owned in coerced if owned]
        self.name = source_name(self._sources[0])

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask one after another for ``text``. Raises what the last one raises."""
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        async with AsyncExitStack() as stack:
            yield await self._first(stack, text, options)

    async def _first(self, stack: AsyncExitStack, text: str, options: SpeechOptions) -> ByteStream:
        reasons: list[str] = []
        *others, last = self._sources
        for source in others:
            try:
                return await self._enter(stack, source, text, options)
            except OggStreamError as error:
                reasons.append(f"{source_name(source)}: {error}")
                events.emit(events.Warned, message=f"{reasons[-1]} (trying the next source)")
        try:
            return await self._enter(stack, last, text, options)
        except OggStreamError as error:
            for reason in reasons:
                error.add_note(reason)
            raise

    async def _enter(self, stack: AsyncExitStack, source: Source, text: str, options: SpeechOptions) -> ByteStream:
        stream = await stack.enter_async_context(source.open(text, options))
        self.name = source_name(source)
        return stream

    async def warm(self) -> None:
        """Prepare the first source, if it can be prepared."""
        await _call(self._sources[0], "warm")

    async def aclose(self) -> None:
        """Close the sources that were made here; those that the caller made are the caller's."""
        for source in self._owned:
            await _call(source, "aclose")


def coerce(source: object) -> tuple[Source, bool]:
    """``source`` as a `Source`, and whether it was made here, so that whoever called must close it.

    Takes a `Source`, an openai client, a URL, a path, ``-``, an open binary file, a sequence of these (the first that
    works), or None for the default. Raises `UsageError` for anything else.
    """
    if source is None:
        return default_source(), True
    if isinstance(source, str) and _URL.match(source):
        return _from_url(source), True
    if isinstance(source, (str, os.PathLike)) or callable(getattr(source, "read", None)):
        from .file import FileSource

        return FileSource(source), True  # type: ignore[arg-type]  # has read: a file
    if isinstance(source, Source):
        return source, False
    if isinstance(source, Sequence) and not isinstance(source, (bytes, bytearray, memoryview)):
        return FirstOf(source), True
    from .client import ClientSource

    return ClientSource(source), True


def default_source(**settings: Any) -> Source:
    """`OpenAISource` when ``OPENAI_API_KEY`` or ``OPENAI_BASE_URL`` is set, else the offline voice with a warning.

    ``settings`` are those of `OpenAISource`; giving ``base_url`` or ``api_key`` chooses it too. The warning comes once
    per process. Raises `ConfigError` if the offline voice is not installed.
    """
    chosen = (settings.get(name) or os.environ.get(f"OPENAI_{name.upper()}") for name in ("api_key", "base_url"))
    if any(value and value.strip() for value in chosen):
        from .openai import OpenAISource

        return OpenAISource(**settings)
    from .offline import OfflineVoice

    voice: Source = OfflineVoice()
    _warn_once(_OFFLINE)
    return voice


def source_name(source: object) -> str:
    """What the report calls ``source``: its ``name``, or that of its class."""
    return str(getattr(source, "name", None) or type(source).__name__)


def _from_url(url: str) -> Source:
    if url.lower().startswith("file://"):
        from urllib.parse import unquote, urlsplit

        from .file import FileSource

        return FileSource(unquote(urlsplit(url).path))
    from .http import HttpSource

    return HttpSource(url)


def _warn_once(message: str) -> None:
    if message not in _warned:
        import logging

        _warned.add(message)
        logging.getLogger("oggstream").warning(message)
        events.emit(events.Warned, message=message)


async def _call(source: object, name: str) -> None:
    method = getattr(source, name, None)
    if method is not None:
        await method()
