"""The voice without a key: espeak-ng behind a speech endpoint of its own on this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING

from .. import events
from .traits import SourceTraits

if TYPE_CHECKING:
    from ..endpoint.server import SpeechServer
    from ..options import SpeechOptions
    from .openai_source import OpenAISource
    from .source import ByteStream


LONGEST_TEXT = 4096
"""Characters of one request."""


class OfflineVoice:
    """Speaks through a `SpeechServer` on loopback, started at the first request or by `warm`, and over HTTP like any.

    ``voice`` is one of OpenAI's names and holds where `SpeechOptions` leave the choice. A voice that it does not have
    is replaced by the usual one, with a warning; model and instructions change nothing. `aclose` stops the server.
    """

    def __init__(self, *, voice: str | None = None) -> None:
        self._voice = voice
        self._services: dict[asyncio.AbstractEventLoop, _Service] = {}

    def __repr__(self) -> str:
        return f"OfflineVoice(voice={self._voice!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Speak ``text``. Raises `TextError`, `UsageError`, and `LibraryError` without espeak-ng or libopus."""
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        from dataclasses import replace

        from .openai_api import check_text

        check_text(text)
        voice = _known_voice(options.voice or self._voice)
        source = await self._service().source()
        async with source.open(text, replace(options, voice=voice)) as stream:
            yield stream

    @property
    def traits(self) -> SourceTraits:
        """What it is."""
        return SourceTraits(name="offline", longest_text=LONGEST_TEXT, identity=self._identity)

    def _identity(self, options: SpeechOptions) -> str:
        """The voice, under which its behaviour is remembered."""
        return f"offline||{options.voice or self._voice or ''}"

    async def warm(self) -> None:
        """Load the libraries, start the server and open a connection to it. Raises `LibraryError`.

        Cancelled, it leaves nothing running.
        """
        source = await self._service().source()
        await source.warm()

    async def aclose(self) -> None:
        """Stop the server and what it speaks. May be called twice; a later request starts it again."""
        service = self._services.pop(asyncio.get_running_loop(), None)
        if service is not None:
            await service.aclose()

    def _service(self) -> _Service:
        """That of the running loop. Those of loops that were closed meanwhile are forgotten."""
        loop = asyncio.get_running_loop()
        if loop not in self._services:
            self._services = {other: service for other, service in self._services.items() if not other.is_closed()}
            self._services[loop] = _Service()
        return self._services[loop]


class _Service:
    """A server and the source that reads from it, for one event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._server: SpeechServer | None = None
        self._source: OpenAISource | None = None

    async def source(self) -> OpenAISource:
        """The source, once the server is up. Cancelled, it starts nothing."""
        async with self._lock:
            if self._source is None:
                from ..endpoint.server import SpeechServer
                from .openai_source import OpenAISource

                server = SpeechServer()
                await server.start()
                self._server = server
                # The key and the proxies of the environment are for other hosts.
                self._source = OpenAISource(base_url=server.base_url, api_key="", max_retries=0, trust_env=False)
            return self._source

    async def aclose(self) -> None:
        async with self._lock:
            source, self._source = self._source, None
            server, self._server = self._server, None
            if source is not None:
                await source.aclose()
            if server is not None:
                await server.stop()


def _known_voice(voice: str | dict[str, str] | None) -> str:
    """The name of a voice that there is, for one that was asked for."""
    from ..voices.espeak_voices import DEFAULT_VOICE, VOICES

    if voice is None:
        return DEFAULT_VOICE
    name = voice.get("id", "") if isinstance(voice, dict) else voice
    if name in VOICES:
        return name
    message = f"the offline voice has no {name!r} and speaks as {DEFAULT_VOICE!r}; it has {', '.join(VOICES)}"
    events.emit(events.Warned, message=message)
    return DEFAULT_VOICE
