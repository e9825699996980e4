"""The keys of the endpoint: where a client may show one, and how it is compared."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from ..errors import ConfigError
from .speech_request import RefusedError

if TYPE_CHECKING:
    from aiohttp import web
    from aiohttp.typedefs import Handler, Middleware

OPEN_PATHS = ("/health", "/ready")
"""What may be asked without a key: whether the server lives, which says nothing about anybody."""
HEADERS = ("api-key", "X-Api-Key")
"""Where a key may stand instead of the bearer token (RFC 6750 section 2.1): Azure's clients, and many others."""
SUBPROTOCOL = "openai-insecure-api-key."
"""Before the key of a browser's WebSocket, which can send no header."""


class Keys:
    """Names and keys; a key is told nowhere. Raises `ConfigError`, which names it, for one that no header can hold."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        for name, key in keys.items():
            if not key or not (key.isascii() and key.isprintable() and " " not in key):
                raise ConfigError(
                    f"the key {name!r} cannot be sent in a header: choose one of ASCII letters, digits and signs"
                )
        self._keys = {name: key.encode() for name, key in keys.items()}

    def __bool__(self) -> bool:
        return bool(self._keys)

    def owner(self, shown: Iterable[bytes]) -> str | None:
        """The name of the first key that is among those ``shown``; None for none.

        In constant time: how long it takes does not tell how much of a guess was right, nor which key it is like.
        """
        found = None
        for token in shown:
            for name, key in self._keys.items():
                if hmac.compare_digest(token, key) and found is None:
                    found = name
        return found

    def middleware(self, admits: Callable[[web.Request], bool]) -> Middleware:
        """Lets nobody in without a key, but to `OPEN_PATHS`, and whom ``admits`` lets in."""
        from .connections import record_of

        async def ask(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.rstrip("/") not in OPEN_PATHS and not admits(request):
                shown = keys_shown(request)
                owner = record_of(request).owner = self.owner(shown)
                if owner is None:
                    raise _unauthorized(given=any(shown))
            return await handler(request)

        return ask


def read_keys(lines: Iterable[str]) -> dict[str, str]:
    """The keys in the lines of a file: ``name: key`` or a key alone, which gets its line's number for a name.

    Blank lines and those that begin with # are left out.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if text and not text.startswith("#"):
            name, colon, key = text.partition(":")
            found[name.strip() if colon else f"line {number}"] = (key if colon else text).strip()
    return found


def keys_shown(request: web.Request) -> list[bytes]:
    """The keys that a request shows, in any of the ways that clients have."""
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    shown = [given.strip()] if scheme.lower() == "bearer" else []
    shown += [request.headers[name].strip() for name in HEADERS if name in request.headers]
    for part in request.headers.get("Sec-WebSocket-Protocol", "").split(","):
        if part.strip().startswith(SUBPROTOCOL):
            shown.append(part.strip().removeprefix(SUBPROTOCOL))
    return [key.encode("utf-8", "surrogateescape") for key in shown]


def _unauthorized(*, given: bool) -> RefusedError:
    """OpenAI's two answers; the key that came is not repeated."""
    missing = "You didn't provide an API key: send it in the header Authorization: Bearer YOUR_KEY."
    return RefusedError(
        "Incorrect API key provided." if given else missing,
        status=401,
        code="invalid_api_key" if given else None,
        headers={"WWW-Authenticate": "Bearer"},
    )
