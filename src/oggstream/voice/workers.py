"""Child processes that speak, each with one engine. All of this is for threads: nothing here knows the event loop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

from ..errors import LibraryError, ServerError, TextError
from . import wire
from .child import TOO_LONG
from .engine import EngineInfo, SpokenWord, Utterance, VoiceInfo

SILENT = "ORT_DISABLE_TELEMETRY"
"""Set for every child: onnxruntime phones home without it, whichever library imports it first (see `onnx`)."""
_ONE_THREAD = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1")
"""numpy's matrices are too small here to gain from more threads, which wait for each other by spinning."""
LEAVE_SECONDS = 2.0
"""So long a child may take to end when its pipe is closed."""

_TOLD = {"LibraryError": LibraryError, "TextError": TextError}  # errors of an engine that keep their type


class EngineError(ServerError):
    """An engine failed at a piece, or its process died of it; ``again``: asking once more may help."""

    def __init__(self, message: str, *, again: bool = False) -> None:
        super().__init__(message)
        self.again = again


class Request:
    """Something that is asked of a worker, by whoever has it; `cancel` is of any thread.

    Behind each block of sound the engine waits for `go_on`: meanwhile its worker may be asked something else.
    """

    def __init__(self, worker: Worker, kind: str, *values: Any) -> None:
        self._worker = worker
        self._kind = kind
        self._values = values
        self._number = worker.next_number()
        self._open = False  # it was asked, and nothing has ended it
        self._waits = False  # the engine, for `go_on`

    def send(self) -> None:
        """Ask. That the process is gone is told with the answers."""
        self._open = True
        self._worker.send(self._kind, self._number, *self._values)

    def go_on(self) -> None:
        """Let the engine make the next block, if it waits."""
        if self._waits:
            self._waits = False
            self._worker.send("more", self._number)

    def cancel(self) -> None:
        """End it as soon as the engine gives its next block."""
        if self._open:
            self._open = False
            self._worker.send("cancel", self._number)

    def answers(self) -> Iterator[tuple[Any, ...]]:
        """The answers, without its number, up to the end. Asking for the next one lets the engine go on; closing
        cancels. Raises what the child tells as an error, and that it has died.
        """
        failure: Exception | None = None
        try:
            while (message := self._worker.receive(self._number))[0] != "end":
                if message[0] == "error":
                    failure = self._worker.failure(*message[1:])
                    continue
                self._waits = message[0] == "sound"
                yield message
                self.go_on()
            self._open = False
            if failure is not None:
                raise failure
        finally:
            self.cancel()


class Worker:
    """A child process with one engine. Of one thread at a time; `send` and `close` are of any."""

    def __init__(self, info: EngineInfo) -> None:
        self.info = info
        self.alive = True
        self._number = 0
        self._process = _start(info)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._to: IO[bytes] = self._process.stdin
        self._from: IO[bytes] = self._process.stdout

    def speak(self, wanted: Utterance) -> Iterator[bytes | SpokenWord]:
        """What the engine gives for ``wanted``: 16-bit samples at `wire.RATE`, and words with their places in these.

        Closing the generator early cancels the utterance; the child is free again when it notices.

        Raises `EngineError`, and `LibraryError` and `TextError` as the engine does.
        """
        for kind, *values in self._asked("speak", *wanted):
            if kind == "sound":
                yield values[0]
            elif kind == "word":
                yield SpokenWord(*values)

    def voices(self) -> list[VoiceInfo]:
        """The voices of the engine. Raises as `speak`."""
        found = [value for kind, *values in self._asked("voices") if kind == "value" for value in values[0]]
        return [VoiceInfo(*voice) for voice in found]

    def warm(self) -> None:
        """Return when the engine is loaded and warm. Raises as `speak`."""
        for _ in self._asked("warm"):
            pass

    def close(self) -> None:
        """End the process. May be called twice."""
        self.alive = False
        with suppress(OSError, ValueError):
            self._to.close()
        try:
            self._process.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with suppress(OSError, ValueError):
            self._from.close()

    def disown(self) -> None:
        """In a fork: let go of a child that is not its own, which goes on."""
        self.alive = False
        self._process.returncode = 0  # not ours to wait for
        for pipe in (self._to, self._from):
            with suppress(OSError, ValueError):
                pipe.close()

    # For requests.

    def next_number(self) -> int:
        """Of a request."""
        self._number += 1
        return self._number

    def send(self, *message: Any) -> None:
        """Tell the child; that it is gone is noticed where its answer is read."""
        with suppress(OSError, ValueError):
            wire.send(self._to, *message)

    def receive(self, number: int) -> tuple[Any, ...]:
        """The next answer to request ``number``, without it. Raises `EngineError` when the child has died."""
        while (message := wire.receive(self._from)) is not None:
            if message[1] == number:  # else it is of a request that was cancelled
                return (message[0], *message[2:])
        raise self._died()

    def failure(self, kind: str, told: str) -> Exception:
        """What the child tells as an error of that type."""
        if kind in _TOLD:
            return _TOLD[kind](told)
        if kind == "MemoryError":
            told = f"it wants more than {self.info.megabytes} MB"
        elif kind in ("ImportError", "ModuleNotFoundError"):
            return LibraryError(f"the voice {self.info.name} cannot be loaded ({told}): {install_line(self.info)}")
        return EngineError(f"the voice {self.info.name} failed: {kind}: {told}".rstrip(": "))

    def _asked(self, kind: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        request = Request(self, kind, *values)
        request.send()
        return request.answers()

    def _died(self) -> EngineError:
        self.close()
        status = self._process.returncode
        if status in (TOO_LONG, -getattr(signal, "SIGXCPU", 0)) and status:
            return EngineError(
                f"the voice {self.info.name} took longer than it may ({self.info.seconds:g} s) and was ended"
            )
        why = f"signal {-status}" if status < 0 else f"status {status}"
        return EngineError(f"the process of the voice {self.info.name} died ({why})", again=True)


def install_line(info: EngineInfo) -> str:
    """What installs an engine, for a message."""
    return f"pip install 'oggstream[{info.extra}]'" if info.extra else f"install what provides {info.name}"


def _start(info: EngineInfo) -> subprocess.Popen[bytes]:
    """A process of this Python, with its paths, in which nothing of ``site`` runs. Raises `LibraryError`."""
    if not sys.executable or getattr(sys, "frozen", False):
        raise LibraryError(f"the voice {info.name} needs a Python of its own to run in, and this program has none")
    code = (
        f"import sys; sys.path[:] = {[*map(str, sys.path), _package_home()]!r}; "
        f"sys.dont_write_bytecode = {sys.dont_write_bytecode}; sys.pycache_prefix = {sys.pycache_prefix!r}; "
        f"from oggstream.voice.child import main; main(*{tuple(info)!r})"
    )
    # A group of its own: Ctrl-C is for the program, which closes the pipe when it ends.
    windows = {"creationflags": 0x0800_0200}  # CREATE_NO_WINDOW, CREATE_NEW_PROCESS_GROUP
    settings: dict[str, Any] = windows if sys.platform == "win32" else {"process_group": 0}
    try:
        return subprocess.Popen(  # noqa: S603  # this Python and this package
            [sys.executable, "-I", "-S", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={SILENT: "1", **_ONE_THREAD, **os.environ},
            **settings,
        )
    except OSError as error:
        raise LibraryError(f"the process of the voice {info.name} cannot be started: {error}") from error


def _package_home() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
