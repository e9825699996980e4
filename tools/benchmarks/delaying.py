"""TLS services behind proxies that deliver all bytes after a delay, in both directions: as if far away."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from .cold import REFUSAL, announced


class Service:
    """Gives each request ``answer``. ``arrived``: when the first one left the client: ``delay`` before it came."""

    def __init__(self, delay: float, authority: Path, answer: bytes) -> None:
        self.port = 0
        self.authority = authority
        self.arrived: float | None = None
        self._delay = delay
        self._answer = answer
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(authority)

    async def start(self) -> list[asyncio.Server]:
        """Listen."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        inner = server.sockets[0].getsockname()[1]

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await asyncio.sleep(2 * self._delay)  # the handshake of TCP, which the system has answered at once
            there, back = await asyncio.open_connection("127.0.0.1", inner)
            await asyncio.gather(self._pump(reader, back), self._pump(there, writer))

        proxy = await asyncio.start_server(accept, "127.0.0.1", 0)
        self.port = proxy.sockets[0].getsockname()[1]
        return [server, proxy]

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass bytes on, each ``delay`` after it came."""
        loop = asyncio.get_running_loop()
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                loop.call_later(self._delay, writer.write, data)
        loop.call_later(self._delay, writer.close)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(announced(head))
            self.arrived = self.arrived or time.monotonic() - self._delay
            writer.write(self._answer)
            await writer.drain()
        writer.close()


@contextlib.contextmanager
def tls_services(*distances: float, answer: bytes = REFUSAL) -> Iterator[list[Service]]:
    """A service for each distance: seconds for a round trip. They run in a thread."""
    with tempfile.TemporaryDirectory(prefix="oggstream-bench-") as folder:
        services = [Service(distance / 2, _certificate(Path(folder)), answer) for distance in distances]
        loop = asyncio.new_event_loop()
        servers: list[asyncio.Server] = []
        for service in services:
            servers += loop.run_until_complete(service.start())
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        try:
            yield services
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            for server in servers:
                server.close()
            loop.close()


def _certificate(folder: Path) -> Path:
    """A key and its certificate for localhost, in one file."""
    path = folder / "localhost.pem"
    if not path.exists():
        key = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
        ]
        name = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", "-"]
        done = subprocess.run([*key, *name], capture_output=True, check=True)
        path.write_bytes(path.read_bytes() + done.stdout)
    return path
