"""Connections begun ahead, by plain sockets in threads: name, TCP and TLS, while modules are still being imported.

A process that is about to send its first request calls `dial` as soon as it knows where to. The request takes the
`Line` with `take`, if it is made in the same way as aiohttp would make one: without a proxy, with the usual trust.
What fails here is tried again by aiohttp, and told by its errors. Importing this loads neither asyncio nor ssl.

A process that waits for its first request may keep a line for longer, if it is told where the last one led to.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from ...errors import ConfigError
from .proxies import proxy_for
from .urls import usable_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .direct import Exchange

IDLE = 4.0
"""Seconds that a line waits for its request; then it is closed, for the service may serve one connection at a time."""
STAGGER = 0.25
"""Seconds after which the next address of a name is tried as well (RFC 8305 section 5)."""
_PORTS = {"http": 80, "https": 443}
_PROBES = {  # socket option: value. A peer that is gone is noticed within half a minute, where the system can do that
    "TCP_KEEPIDLE": 15,  # seconds without a byte until the first probe
    "TCP_KEEPALIVE": 15,  # the name of macOS for it
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 20_000,  # milliseconds that what was sent may stay without an acknowledgement (RFC 5482)
}


class Place(NamedTuple):
    """Where a line leads to."""

    scheme: str
    host: str
    port: int

    @property
    def origin(self) -> str:
        """As a URL without a path."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Line:
    """One connection, and the thread that makes it and then runs the one exchange that it is given.

    It is closed if that does not come within ``life`` seconds.
    """

    def __init__(self, place: Place, timeout: float, life: float = IDLE) -> None:
        self.place = place
        self._life = life
        self._since = 0.0  # when it was connected, on the clock of the wall: a laptop may sleep
        self._deadline = time.monotonic() + timeout
        self._changed = Condition()  # guards what follows
        self._socket: socket.socket | None = None
        self._closed = False
        self.exchange: Exchange | None = None
        """What the line is used for."""
        Thread(target=self._run, daemon=True, name="oggstream-line").start()

    @property
    def idle(self) -> float:
        """Seconds for which it has been waiting; 0 while there is no connection, and once it is used."""
        return max(0.0, time.time() - self._since) if self._since and self.exchange is None else 0.0

    @property
    def usable(self) -> bool:
        """Whether it is, or may still become, one that a request can go out on, or is out on, whatever the answer. Else
        it is closed here, too.
        """
        with self._changed:
            if self.exchange is not None:
                return True
            made = None if self._closed else self._socket
            if self.idle > self._life or (made is not None and not _is_silent(made)):
                self.close()
            return not self._closed

    @property
    def open(self) -> bool:
        """Whether it is connected, and `usable`."""
        return self._socket is not None and self.usable

    def use(self, exchange: Exchange) -> None:
        """Have ``exchange`` run in the thread, with the socket or why there is none; not where it is closed."""
        with self._changed:
            if not self._closed:
                self.exchange = exchange
                self._changed.notify_all()

    def close(self) -> None:
        """End the connection, whatever it is doing."""
        if self.exchange is not None:
            self.exchange.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            if self._socket is not None:
                with suppress(OSError):
                    socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # wakes the thread that reads

    def _run(self) -> None:
        made = self._connected()
        exchange = self._awaited()
        try:
            if exchange is not None:
                exchange.run(made)
        finally:
            self.close()
            if not isinstance(made, OSError):
                made.close()

    def _connected(self) -> socket.socket | OSError:
        try:
            made = connect(self.place, self._deadline)
            made.settimeout(None)
        except (OSError, UnicodeError) as error:
            return error if isinstance(error, OSError) else OSError(str(error))
        with self._changed:
            self._socket = made
            self._since = time.time()
        return made

    def _awaited(self) -> Exchange | None:
        with self._changed:
            self._changed.wait_for(lambda: self.exchange is not None or self._closed, self._life)
            if self.exchange is None:
                self._closed = True
            return None if self._closed else self.exchange


_lines: list[Line] = []
_answered: list[str] = []
"""The URL of the last answer."""


def dial(url: str, timeout: float, life: float = IDLE) -> Line | None:
    """Begin a connection to ``url`` that may take ``timeout`` seconds, if it needs nothing but a socket and is missing.

    It waits ``life`` seconds for its request, and is kept for `take`. None where none was begun.
    """
    place = place_of(url)
    if place is None or any(line.place == place and line.usable for line in _lines):
        return None
    line = Line(place, timeout, life)
    _lines.append(line)
    return line


def waiting_for(url: str) -> Line | None:
    """The line that was begun for ``url``, which stays where it is."""
    if not _lines or (place := place_of(url)) is None:
        return None
    return next((line for line in _lines if line.place == place), None)


def take(url: str) -> Line | None:
    """The line that was begun for ``url``, unless the service has closed it. The caller has it alone, and closes it."""
    found = waiting_for(url)
    if found is None:
        return None
    _lines.remove(found)
    if found.usable:
        return found
    found.close()
    return None


def keep_open_ones() -> None:
    """Close the lines that nothing took, but for those that are connected, and silent since."""
    for line in [line for line in _lines if not line.open]:
        _lines.remove(line)
        line.close()


def answered(url: str) -> None:
    """Take notice that a service has answered at ``url``."""
    _answered[:] = [url]  # what place that is takes 0.1 ms, and the answer waits


def last_place() -> Place | None:
    """Where the last answer came from; None where a plain connection would not do, or nothing has answered."""
    return place_of(_answered[0]) if _answered else None


def hang_up() -> None:
    """Close the lines that nothing took."""
    while _lines:
        _lines.pop().close()


def place_of(url: str) -> Place | None:
    """Where a plain connection for ``url`` leads to; None where one would not do."""
    if not usable_url(url) or not url.isascii() or " " in url:  # what is to be encoded is left to aiohttp
        return None
    parts = urlsplit(url)
    try:
        if parts.hostname is None or proxy_for(url):
            return None
    except ConfigError:
        return None
    return Place(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])


def connect(place: Place, deadline: float) -> socket.socket:
    """A connection, with TLS where the scheme asks for it; ``deadline`` on the monotonic clock. Raises `OSError`."""
    host = place.host.encode("ascii")  # for a str, a codec would be loaded, which takes 4 ms
    found = socket.getaddrinfo(host, place.port, type=socket.SOCK_STREAM)
    made = _first_connected([(*kind, address) for *kind, _, address in found], deadline)
    if place.scheme != "https":
        return made
    try:
        made.settimeout(_left(deadline))
        return _secured(made, place.host)
    except BaseException:
        made.close()
        raise


def new_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket on which a connection that is dead is noticed."""
    family, kind, protocol = address[:3]
    made = socket.socket(family, kind, protocol)
    with suppress(OSError):
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES.items():
        if (option := getattr(socket, name, None)) is not None:
            with suppress(OSError):
                made.setsockopt(socket.IPPROTO_TCP, option, value)
    return made


def _first_connected(addresses: Iterable[tuple[Any, ...]], deadline: float) -> socket.socket:
    """The first of ``addresses`` that answers; each is begun when the one before failed, or after `STAGGER`."""
    waiting, begun = list(addresses), list[socket.socket]()
    error: OSError = OSError("there is no address")
    try:
        while waiting or begun:
            if waiting:
                begun.append(_begin(waiting.pop(0)))
            limit = min(STAGGER, _left(deadline)) if waiting else _left(deadline)
            # Windows tells of a refused connection among the exceptional ones.
            _, ready, failed = select.select([], begun, begun, limit)
            for one in dict.fromkeys((*ready, *failed)):
                begun.remove(one)
                code = one.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if not code:
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    return one
                one.close()
                error = OSError(code, "no connection")
    finally:
        for one in begun:
            one.close()
    raise error


def _is_silent(made: socket.socket) -> bool:
    """Whether nothing has come on a connection that nothing was asked on: its end, or that it took too long.

    Tickets of TLS, which a service sends after the handshake, are read here and are nothing.
    """
    if not select.select([made], [], [], 0)[0]:
        return True
    if type(made) is socket.socket:
        return False
    from ssl import SSLWantReadError

    made.settimeout(0.0)
    try:
        made.recv(1)
    except SSLWantReadError:
        return True
    except OSError:
        return False
    finally:
        made.settimeout(None)
    return False


def _begin(address: tuple[Any, ...]) -> socket.socket:
    made = new_socket(address)
    made.setblocking(False)
    made.connect_ex(address[-1])
    return made


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("no connection in time")
    return left


def _secured(made: socket.socket, host: str) -> socket.socket:
    """TLS over ``made``, with the context that aiohttp would use."""
    import ssl

    from .tls import default_context

    context = default_context() or ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    return context.wrap_socket(made, server_hostname=host)
