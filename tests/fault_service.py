"""A service with every kind of fault, in a thread of its own, for commands that run in the test's process.

The first part of the path names the fault: ``/<fault>/v1/audio/speech``. Its messages repeat the request's key.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import struct
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from aiohttp import web

from ogg_build import page
from scripted import spoken

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

SECONDS = 3.0
BODY = spoken(SECONDS)
CUT = len(BODY) * 2 // 3  # in the middle of a page
SECOND_PAGE = BODY.index(b"OggS", 4)
FIRST_AUDIO = BODY.index(b"OggS", SECOND_PAGE + 4)


def _wav() -> bytes:
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 24000, 48000, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 2036, b"WAVE") + form + struct.pack("<4sI", b"data", 2000) + bytes(2000)


_REFUSALS = {  # status, code, header
    "400": (400, "invalid_value", {}),
    "401": (401, "invalid_api_key", {}),
    "403": (403, "unsupported_country_region_territory", {}),
    "404": (404, "model_not_found", {}),
    "429": (429, "rate_limit_exceeded", {"retry-after-ms": "1"}),
    "429-long": (429, "rate_limit_exceeded", {"retry-after": "600"}),
    "quota": (429, "insufficient_quota", {}),
    "500": (500, "server_error", {}),
    "503": (503, None, {"retry-after-ms": "1"}),
    "503-wait": (503, None, {"retry-after": "60"}),
    "final": (500, "server_error", {"x-should-retry": "false"}),
}
_BODIES = {
    "mp3": b"\xff\xfb\x90\x64" + bytes(413) + b"\xff\xfb\x90\x64" + bytes(413),
    "mp3-tag": b"ID3\x04\0\0\0\0\0\x10" + bytes(500),
    "wav": _wav(),
    "flac": b"fLaC\0\0\0\x22" + bytes(200),
    "vorbis": page(b"\x01vorbis", flags=2) + page(b"audio", number=1),
    "empty": b"",
    "headers-only": BODY[:FIRST_AUDIO],
    "noise": bytes(range(256)) * 8,
}


class FaultService:
    """The service; ``asked`` counts the requests, ``stage`` is set when a request has got as far as it gets."""

    def __init__(self) -> None:
        self.asked = 0
        self.stage = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-service")
        self._runner: web.AppRunner | None = None
        self.port = 0

    def start(self, tls: ssl.SSLContext | None = None) -> None:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(tls), self._loop).result(10)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def base(self, fault: str, scheme: str = "http") -> str:
        """The base URL that gives ``fault``."""
        return f"{scheme}://127.0.0.1:{self.port}/{fault}/v1"

    async def _start(self, tls: ssl.SSLContext | None) -> None:
        app = web.Application()
        app.router.add_route("*", "/{fault}/{rest:.*}", self._answer)
        quiet = logging.getLogger("fault-service")  # the command under test shows what others log
        quiet.propagate = False
        quiet.addHandler(logging.NullHandler())
        self._runner = web.AppRunner(
            app, logger=quiet, access_log=None, shutdown_timeout=0.1, handler_cancellation=True
        )
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.asked += 1
        fault = request.match_info["fault"]
        told = request.headers.get("Authorization", "no key")
        if fault in _REFUSALS:
            return self._refuse(fault, told)
        if fault in _BODIES:
            return web.Response(body=_BODIES[fault], content_type="audio/ogg")
        if fault == "json":
            return web.json_response({"error": {"message": f"no voice for {told}", "type": "x", "code": None}})
        if fault in ("html", "html-502"):
            page = f"<!DOCTYPE html><html><head><title>Bad gateway</title></head>{told}</html>"
            return web.Response(text=page, content_type="text/html", status=502 if "502" in fault else 200)
        if fault == "circles":
            raise web.HTTPTemporaryRedirect(request.path)
        if fault == "moved":
            raise web.HTTPFound("/elsewhere")
        if fault == "nowhere":
            raise web.HTTPTemporaryRedirect("http://a..b/")
        return await self._speak(request, fault)

    def _refuse(self, fault: str, told: str) -> web.Response:
        status, code, headers = _REFUSALS[fault]
        self.stage.set()
        error = {"message": f"Not with {told}.", "type": "invalid_request_error", "param": None, "code": code}
        return web.json_response({"error": error}, status=status, headers={**headers, "x-request-id": "req_7"})

    async def _speak(self, request: web.Request, fault: str) -> web.StreamResponse:
        """Begin to speak, and fail on the way."""
        transport = request.transport
        assert transport is not None
        if fault == "reset":
            transport.abort()
        if fault in ("reset", "silent"):
            self.stage.set()
            await asyncio.sleep(60)
        response = web.StreamResponse(headers={"Content-Type": "audio/ogg", "x-request-id": "req_8"})
        if fault == "length":
            response.content_length = len(BODY)
        await response.prepare(request)
        if fault in ("cut", "length", "stall", "stall-at-once"):
            await response.write(BODY[: FIRST_AUDIO if "once" in fault else CUT])
        elif fault == "endless":
            await self._speak_on(response)
        elif fault != "no-byte":
            await response.write(BODY)
        self.stage.set()
        if fault in ("stall", "stall-at-once", "no-byte"):
            await asyncio.sleep(60)
        if fault in ("cut", "length"):
            await asyncio.sleep(0.05)  # what was written goes out before the line is cut
            transport.abort()
        return response

    async def _speak_on(self, response: web.StreamResponse) -> None:
        """Speak, and go on speaking, in real time."""
        body = spoken(40.0)
        await response.write(body[: len(body) // 8])
        self.stage.set()
        await asyncio.sleep(30)


@contextmanager
def fault_service(tls: ssl.SSLContext | None = None) -> Iterator[FaultService]:
    service = FaultService()
    service.start(tls)
    try:
        yield service
    finally:
        service.stop()


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port on which connections never come about: its queue is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port: int = listener.getsockname()[1]
        waiting = []
        try:
            for _ in range(4):
                one = socket.socket()
                waiting.append(one)
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
            yield port
        finally:
            for one in waiting:
                one.close()


@contextmanager
def answering_port(*, says: bytes) -> Iterator[int]:
    """A port that answers every connection with ``says`` and closes it: no HTTP, or a proxy that refuses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        listener.settimeout(0.05)
        ended = threading.Event()
        thread = threading.Thread(target=_answer_all, args=(listener, says, ended))
        thread.start()
        try:
            port: int = listener.getsockname()[1]
            yield port
        finally:
            ended.set()
            thread.join()


def _answer_all(listener: socket.socket, says: bytes, ended: threading.Event) -> None:
    while not ended.is_set():
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            continue
        with connection:
            connection.settimeout(2.0)
            try:
                connection.recv(65536)
                connection.sendall(says)
            except OSError:
                continue


EXPIRED = """\
-----BEGIN CERTIFICATE-----
MIIBZjCCAQugAwIBAgIBATAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwHhcNMjAwMTAxMDAwMDAwWhcNMjEwMTAxMDAwMDAwWjAUMRIwEAYDVQQDDAls
b2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARbKiG2sJn3JbgcuTA0
fdLuReK4A8gFlbWTQeUg/DdoGsV8GJ725keImuId8ADWSRO4Hn9d02mUt1zd06TS
oPsho04wTDAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwDwYDVR0TAQH/BAUw
AwEB/zAdBgNVHQ4EFgQUBVYyeehStIHh2iLtON1tRQt3GIswCgYIKoZIzj0EAwID
SQAwRgIhAInC7gA/Z9RMSi92hvXVqQkCjgRxR7n8TSraQGAWYGOUAiEA+akf0aQA
ITdtcPYZ7eOAnPVBcCeEIAFDG4cvcS6fYHk=
-----END CERTIFICATE-----
"""
ELSEWHERE = """\
-----BEGIN CERTIFICATE-----
MIIBaTCCAQ+gAwIBAgIBAjAKBggqhkjOPQQDAjAUMRIwEAYDVQQDDAlsb2NhbGhv
c3QwIBcNMjAwMTAxMDAwMDAwWhgPMjEyNjAxMDEwMDAwMDBaMBQxEjAQBgNVBAMM
CWxvY2FsaG9zdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABFsqIbawmfcluBy5
MDR90u5F4rgDyAWVtZNB5SD8N2gaxXwYnvbmR4ia4h3wANZJE7gef13TaZS3XN3T
pNKg+yGjUDBOMBwGA1UdEQQVMBOCEWVsc2V3aGVyZS5pbnZhbGlkMA8GA1UdEwEB
/wQFMAMBAf8wHQYDVR0OBBYEFAVWMnnoUrSB4doi7TjdbUULdxiLMAoGCCqGSM49
BAMCA0gAMEUCICANwdCkGHqM+hu1UNNcnlr4jmR5TZOwluxpMxtjuHWaAiEA/Qvr
UbMc2tttEPtfglakq7g3+GNmmqTg41Lm7x8FMcs=
-----END CERTIFICATE-----
"""
"""Certificates of the tests' key that are no longer valid, and for another host; they protect nothing."""
