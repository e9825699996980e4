"""What is sent over HTTP, and the body that comes back."""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ...errors import ConfigError
from ..traits import StreamTraits

if TYPE_CHECKING:
    from aiohttp import ClientResponse

    from .faults import Place
    from .redaction import Secrets

PORTS = {"http": 80, "https": 443}
_REQUEST_IDS = ("x-request-id", "request-id", "dg-request-id", "x-requestid", "x-amzn-requestid")


class Request(NamedTuple):
    """What is sent. ``characters`` of text are in it, for the report. ``target`` is a path with its query, ready to be
    sent, that goes behind the client's URL.
    """

    method: str
    headers: Mapping[str, str]
    body: bytes | None = None
    characters: int = 0
    target: str = ""

    def __repr__(self) -> str:
        """Without headers, target and body, which may hold a credential."""
        return f"<Request {self.method}, {len(self.body or b'')} bytes>"


class Outgoing(NamedTuple):
    """What is sent, and where to."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None = None

    def unpacked(self) -> Outgoing:
        """The same, with the wish that the answer is not compressed, unless the headers say what is wished."""
        return self._replace(headers={"Accept-Encoding": "identity", **self.headers})

    def encoded(self) -> bytes:
        """The bytes of a request (RFC 9112 section 3), with the headers that aiohttp adds."""
        parts = urlsplit(self.url)
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        port = "" if parts.port in (None, PORTS[parts.scheme]) else f":{parts.port}"
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        usual = {
            "Host": f"{host}{port}",
            "Accept": "*/*",
            "User-Agent": f"Python/{sys.version_info[0]}.{sys.version_info[1]}",
        }
        given = {name.lower() for name in self.headers}
        fields = [(name, value) for name, value in usual.items() if name.lower() not in given]
        fields += self.headers.items()
        if self.body is not None:
            fields.append(("Content-Length", str(len(self.body))))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return f"{self.method} {target} HTTP/1.1\r\n{head}\r\n".encode() + (self.body or b"")


class HttpStream:
    """The body of an answer, in the chunks in which it arrives. Raises `SourceBrokenError` when it is cut.

    ``status``, ``headers`` and ``request`` are the exchange as it was, credentials included: for captures, which leave
    out what ``secrets`` knows. ``url``, ``content_type`` and ``request_id`` are fit to be shown. ``format`` is what was
    asked for, where the source chose it.
    """

    __slots__ = (
        "_content",
        "_place",
        "content_type",
        "format",
        "headers",
        "request",
        "request_id",
        "secrets",
        "status",
    )

    def __init__(
        self, response: ClientResponse, place: Callable[[], Place], request: Request, secrets: Secrets
    ) -> None:
        self._content = response.content
        self._place = place
        self.request = request
        self.secrets = secrets
        self.status = response.status
        self.headers = response.headers
        self.content_type = secrets.shown(response.headers.get("Content-Type", ""))
        self.format: str | None = None
        self.request_id = request_id_of(response.headers, secrets)

    @property
    def url(self) -> str:
        """What answered, fit to be shown."""
        return self._place().url

    @property
    def traits(self) -> StreamTraits:
        """The exchange as it was."""
        return StreamTraits(
            format=self.format,
            url=self.url,
            status=self.status,
            headers=self.headers,
            request=self.request,
            secrets=self.secrets,
        )

    def __aiter__(self) -> HttpStream:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._content.readany()
        except Exception as error:
            from .faults import body_error

            broken = body_error(error, self._place(), self.request_id)
            if broken is None:
                raise
            if not (chunk := _held(self._content)):
                raise broken from self.secrets.cause(error)
        if not chunk:
            raise StopAsyncIteration
        return chunk


def check_headers(headers: Mapping[str, str]) -> None:
    """Raise `ConfigError` for a header that cannot be sent."""
    for name, value in headers.items():
        if not f"{name}{value}".replace("\t", " ").isprintable():
            raise ConfigError(f"the header {name[:80]!r} has a value that cannot be sent; look for a line break in it")


def json_body(value: Any) -> bytes:
    """``value`` as the JSON that OpenAI's client sends, byte for byte: compact, UTF-8, in the given order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def request_id_of(headers: Mapping[str, str], secrets: Secrets) -> str | None:
    """The service's name for a request, by whatever header, as one line without a credential."""
    found = next((value for name in _REQUEST_IDS if (value := headers.get(name))), None)
    return secrets.shown(found) if found else None


def _held(content: Any) -> bytes:
    """What arrived before a break and was not read yet: aiohttp itself gives nothing more once there is an error."""
    buffer: deque[bytes] = getattr(content, "_buffer", deque())
    held = b"".join(buffer)
    buffer.clear()
    return held
