"""Where the Realtime API's WebSocket is opened for a model, and in which form the service there speaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..sockets.handshake import Handshake

if TYPE_CHECKING:
    from aiohttp import ClientWebSocketResponse

    from ..sockets.handshake import Advise, Asked
    from .dialect import Dialect

Locate = Callable[[str], Awaitable[tuple[str, Mapping[str, str]]]]
"""Called for each connection with the model; returns the URL of the WebSocket and the headers of the handshake."""


class RealtimeHandshake(Handshake):
    """Opens WebSockets for models.

    ``locate``: gives the URL for a model, and the headers, in place of these. ``dialect``: the dialect of the service;
    None: not known. The rest is as in `Handshake`.
    """

    def __init__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        locate: Locate | None = None,
        dialect: Dialect | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(url, headers, kind="with OpenAI's Realtime API", **settings)
        self.dialect = dialect
        self._locate = locate or self._located_here

    async def open_for(self, model: str, asked: Asked, advise: Advise) -> ClientWebSocketResponse:
        """A WebSocket for ``model``. Raises as `open`, and `ConfigError` for a URL that cannot be used."""
        self.checked_url()
        return await self.open(*await self._locate(model), asked, advise)

    async def _located_here(self, model: str) -> tuple[str, Mapping[str, str]]:
        url = self.checked_url()
        return f"{url}{'&' if '?' in url else '?'}model={quote(model, safe='')}", self.headers
