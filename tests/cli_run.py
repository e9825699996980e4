"""Runs of the command line: as a process of its own, with or without a terminal, and inside the test's process."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyte

from oggstream.__main__ import main
from patience import PATIENCE

if TYPE_CHECKING:
    import pytest

COMMAND = [sys.executable, "-m", "oggstream"]
MAIN = "import sys; from oggstream.__main__ import main; sys.exit(main())"
ROWS = 60  # of the terminals here: nothing scrolls away


class Result(NamedTuple):
    """How a run ended and what it wrote."""

    status: int
    out: bytes
    err: str

    @property
    def report(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        report: dict[str, Any] = json.loads(self.out)
        return report


def environment(**changes: str) -> dict[str, str]:
    """The environment of a process: no keys, no output device, plain text; ``changes`` on top."""
    silent = {"PULSE_SERVER": "/nonexistent", "JACK_NO_START_SERVER": "1", "ALSA_CONFIG_PATH": _alsa_without_devices()}
    return {**os.environ, **silent, "NO_COLOR": "1", **changes}


@functools.cache
def _alsa_without_devices() -> str:
    descriptor, path = tempfile.mkstemp(suffix=".conf")
    os.write(descriptor, b"pcm.absent { type hw card 99 }\n")  # PortAudio 19.6 aborts if there is none at all
    os.close(descriptor)
    return path


def start(*arguments: str, cwd: Path | None = None, first: str = "", **options: Any) -> subprocess.Popen[bytes]:
    """Start a process with pipes at all three ends; ``first`` is code that it runs before the command."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    env = environment(**options.pop("env", {}))
    command = [sys.executable, "-c", f"{first}\n{MAIN}"] if first else COMMAND
    return subprocess.Popen([*command, *arguments], cwd=cwd, env=env, **{**pipes, **options})


def finish(process: subprocess.Popen[bytes], given: bytes | None = None) -> Result:
    """Give ``given`` to a process's standard input, wait for its end, and return what it wrote."""
    try:
        out, err = process.communicate(given, timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    return Result(process.returncode, out or b"", (err or b"").decode())


def run(*arguments: str, given: bytes = b"", cwd: Path | None = None, **options: Any) -> Result:
    """Run a process to its end."""
    return finish(start(*arguments, cwd=cwd, **options), given)


def shell(arguments: str, given: bytes = b"") -> Result:
    """Run a process with a shell's redirections among its arguments."""
    command = f"{' '.join(COMMAND)} {arguments}"
    done = subprocess.run(["sh", "-c", command], env=environment(), input=given, capture_output=True, check=False)
    return Result(done.returncode, done.stdout, done.stderr.decode())


def names(folder: Path) -> list[str]:
    """What is in a folder."""
    return sorted(path.name for path in folder.iterdir())


def interrupt(process: subprocess.Popen[bytes], number: signal.Signals = signal.SIGINT) -> Result:
    """Send a signal, and wait for the end."""
    process.send_signal(number)
    return finish(process)


@contextmanager
def terminal(*arguments: str, columns: int = 160, cwd: Path | None = None, **env: str) -> Iterator[Terminal]:
    """Run a process on a terminal of its own."""
    try:
        process, descriptor = pty.fork()
    except OSError as error:  # a bare root folder: mount devpts on its /dev/pts
        pytest.skip(f"this machine has no pseudo-terminals ({error})")
    if not process:  # pragma: no cover  # the child, which becomes another program
        try:
            os.chdir(cwd or ".")
            os.execve(sys.executable, [*COMMAND, *arguments], environment(**{"TERM": "xterm", **env}))
        finally:
            os._exit(127)
    screen = Terminal(process, descriptor, columns)
    try:
        yield screen
    finally:
        screen.close()


class Terminal:
    """A process on a pseudo-terminal. ``seen`` is all that it has written so far."""

    def __init__(self, process: int, descriptor: int, columns: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self.columns = columns
        self.seen = ""
        self._screen = pyte.Screen(columns, ROWS)
        self._decode = getincrementaldecoder("utf-8")("replace").decode
        self._stream = pyte.Stream(self._screen)
        fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))

    def write(self, data: bytes) -> None:
        """Type something."""
        os.write(self._descriptor, data)

    def wait_for(self, pattern: str) -> str:
        """Read until ``pattern`` has been written, or is on the screen; return what matched."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern, self.seen) or re.search(pattern, self._shown)):
            assert self._read(end), f"{pattern!r} was never written: {self.seen!r}, {self.rows}"
        return found[0]

    def end(self) -> int:
        """Read to the end; return the exit status."""
        end = time.monotonic() + PATIENCE
        while self._read(end):
            pass
        _, status = os.waitpid(self._process, 0)
        self._process = 0
        return os.waitstatus_to_exitcode(status)

    @property
    def echoes(self) -> bool:
        """It edits and shows what is typed itself, as shells expect of it."""
        modes: int = termios.tcgetattr(self._descriptor)[3]
        return bool(modes & termios.ECHO and modes & termios.ICANON)

    @property
    def lines(self) -> list[str]:
        """What the terminal shows, and has shown, without empty rows."""
        return [row for row in self.rows if row]

    @property
    def _shown(self) -> str:
        return "\r\n".join("> " if row == ">" else row for row in self.rows)

    @property
    def rows(self) -> list[str]:
        """The rows of the terminal."""
        return [row.rstrip() for row in self._screen.display]

    def close(self) -> None:
        """Kill what is left."""
        if self._process:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        os.close(self._descriptor)

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], max(0.0, end - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # how a terminal says that nobody is at the other end
            return False
        text = self._decode(data)
        self.seen += text
        self._stream.feed(text)
        return bool(data)


def inside(capsys: pytest.CaptureFixture[str], *arguments: str) -> Result:
    """Run in this process."""
    status = main(list(arguments))
    out, err = capsys.readouterr()
    return Result(status, out.encode(), err)
