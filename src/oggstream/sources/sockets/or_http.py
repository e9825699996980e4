"""A service over its socket, or over HTTP: where none can be opened, as behind a proxy, or has not the format."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from ...errors import SourceError
from ..traits import formats_for
from ..wrapper import SourceWrapper, close

if TYPE_CHECKING:
    from ...options import SpeechOptions
    from ...voice.engine import VoiceInfo
    from ..services.service_source import ServiceSource
    from ..source import ByteStream, Source
    from .socket_source import SocketSource

NO_SOCKET = (404, 405, 426, 501)
"""HTTP's answers to a handshake where there is no WebSocket (RFC 9110 section 15)."""

log = logging.getLogger(__name__)


class SocketOrHttp(SourceWrapper):
    """``socket`` until the service turns out to open none; from then on what ``over_http`` makes.

    A format that the socket does not have is asked for over HTTP, too.
    """

    def __init__(self, socket: SocketSource, over_http: Callable[[], ServiceSource]) -> None:
        super().__init__(socket)
        self._socket = socket
        self._over_http = over_http
        self._http: ServiceSource | None = None
        self._has_socket = True

    def __repr__(self) -> str:
        return repr(self.wrapped)

    @property
    def wrapped(self) -> SocketSource | ServiceSource:
        """The one that is asked now."""
        return self._socket if self._has_socket else self._asked_over_http()

    @asynccontextmanager
    async def opened(self, source: Source, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        """Open ``source``; where that finds no socket, ask over HTTP."""
        if options.wire_format not in ("auto", *formats_for(self._socket, options)):
            source = self._asked_over_http()
        async with AsyncExitStack() as stack:
            try:
                stream = await stack.enter_async_context(source.open(text, options))
            except SourceError as error:
                if source is self._http or error.status not in NO_SOCKET:
                    raise
                log.info("there is no socket (HTTP %s): asked over HTTP from now on", error.status)
                self._has_socket = False
                stream = await stack.enter_async_context(self._asked_over_http().open(text, options))
            yield stream

    def _asked_over_http(self) -> ServiceSource:
        if self._http is None:
            self._http = self._over_http()
        return self._http

    async def voices(self) -> list[VoiceInfo]:
        """The voices that the service lists. Raises as `ServiceSource`."""
        return await self.wrapped.voices()

    async def aclose(self) -> None:
        """Close both."""
        await close(self._socket)
        await close(self._http)
