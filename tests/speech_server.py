"""Real servers on loopback for the tests of the sources: services that answer, refuse, stall and break off."""

from __future__ import annotations

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

from oggstream import events

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

BODY = b"OggS" + bytes(range(256)) * 4


class Received(NamedTuple):
    """A request as the server saw it: the raw path, headers by lower-case name, the body's bytes, the other port."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    port: int


class Service:
    """A running server: where it is, what it was asked, and how many connections it has."""

    def __init__(self, runner: web.AppRunner, received: list[Received], scheme: str) -> None:
        self._runner = runner
        self.received = received
        host, port = runner.addresses[0][:2]
        self.port: int = port
        self.place = f"{host}:{port}"
        self.origin = f"{scheme}://{host}:{port}"
        self.base = f"{self.origin}/v1"
        self.speech = f"{self.base}/audio/speech"

    @property
    def posts(self) -> list[Received]:
        """What was asked, without the requests that only open a connection."""
        return [request for request in self.received if request.method != "OPTIONS"]

    @property
    def connections(self) -> int:
        """Connections that are open now, as the server sees it."""
        server = self._runner.server
        return len(server.connections) if server is not None else 0


@asynccontextmanager
async def serving(handler: Handler, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[Service]:
    """Run ``handler`` for every path and method on a free port of 127.0.0.1."""
    received: list[Received] = []

    async def note(request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): value for name, value in request.headers.items()}
        port = request.transport.get_extra_info("peername")[1] if request.transport is not None else 0
        received.append(Received(request.method, request.raw_path, headers, await request.read(), port))
        return await handler(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", note)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        yield Service(runner, received, "https" if tls else "http")
    finally:
        await runner.cleanup()


def answering(*answers: web.Response | Handler) -> Handler:
    """Give the answers one after another; the last one again and again."""
    left = list(answers)

    async def handler(request: web.Request) -> web.StreamResponse:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if not isinstance(answer, web.Response):
            return await answer(request)
        return web.Response(body=answer.body, status=answer.status, headers=answer.headers.copy())

    return handler


def speaking(*chunks: bytes, gap: float = 0.0, hang: bool = False, headers: dict[str, str] | None = None) -> Handler:
    """Send ``chunks`` of Ogg, ``gap`` seconds apart; with ``hang`` never end."""

    async def handler(request: web.Request) -> web.StreamResponse:
        if request.method == "OPTIONS":
            return web.Response(status=405, text="no such method")
        response = web.StreamResponse(headers={"Content-Type": "audio/ogg", "x-request-id": "req_1", **(headers or {})})
        await response.prepare(request)
        for index, chunk in enumerate(chunks or (BODY,)):
            await asyncio.sleep(gap if index else 0)
            await response.write(chunk)
        if hang:
            await asyncio.sleep(60)
        await response.write_eof()
        return response

    return handler


async def hanging(request: web.Request) -> web.StreamResponse:
    """Never answer."""
    await asyncio.sleep(60)
    return web.Response()


def openai_error(
    status: int, message: str, *, code: str | None = None, kind: str = "invalid_request_error", **headers: str
) -> web.Response:
    """Refuse in OpenAI's JSON shape; ``headers`` with _ for -."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return web.json_response({"error": error}, status=status, headers=names)


@asynccontextmanager
async def raw_server(*scripts: bytes | None, reset: bool = False) -> AsyncIterator[tuple[str, int, list[bytes]]]:
    """Read what comes first and answer with a script's bytes, then close (or ``reset``); None waits for the other end.

    The scripts are used one per connection, the last one again and again. Gives (origin, port, what was read).
    """
    left = list(scripts)
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        script = left.pop(0) if len(left) > 1 else left[0]
        try:
            heads.append(await reader.read(65536))
            if script is None:
                await reader.read()
            else:
                writer.write(script)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            if reset:
                writer.transport.abort()
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", port, heads
    finally:
        server.close()
        await server.wait_closed()


@asynccontextmanager
async def tunnelling_proxy() -> AsyncIterator[tuple[int, list[bytes]]]:
    """An HTTP proxy that connects to wherever CONNECT says. Gives (port, heads of the requests)."""
    heads: list[bytes] = []

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        host, _, port = heads[-1].split()[1].decode().rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(pump(reader, back), pump(there, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1], heads
    finally:
        server.close()
        await server.wait_closed()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


async def until(condition: Callable[[], Any]) -> None:
    """Wait until ``condition`` holds (the test's own time limit ends the wait)."""
    while not condition():  # noqa: ASYNC110 - what is waited for happens in aiohttp
        await asyncio.sleep(0.002)


@contextmanager
def recorded() -> Iterator[list[events.Event]]:
    """The events that are emitted in this block."""
    seen: list[events.Event] = []
    with events.using(events.Recorder(asyncio.get_running_loop().time, 0.0, seen.append)):
        yield seen


def server_tls(certificate: str | None = None) -> ssl.SSLContext:
    """TLS with a certificate for localhost and 127.0.0.1 that nobody trusts, or another one of the same key."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "loopback.pem")
        path.write_text(_KEY + (certificate or CERTIFICATE))
        context.load_cert_chain(path)
    return context


# Made for these tests only, valid until 2126: it protects nothing.
_KEY = """\
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg5OLRmaIlwDAZoNFO
5neKIE5dhl4jb34kENnBIBnz/gOhRANCAARbKiG2sJn3JbgcuTA0fdLuReK4A8gF
lbWTQeUg/DdoGsV8GJ725keImuId8ADWSRO4Hn9d02mUt1zd06TSoPsh
-----END PRIVATE KEY-----
"""
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUXNL3/CKdcUueH2KyHmFKntJoEYUwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjEzMTAxMFoYDzIxMjYxMDI5
MTMxMDEwWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAARbKiG2sJn3JbgcuTA0fdLuReK4A8gFlbWTQeUg/DdoGsV8GJ725keI
muId8ADWSRO4Hn9d02mUt1zd06TSoPsho28wbTAdBgNVHQ4EFgQUBVYyeehStIHh
2iLtON1tRQt3GIswHwYDVR0jBBgwFoAUBVYyeehStIHh2iLtON1tRQt3GIswDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgCpvMoibFJ6u8BnsykEXCaom+lIfnEXIahVPDS+uDGRECIDl6
r15H9BqD58Huw2PQeGnPA+IDPxwi1OGtzN+lWKrm
-----END CERTIFICATE-----
"""
