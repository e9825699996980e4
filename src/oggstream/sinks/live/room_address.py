"""Where a room is, what opens it, and the words for a room that cannot be had. No socket."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from ...errors import UsageError

FORM = "http://HOST:PORT/v1/live/NAME"
_SCHEMES = {"http": "http", "https": "https", "ws": "http", "wss": "https"}
_STATUSES = {
    400: "it takes no room of that name",
    401: "it wants a key: LiveSink(url, api_key=...)",
    403: "it does not take requests for that host",
    404: "it has no rooms",
    429: "it has too many rooms already",
    503: "it is going away",
}


class RoomAddress(NamedTuple):
    """A room. ``key`` is the credential: it is neither shown nor in any message."""

    url: str
    key: str

    def __repr__(self) -> str:
        return f"<room {self.shown}>"

    @classmethod
    def parse(cls, url: object, key: object = None) -> RoomAddress:
        """The room at a URL (http, https, ws or wss). Raises `UsageError`, which shows no part that may be a key."""
        try:
            parts = urlsplit(url) if isinstance(url, str) else SplitResult("", "", "", "", "")
            known = parts.scheme in _SCHEMES and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            known = False
        if not known or not parts.path.strip("/") or parts.query or parts.fragment or parts.username:
            raise UsageError(f"this is no address of a room: use {FORM}")
        if key is not None and not (isinstance(key, str) and key.isascii() and key.isprintable() and " " not in key):
            raise UsageError("a key is ASCII letters, digits and signs")
        return cls(parts._replace(scheme=_SCHEMES[parts.scheme]).geturl(), key or "")

    @property
    def shown(self) -> str:
        """How it is called in messages."""
        return f"the room {self.url}"

    @property
    def headers(self) -> Mapping[str, str]:
        """Those of a request."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def without_key(self, message: str) -> str:
        """``message``, which may quote anything."""
        return message.replace(self.key, "[...]") if self.key else message

    def refused(self, status: int) -> str:
        """Why an answer with that status is no room."""
        return f"{self.shown} cannot be spoken into: {_STATUSES.get(status, 'it is none')} (status {status})"

    def unreachable(self, error: Exception) -> str:
        """Why there is no connection."""
        number = getattr(error, "errno", None)
        if isinstance(error, TimeoutError):
            why = "no answer in time"
        elif isinstance(number, int) and number > 0:
            why = os.strerror(number).lower()
        else:
            why = "no server answers there"
        return f"{self.shown} cannot be reached: {why}"
