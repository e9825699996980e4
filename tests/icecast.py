"""A real Icecast of the tests' own, and one that is made up of answers."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from patience import PATIENCE

PASSWORD = "hackme of icecast"
TAKEN = b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\nHTTP/1.0 200 OK\r\n\r\n"

_SETTINGS = """<icecast>
<limits><sources>2</sources><source-timeout>10</source-timeout><burst-size>2048</burst-size></limits>
<authentication><source-password>{password}</source-password><admin-password>{password}</admin-password></authentication>
<hostname>localhost</hostname><location>here</location><admin>nobody</admin>
<listen-socket><port>{port}</port><bind-address>127.0.0.1</bind-address></listen-socket>
<paths><basedir>{share}</basedir><logdir>/tmp</logdir><webroot>{share}/web</webroot>
<adminroot>{share}/admin</adminroot></paths>
<logging><errorlog>-</errorlog><accesslog>-</accesslog><loglevel>2</loglevel></logging>
<security><chroot>0</chroot>{owner}</security></icecast>"""


class Icecast:
    """The process. It may be ended, and begun again on the same port."""

    def __init__(self, folder: Path) -> None:
        program = shutil.which("icecast2") or shutil.which("icecast")
        if program is None:
            pytest.skip("there is no Icecast: on Debian, apt-get install icecast2")
        self._program = program
        self._folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        share = next(path for path in map(Path, ("/usr/share/icecast2", "/usr/share/icecast")) if path.exists())
        owner = "<changeowner><user>nobody</user><group>nogroup</group></changeowner>" if os.geteuid() == 0 else ""
        settings = _SETTINGS.format(password=PASSWORD, port=self.port, share=share, owner=owner)
        (folder / "icecast.xml").write_text(settings)
        self.begin()

    def url(self, mount: str = "/radio.opus") -> str:
        """Of a mount, as a source has it."""
        return f"icecast://source:{PASSWORD.replace(' ', '%20')}@127.0.0.1:{self.port}{mount}"

    def begin(self) -> None:
        """Start it, and wait until it listens."""
        command = [self._program, "-c", str(self._folder / "icecast.xml")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert self._process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            else:
                return

    def end(self) -> None:
        """End it as kill -9 does."""
        self._process.kill()
        self._process.wait()


@contextmanager
def running_icecast(folder: Path) -> Iterator[Icecast]:
    """One that ends with the block."""
    server = Icecast(folder)
    try:
        yield server
    finally:
        server.end()


@asynccontextmanager
async def answering(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that gives these answers, one to a connection, the last one again and again; its URL, and what came.

    Behind an answer that is `TAKEN` it reads on; behind others it closes.
    """
    requests: list[bytes] = []
    serving: set[asyncio.Task[Any]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())  # type: ignore[arg-type]  # there is one
        try:
            requests.append(await reader.readuntil(b"\r\n\r\n"))
            answer = answers[min(len(requests), len(answers)) - 1]
            writer.write(answer)
            while answer == TAKEN and await reader.read(65536):
                pass
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"icecast://source:hackme@127.0.0.1:{server.sockets[0].getsockname()[1]}/radio.opus", requests
        await asyncio.gather(*serving)
