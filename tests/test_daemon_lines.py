"""The connection that a daemon has ready: real services with TLS, and what came over which connection."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from daemons import Daemon, running
from oggstream.opus.head import OpusHead
from opus_streams import link, tone_packets
from patience import PATIENCE
from pulse import INSTALL, PROGRAMS, SoundServer
from speech_server import CERTIFICATE, Service, server_tls, serving, speaking, tunnelling_proxy, until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")
SPEECH = link(tone_packets(), OpusHead.simple(1, 312))


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    """One that plays into a sound server, and trusts the services here. A service has a place of its own: it is new."""
    if missing := [program for program in PROGRAMS if shutil.which(program) is None]:
        pytest.skip(f"{', '.join(missing)} not installed: {INSTALL}")
    with tempfile.TemporaryDirectory(prefix="pulse") as path:
        sound = SoundServer(Path(path))
        sound.start()
        try:
            authority = Path(path, "authority.pem")
            authority.write_text(CERTIFICATE)
            with running(Path(path), **sound.environment, SSL_CERT_FILE=str(authority)) as daemon:
                yield daemon
        finally:
            sound.stop()


async def say(daemon: Daemon, base: str, **env: str) -> None:
    """A client, up to its end."""
    env = {"OPENAI_BASE_URL": base, "OPENAI_API_KEY": "sk-of-the-client", **env}
    result = await asyncio.to_thread(daemon.run, "say", "Hello.", "--history", "none", env=env)
    assert result.status == 0, result.err


async def say_first(daemon: Daemon, service: Service) -> None:
    """The first client that speaks with ``service``, and what comes of it."""
    await asyncio.to_thread(daemon.wait_for_spare)
    assert service.connections == 0
    await say(daemon, service.base)
    await until(lambda: service.connections)
    assert len(service.received) == 1


async def cut(service: Service) -> None:
    """Close the connection that is ready at ``service``."""
    await until(lambda: service.connections)
    assert service._runner.server is not None
    for connection in list(service._runner.server.connections):
        assert connection.transport is not None
        connection.transport.abort()
    await until(lambda: not service.connections)


async def test_next_client_speaks_over_the_connection_that_is_ready(daemon: Daemon) -> None:
    async with serving(speaking(SPEECH), tls=server_tls()) as service:
        await say_first(daemon, service)
        for _ in range(2):
            await until(lambda: service.connections)
            assert service._runner.server is not None
            (ready,) = service._runner.server.connections
            assert ready.transport is not None
            port = ready.transport.get_extra_info("peername")[1]
            await say(daemon, service.base)
            assert service.received[-1].port == port
        assert [request.method for request in service.received] == ["POST"] * 3
        await cut(service)


async def test_client_with_a_proxy_of_its_own_uses_that(daemon: Daemon) -> None:
    async with serving(speaking(SPEECH), tls=server_tls()) as service, tunnelling_proxy() as (port, heads):
        await say_first(daemon, service)
        await say(daemon, service.base, HTTPS_PROXY=f"http://127.0.0.1:{port}", NO_PROXY="<-loopback>")
        assert len(heads) == 1
        assert len(service.received) == 2
        await until(lambda: not service.connections)  # nor is there one for the next client


async def test_client_with_other_trust_makes_its_own(daemon: Daemon, tmp_path: Path) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_text(CERTIFICATE)
    async with serving(speaking(SPEECH), tls=server_tls()) as service:
        await say_first(daemon, service)
        await say(daemon, service.base, SSL_CERT_FILE=str(authority))
        await until(lambda: not service.connections)


async def test_client_of_another_service_leaves_nothing_behind_at_the_first_one(daemon: Daemon) -> None:
    async with (
        serving(speaking(SPEECH), tls=server_tls()) as service,
        serving(speaking(SPEECH), tls=server_tls()) as other,
    ):
        await say_first(daemon, service)
        await say(daemon, other.base)
        await until(lambda: not service.connections and other.connections)
        assert (len(service.received), len(other.received)) == (1, 1)
        await cut(other)


async def test_service_that_has_closed_meanwhile_is_asked_once(daemon: Daemon) -> None:
    async with serving(speaking(SPEECH), tls=server_tls()) as service:
        await say_first(daemon, service)
        await cut(service)
        await say(daemon, service.base)
        assert len(service.received) == 2
        await cut(service)


async def test_service_without_tls_gets_no_connection(daemon: Daemon) -> None:
    async with serving(speaking(SPEECH)) as service:
        for _ in range(2):
            await say(daemon, service.base)
            await asyncio.to_thread(daemon.wait_for_spare)
            assert service.connections == 0


async def test_service_of_one_connection_at_a_time_serves_one_client_after_the_other(daemon: Daemon) -> None:
    with one_at_a_time() as (base, connections):
        for _ in range(3):
            await say(daemon, base)
        await until(lambda: len(connections) == 4)  # the last one is ready for a fourth


@contextmanager
def one_at_a_time() -> Iterator[tuple[str, list[ssl.SSLSocket]]]:
    """A service that does not look at the next connection before this one has ended."""
    connections: list[ssl.SSLSocket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=_serve, args=(server, connections))
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.getsockname()[1]}/v1", connections
        finally:
            for one in (server, *connections):
                with suppress(OSError):
                    socket.socket.shutdown(one, socket.SHUT_RDWR)  # wakes the thread
            thread.join(PATIENCE)


def _serve(server: socket.socket, connections: list[ssl.SSLSocket]) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: audio/ogg\r\nContent-Length: %d\r\n\r\n" % len(SPEECH)
    with suppress(OSError):
        while True:
            plain, _ = server.accept()
            with suppress(ssl.SSLError, ConnectionError), server_tls().wrap_socket(plain, server_side=True) as made:
                connections.append(made)
                while _request(made):
                    made.sendall(head + SPEECH)


def _request(made: Any) -> bool:
    """Read one; False at the end."""
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(b"}"):
        if not (more := made.recv(65536)):
            return False
        data += more
    return True
