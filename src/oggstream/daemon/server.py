"""The process that stays: takes clients, gives each to a worker, and keeps the order of their speeches.

It has one thread and opens no device, so that it may fork at any time; it never holds a client's environment for longer
than it takes to pass it on.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from .. import __version__
from .client_files import peer
from .frames import PROTOCOL, FrameError, FrameReader, frame
from .request import DIAL, END, REFUSED, TAKEN, TOLD, parse
from .taking_turns import ASK, YOURS
from .turns import Change, Turns

if TYPE_CHECKING:
    from .listening import Door
    from .loopback.proof import Gate
    from .processes import Begin, Worker

CHUNK = 1 << 16
MOST_SESSIONS = 256
MOST_STRANGERS = 512  # connections that have not told what they want
TELL_SECONDS = 2.0  # which they have this long for
SPARE_SECONDS = 0.3  # from a client's coming to the next worker: it should not cost the client its processor


class Stranger:
    """A connection that has not told yet what it wants."""

    def __init__(self, connection: socket.socket, until: float, gate: Gate | None) -> None:
        self.connection = connection
        self.gate = gate  # until it has shown whose it is
        self.until = until
        self.frames = FrameReader()


class Server:
    """Serves at ``door`` with processes from ``begin``, until it was idle for ``idle`` seconds or is told to end.

    ``begin`` is told which engine of this machine spoke last, so that the process ahead has it ready.
    """

    def __init__(self, door: Door, begin: Begin, idle: float) -> None:
        self._listener = door.socket
        self._gate = door.gate
        self._begin = begin
        self._idle = idle
        self._selector = selectors.DefaultSelector()
        self._strangers: set[Stranger] = set()
        self._sessions: dict[Worker, FrameReader] = {}
        self._spare: Worker | None = None
        self._spare_at = 0.0
        self._turns: Turns[Worker] = Turns()
        self._engine = ""  # of the last speech; empty: a service spoke
        self._place = b""  # where the last speech came from, until the process ahead is told
        self._served = 0
        self._since = self._used = time.monotonic()
        self._ending = False
        self._listener.setblocking(False)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        if sys.platform == "win32":
            self._wake_at_signals()

    def run(self) -> None:
        """Serve. Raises what a signal handler raises."""
        try:
            while not self._is_over(time.monotonic()):
                self._tend(time.monotonic())
                for key, _ in self._selector.select(self._pause(time.monotonic())):
                    key.data()
        finally:
            self._close()

    # Time.

    def _is_over(self, now: float) -> bool:
        if self._sessions or self._strangers:
            return False
        return self._ending or now - self._used >= self._idle

    def _tend(self, now: float) -> None:
        """Do what is due."""
        for stranger in [stranger for stranger in self._strangers if stranger.until <= now]:
            self._drop(stranger)
        if self._spare is None and not self._ending and now >= self._spare_at:
            self._spare = self._new_worker()
        if self._place and self._spare is not None and not self._sessions:  # else it might be in a client's way
            self._tell_place(self._spare)

    def _pause(self, now: float) -> float:
        due = [stranger.until for stranger in self._strangers]
        if not self._sessions:
            due.append(self._used + self._idle)
        if self._spare is None and not self._ending:
            due.append(self._spare_at)
        return max(0.0, min(due, default=now + 3600) - now)

    def _wake_at_signals(self) -> None:
        """There a wait for sockets goes on through Ctrl-C."""
        self._woken, waking = socket.socketpair()
        self._waking = waking
        waking.setblocking(False)
        signal.set_wakeup_fd(waking.fileno(), warn_on_full_buffer=False)
        self._selector.register(self._woken, selectors.EVENT_READ, lambda: self._woken.recv(CHUNK))

    # Clients.

    def _accept(self) -> None:
        with suppress(BlockingIOError, ConnectionError):
            connection, _ = self._listener.accept()
            if len(self._strangers) >= MOST_STRANGERS or not self._may_come(connection):
                connection.close()
                return
            connection.setblocking(False)
            stranger = Stranger(connection, time.monotonic() + TELL_SECONDS, self._gate and self._gate())
            self._strangers.add(stranger)
            self._selector.register(connection, selectors.EVENT_READ, lambda: self._read(stranger))

    def _may_come(self, connection: socket.socket) -> bool:
        """Whether the other end is this user's, as far as the system tells; the folder lets nobody else in anyway."""
        return self._gate is not None or peer(connection)[0] == os.getuid()

    def _read(self, stranger: Stranger) -> None:
        try:
            data = stranger.connection.recv(CHUNK)
            stranger.frames.feed(data)
            while stranger in self._strangers and (fields := stranger.frames.next()) is not None:
                self._answer(stranger, fields)
            if not data:
                self._drop(stranger)
        except BlockingIOError:
            pass
        except (FrameError, OSError):
            self._drop(stranger)

    def _drop(self, stranger: Stranger) -> None:
        if stranger in self._strangers:
            self._strangers.remove(stranger)
            self._selector.unregister(stranger.connection)
            stranger.connection.close()

    def _answer(self, stranger: Stranger, fields: list[bytes]) -> None:
        if stranger.gate is not None:
            stranger.connection.send(stranger.gate.take(fields))
            if stranger.gate.is_open:
                stranger.gate = None
            return
        answer = self._answer_to(stranger, fields)
        if answer is not None:
            stranger.connection.send(frame(*answer))
        self._drop(stranger)

    def _answer_to(self, stranger: Stranger, fields: list[bytes]) -> tuple[bytes, ...] | None:
        """What the daemon says to it; None: it is with a worker already."""
        version = __version__.encode()
        if fields[:1] != [PROTOCOL] or fields[1:2] != [version]:
            told = b"the daemon is oggstream %s: `oggstream daemon --stop` ends it" % version
            if fields[2:3] != [END]:
                return REFUSED, told
        match fields[2]:
            case b"run":
                return self._hand_on(stranger, fields)
            case b"silence":
                return TOLD, b"%d" % self._silence(list(self._sessions))
            case b"status":
                return TOLD, *(f"{name}={value}".encode() for name, value in self._status().items())
            case b"end":
                self._end()
                return TOLD, b"%d" % len(self._sessions)
        return REFUSED, b"the daemon does not know this wish"

    def _hand_on(self, stranger: Stranger, fields: list[bytes]) -> tuple[bytes, ...] | None:
        if self._ending:
            return REFUSED, b"the daemon is ending"
        if len(self._sessions) >= MOST_SESSIONS:
            return REFUSED, b"the daemon has %d clients, which is all it takes" % MOST_SESSIONS
        parse(fields)
        stranger.connection.send(frame(TAKEN))  # before the worker is: its own answer comes behind
        worker, self._spare = self._spare or self._new_worker(), None
        self._spare_at = time.monotonic() + SPARE_SECONDS
        try:
            worker.hand(frame(*fields), stranger.connection)
        except OSError:
            self._reap(worker)
            return REFUSED, b"the daemon's process has died"
        self._sessions[worker] = FrameReader()
        self._served += 1
        return None

    def _status(self) -> dict[str, object]:
        now = time.monotonic()
        return {
            "version": __version__,
            "pid": os.getpid(),
            "up": round(now - self._since, 1),
            "clients": len(self._sessions),
            "sounding": (self._turns.holder is not None) + len(self._turns.mixing),
            "waiting": len(self._turns.waiting),
            "served": self._served,
            "idle": round(now - self._used, 1) if not self._sessions else 0.0,
            "idle_end": self._idle,
        }

    # Workers.

    def _new_worker(self) -> Worker:
        worker = self._begin(self._engine)
        self._selector.register(worker.line, selectors.EVENT_READ, lambda: self._hear(worker))
        return worker

    def _hear(self, worker: Worker) -> None:
        """A worker asks for its turn, leaves it, or has ended."""
        try:
            data = worker.line.recv(CHUNK)
        except OSError:
            data = b""
        frames = self._sessions.get(worker)
        if not data or frames is None:
            self._reap(worker)
            return
        frames.feed(data)
        while (fields := frames.next()) is not None:
            if fields[0] == ASK:
                self._follow(self._turns.ask(worker, fields[1].decode()))
            else:
                self._spoke_with(fields[1].decode())
                self._place = fields[2]
                self._follow(self._turns.leave(worker))

    def _spoke_with(self, engine: str) -> None:
        """The next client will probably want the same: a process ahead that was forked for another one is replaced."""
        if engine != self._engine:
            self._engine = engine
            if self._spare is not None:
                self._dismiss(self._spare)

    def _tell_place(self, worker: Worker) -> None:
        """It begins one connection there. Another one takes another speech."""
        with suppress(OSError):
            worker.line.send(frame(DIAL, self._place))
        self._place = b""

    def _reap(self, worker: Worker) -> None:
        """It has ended, or is to: forget it."""
        self._selector.unregister(worker.line)
        worker.line.close()
        if self._spare is worker:
            self._spare = None
            self._spare_at = time.monotonic() + 1.0  # one that dies at once must not be forked all the time
        self._sessions.pop(worker, None)
        self._follow(self._turns.leave(worker))
        self._used = time.monotonic()
        worker.wait()

    def _follow(self, change: Change[Worker]) -> None:
        self._silence(change.silenced)
        for worker in change.granted:
            with suppress(OSError):
                worker.line.send(frame(YOURS))

    def _silence(self, workers: list[Worker]) -> int:
        for worker in workers:
            worker.silence()
        return len(workers)

    # The end.

    def _end(self) -> None:
        """Take no more clients, and end with the last one."""
        self._ending = True
        if self._spare is not None:
            self._dismiss(self._spare)

    def _dismiss(self, worker: Worker) -> None:
        worker.kill()
        self._reap(worker)

    def _close(self) -> None:
        self._silence(list(self._sessions))
        for stranger in list(self._strangers):
            self._drop(stranger)
        if self._spare is not None:
            self._dismiss(self._spare)
        self._selector.close()
        self._listener.close()
