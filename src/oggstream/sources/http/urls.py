"""Which URLs can be fetched, and which one a redirect leads to. Pure."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

LONGEST_URL = 32 << 10
"""Characters of a URL that is fetched; a signed one has up to some 8 thousand."""
MOST_REDIRECTS = 10
_MOVED = (301, 302, 303, 307, 308)
_NEVER_IN_A_HOST = frozenset("%\\<>^`{|}\"' ")
_PORTS = {"http": 80, "https": 443}


class Redirect(NamedTuple):
    """Where an answer sends the request: ``url``; ``safe``: what is secret may go there; ``keeps``: with its body."""

    url: str
    safe: bool
    keeps: bool


def usable_url(url: str) -> bool:
    """Whether ``url`` is an absolute http or https URL with a host that a name server could know."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    printable = url.isprintable() and " " not in parts.netloc and len(url) <= LONGEST_URL
    return parts.scheme in _PORTS and port != 0 and printable and _usable_host(parts.hostname or "")


def redirect_of(status: int, location: str, here: str) -> Redirect | None:
    """Where an answer of ``status`` to a request for ``here`` leads to. None: it is none, or leads to no usable URL.

    A 307 or 308 keeps method and body, the others do not (RFC 9110 section 15.4). It is safe to send credentials and
    text to the origin that they were meant for, also over TLS where that was http.
    """
    if status not in _MOVED or not location:
        return None
    try:
        goal = urljoin(here, location.strip())
        url = urlsplit(goal)._replace(fragment="").geturl()
    except ValueError:
        return None
    return Redirect(url, _is_safe(urlsplit(here), urlsplit(url)), status in (307, 308)) if usable_url(url) else None


def _is_safe(here: SplitResult, goal: SplitResult) -> bool:
    if (here.hostname or "").rstrip(".") != (goal.hostname or "").rstrip("."):
        return False
    if (here.scheme, goal.scheme) == ("http", "https"):
        return True
    return here.scheme == goal.scheme and _port(here) == _port(goal)


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _usable_host(host: str) -> bool:
    """Whether ``host`` is an address in brackets, or labels of 1 to 63 characters (RFC 1035 section 2.3.4)."""
    if ":" in host:
        return True
    try:
        name = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        return False
    if set(name) & _NEVER_IN_A_HOST:
        return False
    labels = name.removesuffix(".").split(".")
    return len(name) <= 254 and all(0 < len(label) < 64 for label in labels)
