"""A Redis of the tests' own, on a socket in a folder."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from patience import PATIENCE


class Redis:
    """The process, with more ``options``, and its ``url``."""

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        if program is None:
            pytest.skip("there is no Redis: on Debian, apt-get install redis-server")
        pytest.importorskip("redis", reason="the client of Redis is not installed (the extra redis)")
        socket = folder / "redis.sock"
        self.url = f"unix://{socket}"
        self._command = [program, "--port", "0", "--unixsocket", str(socket), "--save", "", "--dir", str(folder)]
        self._command += options
        self._socket = socket
        self.start()

    def start(self) -> None:
        """Begin, or begin again with nothing in it."""
        socket = self._socket
        socket.unlink(missing_ok=True)
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while not socket.exists():
            assert self._process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def kill(self) -> None:
        """End it as kill -9 does."""
        self._process.kill()
        self._process.wait()


@contextmanager
def running_redis(folder: Path, *options: str) -> Iterator[Redis]:
    """One that ends with the block."""
    server = Redis(folder, *options)
    try:
        yield server
    finally:
        server.kill()
