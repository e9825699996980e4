"""The daemon's processes: how each is begun, given a client, silenced and ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from .frames import frame
from .passing import hand
from .request import SILENCE
from .worker import Run, leave_daemon, serve_one

FORKS = sys.platform not in ("win32", "darwin")
"""Whether the process ahead is a fork, which has everything loaded.

Windows has none; the frameworks of macOS, CoreAudio among them, must not be used in one.
"""
HAND_SECONDS = 1.0
"""Longest wait for a process to take a client."""


class Worker(NamedTuple):
    """A process, and the daemon's end of the line to it. ``program`` is None for a fork."""

    pid: int
    line: socket.socket
    program: subprocess.Popen[bytes] | None = None

    def hand(self, data: bytes, connection: socket.socket) -> None:
        """Give it a client: its request, as a frame, and its connection. Raises `OSError`."""
        self.line.settimeout(HAND_SECONDS)
        hand(self.line, data, connection, self.pid)
        self.line.settimeout(None)

    def silence(self) -> None:
        """Have it end as at Ctrl-C, also if Ctrl-Z has stopped it."""
        with suppress(OSError):
            self.line.send(frame(SILENCE))
        if sys.platform != "win32":
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once: it has nothing to tidy."""
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)

    def wait(self) -> None:
        """Until it has ended."""
        if self.program is not None:
            self.program.wait()
            return
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


Begin = Callable[[str], Worker]
"""Begins a process which has the engine of that name ready; an empty one is that of none."""


def fork_worker(run: Run, engine: str = "") -> Worker:
    """Fork a process that waits for a client, with ``engine`` ready to speak. Raises `OSError`."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid:
        theirs.close()
        return Worker(pid, ours)
    status = 1
    try:
        leave_daemon(theirs)
        status = serve_one(theirs, run, engine)
    finally:
        os._exit(status)  # never up the daemon's own stack


def spawn_worker(command: list[str], engine: str = "") -> Worker:
    """Start ``command``, a program that does the same; it finds its line by `inherited_line`. Raises `OSError`."""
    ours, theirs = socket.socketpair()
    with theirs:
        spawn = _spawn_on_windows if sys.platform == "win32" else _spawn
        program = spawn([*command, engine], theirs)
    return Worker(program.pid, ours, program)


def _spawn(command: list[str], line: socket.socket) -> subprocess.Popen[bytes]:
    number = line.fileno()
    return subprocess.Popen(  # noqa: S603  # ourselves
        [*command, str(number)], stdin=subprocess.DEVNULL, pass_fds=[number], start_new_session=True
    )


def _spawn_on_windows(command: list[str], line: socket.socket) -> subprocess.Popen[bytes]:
    flags = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP  # type: ignore[attr-defined]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, creationflags=flags)  # noqa: S603
    assert program.stdin is not None
    with program.stdin:
        program.stdin.write(line.share(program.pid))  # type: ignore[attr-defined]
    return program


def inherited_line(words: list[str]) -> socket.socket:
    """The line of a process whose command ends in ``words``."""
    if not words:
        shared: socket.socket = socket.fromshare(sys.stdin.buffer.read())  # type: ignore[attr-defined]
        return shared
    line = socket.socket(fileno=int(words[0]))
    line.set_inheritable(False)
    return line
