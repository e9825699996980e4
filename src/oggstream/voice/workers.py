"""Child processes that speak: started when needed, used again, and replaced when they die.

A worker belongs to one engine. All of this is for threads: nothing here knows the event loop.
"""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Condition
from typing import IO, Any

from ..errors import LibraryError, ServerError, TextError
from . import wire
from .child import TOO_LONG
from .engine import EngineInfo, SpokenWord, Utterance, VoiceInfo

POLL_SECONDS = 0.02
"""How often who waits for a worker looks whether it still wants one."""
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


class Worker:
    """A child process with one engine. Of one thread at a time; `cancel` and `close` are of any."""

    def __init__(self, info: EngineInfo) -> None:
        self.info = info
        self.alive = True
        self._number = 0
        self._open = False  # a request is being answered
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
        for kind, *values in self._ask("speak", *wanted):
            if kind == "sound":
                yield values[0]
            elif kind == "word":
                yield SpokenWord(*values)

    def voices(self) -> list[VoiceInfo]:
        """The voices of the engine. Raises as `speak`."""
        found = [value for kind, *values in self._ask("voices") if kind == "value" for value in values[0]]
        return [VoiceInfo(*voice) for voice in found]

    def warm(self) -> None:
        """Return when the engine is loaded and warm. Raises as `speak`."""
        for _ in self._ask("warm"):
            pass

    def cancel(self) -> None:
        """End the present utterance as soon as the engine gives its next block."""
        if self._open:
            with suppress(OSError, ValueError):
                wire.send(self._to, "cancel", self._number)

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

    def _ask(self, kind: str, *values: Any) -> Iterator[tuple[Any, ...]]:
        """The answers to a request, without its number, up to its end. Raises what the child tells as an error."""
        self._number += 1
        number = self._number
        try:
            wire.send(self._to, kind, number, *values)
        except (OSError, ValueError):
            raise self._died() from None
        self._open = True
        try:
            yield from self._answers(number)
            self._open = False
        finally:
            self.cancel()
            self._open = False

    def _answers(self, number: int) -> Iterator[tuple[Any, ...]]:
        failure: Exception | None = None
        while True:
            message = wire.receive(self._from)
            if message is None:
                self._open = False
                raise self._died()
            if message[1] != number:  # of a request that was cancelled
                continue
            elif message[0] == "end":
                self._open = False
                if failure is not None:
                    raise failure
                return
            elif message[0] == "error":
                failure = self._failure(*message[2:])
            else:
                yield (message[0], *message[2:])

    def _failure(self, kind: str, told: str) -> Exception:
        if kind in _TOLD:
            return _TOLD[kind](told)
        if kind == "MemoryError":
            told = f"it wants more than {self.info.megabytes} MB"
        elif kind in ("ImportError", "ModuleNotFoundError"):
            return LibraryError(f"the voice {self.info.name} cannot be loaded ({told}): {install_line(self.info)}")
        return EngineError(f"the voice {self.info.name} failed: {kind}: {told}".rstrip(": "))

    def _died(self) -> EngineError:
        self.close()
        status = self._process.returncode
        if status in (TOO_LONG, -getattr(signal, "SIGXCPU", 0)) and status:
            return EngineError(
                f"the voice {self.info.name} took longer than it may ({self.info.seconds:g} s) and was ended"
            )
        why = f"signal {-status}" if status < 0 else f"status {status}"
        return EngineError(f"the process of the voice {self.info.name} died ({why})", again=True)


class Pool:
    """The workers of one engine: up to `size`, started one by one, lent to one thread each."""

    size = 1
    """Of every pool; see `set_size`."""

    def __init__(self, info: EngineInfo) -> None:
        self.info = info
        self._changed = Condition()
        self._idle: list[Worker] = []
        self._lent = 0
        self.used = False
        """Whether anything was asked of it, other than to be there."""
        self._starting = 0  # of those who wait: speeches of which nothing has been heard yet

    @contextmanager
    def worker(self, *, first: bool = True, stopped: Callable[[], bool] = lambda: False) -> Iterator[Worker | None]:
        """A worker for the block; None if ``stopped`` says so before one is free.

        Whose speech has not begun (``first``) goes before the others. Raises `LibraryError` when no process starts.
        """
        worker = self._take(first, stopped)
        try:
            yield worker
        finally:
            if worker is not None:
                self._give_back(worker)

    def prepare(self) -> None:
        """Start a worker if there is none, so that it loads meanwhile. Raises `LibraryError`."""
        with self._changed:
            if not self._idle and not self._lent:
                self._idle.append(Worker(self.info))

    def close(self) -> None:
        """End the workers that nobody uses."""
        with self._changed:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def disown(self) -> None:
        """In a fork: as `Worker.disown`."""
        for worker in self._idle:
            worker.disown()

    def _take(self, first: bool, stopped: Callable[[], bool]) -> Worker | None:
        with self._changed:
            self.used = True
            self._starting += first
            try:
                while not self._free(first):
                    self._changed.wait(POLL_SECONDS)
                    if stopped():
                        return None
            finally:
                self._starting -= first
            self._lent += 1
            while self._idle:
                if (worker := self._idle.pop()).alive:
                    return worker
        try:
            return Worker(self.info)
        except BaseException:
            self._returned(None)
            raise

    def _free(self, first: bool) -> bool:
        return self._lent < self.size and (first or not self._starting)

    def _give_back(self, worker: Worker) -> None:
        self._returned(worker if worker.alive else None)

    def _returned(self, worker: Worker | None) -> None:
        with self._changed:
            self._lent -= 1
            if worker is not None:
                self._idle.append(worker)
            self._changed.notify_all()


_pools: dict[str, Pool] = {}


def pool_of(info: EngineInfo) -> Pool:
    """The pool of this process for an engine."""
    return _pools.setdefault(info.name, Pool(info))


def set_size(jobs: int) -> None:
    """Let each engine have as many processes as ``jobs`` can use: at most one for each processor."""
    Pool.size = max(1, min(jobs, os.cpu_count() or 1))


def close_all() -> None:
    """End all children that nobody uses; later speeches start others."""
    for pool in list(_pools.values()):
        pool.close()


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


def engine_in_use() -> str:
    """The name of an engine that has spoken in this process; empty: of none."""
    return next((name for name, pool in _pools.items() if pool.used), "")


def forget() -> None:
    """Let go of all children, which end by themselves or, in a fork, are those of the other process."""
    for pool in _pools.values():
        pool.disown()
    _pools.clear()


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget)
