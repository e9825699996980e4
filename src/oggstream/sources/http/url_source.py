"""Any URL as a source."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from ..traits import SourceTraits
from .client import HttpClient
from .exchange import Request, json_body

if TYPE_CHECKING:
    from ssl import SSLContext

    from ...options import SpeechOptions
    from ..source import ByteStream


class HttpSource:
    """Ogg Opus from any URL: ``text`` and options are ignored.

    ``json`` is sent as the body (``method`` is then usually POST). Credentials may stand in ``headers``, in the user
    part of the URL, or in its query: they are struck out of every message. Proxies and certificates come from the
    environment, unless ``trust_env`` is false (proxies only) or ``ssl_context`` is given.
    """

    traits = SourceTraits(name="http", whole=True)

    def __init__(
        self,
        url: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        max_retries: int = 2,
        connect_timeout: float = 5.0,
        trust_env: bool = True,
        ssl_context: SSLContext | None = None,
    ) -> None:
        self._client = HttpClient(
            url,
            max_retries=max_retries,
            connect_timeout=connect_timeout,
            trust_env=trust_env,
            ssl_context=ssl_context,
        )
        body = None if json is None else json_body(json)
        content = {} if body is None else {"Content-Type": "application/json"}
        self._request = Request(method, {**content, **(headers or {})}, body)

    def __repr__(self) -> str:
        return f"HttpSource({self._client.shown!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:  # noqa: ARG002
        """Fetch the URL. Raises `ConfigError` for an unusable one, `SourceError` for all that fails."""
        return self._client.open(self._request)

    async def warm(self) -> None:
        """Open a connection ahead of the first request. Never fails."""
        await self._client.warm()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()
