"""A daemon in a folder of its own, and what its clients need to find it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import cli_run

SPAWNED = "from oggstream.daemon import link, processes; processes.FORKS = False; link.WORKER_PATIENCE = 60.0"
"""Code that has a daemon begin its processes as on macOS and Windows, and clients wait until they are loaded."""
AT_A_PORT = "from oggstream.daemon import address; address.LOOPBACK = True"
"""Code that has daemon and clients talk as on Windows."""


class Daemon:
    """A daemon that runs; ``env`` is what leads a client to it, ``way`` code that chooses how it works."""

    def __init__(self, folder: Path, way: str = "", **env: str) -> None:
        folder.chmod(0o700)
        self.way = way
        self.folder = folder / "oggstream"
        self.env = {"XDG_RUNTIME_DIR": str(folder), "OGGSTREAM_DAEMON": "", **env}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str, **env: str) -> str:
        """Start it, and return what it says when it is ready."""
        self.process = cli_run.start("daemon", *options, env={**self.env, **env}, first=self.way)
        assert self.process.stderr is not None
        return self.process.stderr.readline().decode()

    def run(self, *arguments: str, **options: Any) -> cli_run.Result:
        """Run a client to its end."""
        return cli_run.run(*arguments, first=self.way, env={**self.env, **options.pop("env", {})}, **options)

    def client(self, *arguments: str, **options: Any) -> subprocess.Popen[bytes]:
        """Start a client."""
        return cli_run.start(*arguments, first=self.way, env={**self.env, **options.pop("env", {})}, **options)

    @property
    def status(self) -> dict[str, Any]:
        """What it tells of itself."""
        told: dict[str, Any] = json.loads(self.run("daemon", "--status", "--json").out)
        return told

    def wait_for(self, **figures: Any) -> dict[str, Any]:
        """Ask until it tells that."""
        for _ in range(200):
            status = self.status
            if all(status.get(name) == value for name, value in figures.items()):
                return status
        raise AssertionError(f"{figures} never came: {status}")

    def workers(self) -> list[int]:
        """Its processes: those that speak, and the one ahead."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def wait_for_spare(self) -> list[int]:
        """The processes, when only the one ahead is there."""
        self.wait_for(clients=0)
        for _ in range(200):
            if len(workers := self.workers()) == 1:
                return workers
            time.sleep(0.01)
        raise AssertionError(workers)

    def close(self) -> None:
        """End it, and all that it has started."""
        if self.process is not None:
            workers = self.workers() if self.process.poll() is None else []
            self.process.kill()
            cli_run.finish(self.process)
            for worker in workers:
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)


@contextmanager
def running(folder: Path, *options: str, way: str = "", **env: str) -> Iterator[Daemon]:
    """A daemon while the block runs."""
    daemon = Daemon(folder, way, **env)
    try:
        daemon.start(*options)
        yield daemon
    finally:
        daemon.close()
