"""Where on which Icecast server sound goes, and the HTTP that is spoken there. No socket.

Icecast takes a source by ``PUT``, or before version 2.4 by ``SOURCE``: a request whose body does not end, neither
chunked nor of a length. It answers before the body is sent.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from ...errors import UsageError

SCHEMES = {"icecast": False, "icecasts": True}
"""With TLS or without."""
PORT = 8000
PASSWORD = "OGGSTREAM_ICECAST_PASSWORD"  # noqa: S105  # the name of it
"""The environment variable for an address that has none."""
METHODS = ("PUT", "SOURCE")
"""In the order in which they are tried."""
MOST_HEAD = 8192
"""Bytes of an answer that are looked at."""
FORM = "icecast://source:PASSWORD@HOST:PORT/MOUNT"

_REASONS = {  # what Icecast says is told in words of ours: nothing that it sends is shown
    "mountpoint in use": "another source is on it",
    "too many sources": "the server has as many sources as it takes",
    "content-type": "it takes no Ogg",
}
_STATUSES = {
    401: "the user or the password is wrong",
    403: "it is forbidden",
    404: "the server knows no such mount",
    405: "the server takes no sources here",
}


class Refusal(Exception):  # noqa: N818  # an answer
    """Icecast does not want this source. The message says why; ``unknown`` that it may not know the method."""

    def __init__(self, why: str, *, unknown: bool = False) -> None:
        super().__init__(why)
        self.unknown = unknown


class Mount(NamedTuple):
    """A mount of a server. ``authorization`` is the credential: it is neither shown nor in any message."""

    host: str
    port: int
    path: str
    tls: bool
    authorization: str

    def __repr__(self) -> str:
        return f"<mount {self.place}>"

    @property
    def place(self) -> str:
        """How it is called in messages."""
        return f"{self._host}:{self.port}{self.path}"

    @property
    def _host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host

    @classmethod
    def parse(cls, url: str) -> Mount:
        """The mount of an ``icecast://`` URL, with TLS of ``icecasts://``. Raises `UsageError`, which shows no part
        of it.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port or PORT
        except ValueError as error:
            raise UsageError(f"this is no address of Icecast: use {FORM}") from error
        if parts.scheme not in SCHEMES or not host or parts.query or parts.fragment:
            raise UsageError(f"this is no address of Icecast: use {FORM}")
        if not re.fullmatch(r"/[\w.~%/-]+", parts.path, re.ASCII):
            raise UsageError("a mount of Icecast is letters, digits and . - _ behind the port, such as /radio.opus")
        password = unquote(parts.password or "") or os.environ.get(PASSWORD, "")
        if not password:
            raise UsageError(f"no password for Icecast: use {FORM}, or set {PASSWORD}")
        user = unquote(parts.username or "") or "source"
        authorization = b64encode(f"{user}:{password}".encode()).decode()
        return cls(host, port, parts.path, SCHEMES[parts.scheme], authorization)

    def request(self, method: str, headers: Mapping[str, str]) -> bytes:
        """The head of the request that offers a source."""
        version, expects = ("HTTP/1.1", {"Expect": "100-continue"}) if method == "PUT" else ("HTTP/1.0", {})
        fields = {
            "Host": f"{self._host}:{self.port}",
            "Authorization": f"Basic {self.authorization}",
            "User-Agent": "oggstream",
            "Content-Type": "audio/ogg",
            **headers,
            **expects,
        }
        lines = [f"{method} {self.path} {version}", *(f"{name}: {value}" for name, value in fields.items())]
        return "\r\n".join([*lines, "", ""]).encode()


def check_answer(head: bytes) -> None:
    """Raise `Refusal` unless ``head``, an answer from its first byte on, lets a source send its body."""
    found = re.match(rb"(?:HTTP/\d\.\d|ICY|OK\d?) +(\d{3})\b", head)
    if found is None:
        raise Refusal("it does not speak as Icecast does", unknown=not head)
    status = int(found[1])
    if status in (100, 200):
        return
    text = head.decode("latin-1").lower()
    reason = next((told for said, told in _REASONS.items() if said in text.partition("\r\n\r\n")[2]), None)
    why = reason or _STATUSES.get(status) or "something is wrong there"
    raise Refusal(f"{why} ({status})", unknown=status in (400, 405, 501))
