"""A connection to the Realtime API: set up in a dialect that the service knows, changed where that is possible."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ...errors import OggStreamError
from ..sockets.connection import SocketConnection
from .dialect import Dialect
from .protocol import RealtimeProtocol

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

    from ..http.redaction import Secrets
    from .messages import Setup
    from .pending_response import PendingResponse

LONGEST_USE = 55 * 60.0
"""Seconds after which a connection gets no new pieces: OpenAI ends a session after 60 minutes, in mid-word."""
GREETING_SECONDS = 0.3
"""Seconds to wait for the first event of a service whose dialect is not known."""


class Connection(SocketConnection):
    """An open WebSocket, set up for ``setup``.

    ``dialect``: the dialect of the service; None: found from its first event.
    """

    def __init__(
        self,
        socket: ClientWebSocketResponse,
        setup: Setup,
        place: str,
        secrets: Secrets,
        dialect: Dialect | None = None,
    ) -> None:
        self._setup = setup
        self._protocol = RealtimeProtocol(place, secrets, setup, dialect)
        self._dialect_is_known = dialect is not None
        self._used = False  # a response was asked for
        super().__init__(socket, self._protocol, place, longest_use=LONGEST_USE)

    @property
    def open(self) -> bool:
        """Whether new pieces may go to it."""
        age = asyncio.get_running_loop().time() - self._opened[0]
        return super().open and age < min(LONGEST_USE, self._lifetime)

    @property
    def dialect(self) -> Dialect | None:
        """The dialect that the service accepts; None until it has accepted the set-up."""
        return self._protocol.dialect if self._protocol.is_set_up else None

    def fits(self, setup: Setup) -> bool:
        """Whether it is set up as ``setup`` says."""
        return self._setup == setup

    async def adapt(self, setup: Setup) -> bool:
        """Change the set-up if possible: a voice is fixed once it has spoken, a speed while it speaks."""
        free = not self._used or (self._setup.voice == setup.voice and self._protocol.idle)
        if self._setup.model != setup.model or not free:
            return False
        self._setup = setup
        try:
            await self.set_up()
        except OggStreamError:  # it is gone
            return False
        return True

    async def set_up(self) -> None:
        """Send the set-up. Requests need not wait for the answer: the service takes events in order."""
        if not self._dialect_is_known:
            await self._greeted()
            self._protocol.use(self._protocol.greeting or Dialect())
            self._dialect_is_known = True
        await self.send(self._protocol.set_up(self._setup))

    async def ready(self) -> None:
        """Wait for the answer to the set-up, and to a ping if the connection was idle. Raises what it failed with."""
        seen = self._seen if self.is_doubtful else None
        if seen is not None:
            await self.probe()
        while self._protocol.failure is None and not (self._protocol.is_set_up and self._seen != seen):
            await self.next_message()
        if self._protocol.failure is not None:
            raise self._protocol.failure

    async def ask(self, pending: PendingResponse) -> None:
        """Send the request for ``pending``. Raises `SourceBrokenError`, with ``retry_headers`` set.

        A connection that was idle may be dead without any sign, for example when a router has dropped it. A ping
        precedes the request, which costs no time; without an answer all pending requests fail and may be retried.
        """
        self._used = True
        if self.is_doubtful:
            await self.probe()
        for event in self._protocol.ask(pending):
            await self.send(event)

    async def drop(self, pending: PendingResponse) -> None:
        """Cancel ``pending`` unless it has ended. Never fails."""
        await self.send_all(self._protocol.drop(pending))
        self.close_when_done()

    @property
    def _lifetime(self) -> float:
        """Seconds that the service grants the session, less a minute; ignored if the two clocks disagree."""
        usable = (self._protocol.expires_at or 0.0) - self._opened[1] - 60.0
        return usable if usable > 60.0 else LONGEST_USE

    async def _greeted(self) -> None:
        """Wait briefly for the first event of the service."""
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                while self._protocol.greeting is None and self._protocol.failure is None:
                    await self.next_message()
        except TimeoutError:
            return
