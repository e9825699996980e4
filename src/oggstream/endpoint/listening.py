"""The port of the endpoint: opened, described, and the words for what stands in the way."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import ConfigError
from .browsers import is_address

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiohttp import web

    from .connections import Connections


class Listener(NamedTuple):
    """An open port and its connections."""

    server: asyncio.Server
    connections: Connections

    def addresses(self) -> list[tuple[str, int]]:
        """The addresses and ports that it has become."""
        names = [opened.getsockname() for opened in self.server.sockets]
        return [(str(name[0]), int(name[1])) for name in names]

    def close(self) -> None:
        """Accept nothing more. What is open stays so."""
        self.server.close()
        self.connections.stop()


async def listen(
    runner: web.AppRunner, host: str, port: int, tls: SSLContext | None = None, opened: socket.socket | None = None
) -> Listener:
    """Open the port, or take connections from one that is ``opened``. Raises `ConfigError`."""
    from .connections import BACKLOG, Connections, most_connections

    manager = runner.server
    assert manager is not None
    connections = Connections(manager, most_connections())
    try:
        where: dict[str, Any] = {"sock": opened} if opened is not None else {"host": host, "port": port}
        server = await asyncio.get_running_loop().create_server(connections, **where, backlog=BACKLOG, ssl=tls)
    except (OSError, UnicodeError) as error:
        raise cannot_listen(host, port, error) from error
    return Listener(server, connections)


async def addresses_of(host: str, port: int) -> list[str]:
    """The addresses that ``host`` means; the empty one means all that there are. Raises `ConfigError`."""
    if not host:
        return ["0.0.0.0"]
    if is_address(host):
        return [host]
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise cannot_listen(host, port, error) from error
    return [str(address[0]) for *_, address in found]


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches ``address``."""
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


def cannot_listen(host: str, port: int, error: OSError | UnicodeError) -> ConfigError:
    """What to say where a port cannot be had."""
    return ConfigError(f"cannot listen on {host} port {port}: {_obstacle(error)}")


def _obstacle(error: OSError | UnicodeError) -> str:
    """Why a port cannot be had, and what to do."""
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return "it is in use; stop the program that listens there, or choose another port (0: any free one)"
    if number == errno.EACCES:
        return "this user may not; choose a port from 1024 on"
    if number == errno.EADDRNOTAVAIL or (number is None and isinstance(error, OSError)):  # None: from Python 3.12 on
        return "this machine has no such address; choose 127.0.0.1, or 0.0.0.0 for all that it has"
    return f"{getattr(error, 'strerror', None) or error}; check the name of the host"


def reachable(host: str) -> str:
    """The host under which a client on this machine reaches a server that listens on ``host``."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def server_tls(certificate: str) -> SSLContext:
    """TLS with the certificate chain and its key in the PEM file ``certificate``. Raises `ConfigError`."""
    import ssl

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"cannot use the certificate {certificate!r} (PEM, with its key): {why}") from error
    return context
