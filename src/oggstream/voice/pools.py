"""The workers of each engine, and whose turn it is at them.

Where an engine may speak several utterances by turns, a turn is one slice of sound: first those whose listeners have
nothing yet, in the order in which they came, then those whose sound runs out first. The next one is asked for before
the present one is read, so that the worker need not wait for a thread. All of this is for threads: nothing here knows
the event loop.
"""

from __future__ import annotations

import atexit
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from threading import Lock, Thread

from ..errors import OggStreamError
from .engine import EngineInfo, SpokenWord, Utterance
from .wire import RATE
from .workers import EngineError, Request, Worker


class LostError(EngineError):
    """The process that was at an utterance has died of another one."""

    def __init__(self, info: EngineInfo) -> None:
        super().__init__(f"the process of the voice {info.name} died of another text", again=True)


class Turn:
    """A speech's place at the workers of ``pool``. Of one thread; `stop` is of any.

    ``due``: when its listener will have heard all that there is, on the clock of `time.monotonic`; 0: there is nothing.
    """

    def __init__(self, pool: Pool, due: float = 0.0) -> None:
        self.due = due
        self.worker: Worker | None = None
        """The one that has its utterance, once there is one, whoever uses it now."""
        self.holds = False
        self.stopped = False
        self.error: OggStreamError | None = None
        """Why there will be none."""
        self._pool = pool
        self._called = Lock()
        self._called.acquire()
        self._wanted: Utterance | None = None
        self._request: Request | None = None

    def speak(self, wanted: Utterance) -> Generator[bytes | SpokenWord]:
        """As `Worker.speak`, with more urgent turns of others between the blocks. Ends early when it is stopped.

        Raises `LostError` too. Closing ends the utterance and gives the worker back.
        """
        self._wanted = wanted
        try:
            if self.take() is None:
                return
            assert self._request is not None
            for kind, *values in self._request.answers():
                if kind == "word":
                    yield SpokenWord(*values)
                elif kind == "sound":
                    aside = self._goes_aside(values[0])
                    yield values[0]
                    if aside and not self._waited():
                        return
        finally:
            self.leave()

    def take(self) -> Worker | None:
        """Wait for a worker; None once it is stopped. Raises `LibraryError` when no process starts."""
        self._pool.enter(self)
        self._waited()
        return self.worker if self.holds else None

    def leave(self) -> None:
        """Give the worker back, if there is one, and end what it was asked."""
        if self._request is not None:
            self._request.cancel()
        self._pool.leave(self)

    def stop(self) -> None:
        """Want no more."""
        self.stopped = True
        if self._request is not None:
            self._request.cancel()
        self._pool.forget(self)

    @property
    def shares(self) -> bool:
        """Whether others may be asked for between its slices."""
        return self._wanted is not None and self._pool.info.by_turns

    def begin(self, worker: Worker) -> None:
        """Called by the pool, in any thread: ask ``worker``, which may still be at another turn."""
        self.worker = worker
        if self._request is not None:
            self._request.go_on()
        elif self._wanted is not None:
            self._request = Request(worker, "speak", *self._wanted)
            self._request.send()

    def call(self) -> None:
        """Called by the pool, in any thread: its worker's answers are for it now."""
        self.holds = True
        self._called.release()

    def end(self, error: OggStreamError | None) -> None:
        """Called by the pool, in any thread: it need not wait any longer."""
        self.error = error
        self._called.release()

    def _goes_aside(self, sound: bytes) -> bool:
        """Whether others have the worker now; if not, it goes on."""
        self.due = (self.due or time.monotonic()) + len(sound) / 2 / RATE
        aside = self._pool.goes_aside(self)
        if not aside and self._request is not None:
            self._request.go_on()
        return aside

    def _waited(self) -> bool:
        """Wait to be called; returns whether there is a worker then. Raises what the pool tells."""
        self._called.acquire()
        if self.error is not None:
            raise self.error
        return self.holds


class Pool:
    """The workers of one engine, `size` at most, each lent to one turn at a time.

    The first one is started when it is needed, and another one when somebody waits: it takes part once it is warm.
    """

    size = 1
    """Of every pool; see `set_size`."""

    def __init__(self, info: EngineInfo) -> None:
        self.info = info
        self.used = False
        """Whether anything was asked of it, other than to be there."""
        self._lock = Lock()
        self._idle: list[Worker] = []
        self._lent: dict[Worker, list[Turn]] = {}  # whose turn it is, and who was asked for ahead
        self._starting = 0
        self._waiting: list[Turn] = []  # in the order in which they came

    @contextmanager
    def worker(self) -> Iterator[Worker]:
        """A worker for the block, before those that wait for more of a speech. Raises `LibraryError` when no process
        starts.
        """
        turn = Turn(self)
        try:
            worker = turn.take()
            assert worker is not None  # nobody stops it
            yield worker
        finally:
            turn.leave()

    def turn(self, due: float = 0.0) -> Turn:
        """For one utterance of a speech."""
        return Turn(self, due)

    def prepare(self) -> None:
        """Start a worker if there is none, so that it loads meanwhile. Raises `LibraryError`."""
        with self._lock:
            if not self._idle and not self._lent:
                self._idle.append(Worker(self.info))

    def close(self) -> None:
        """End the workers that nobody uses."""
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:
            worker.close()

    def disown(self) -> None:
        """In a fork: as `Worker.disown`."""
        for worker in self._idle:
            worker.disown()

    # For turns.

    def enter(self, turn: Turn) -> None:
        """It waits from now on, unless it is stopped."""
        with self._lock:
            self.used = True
            if turn.stopped:
                turn.end(None)
                return
            self._waiting.append(turn)
            self._share_out()
            grows = not turn.holds and len(self._idle) + len(self._lent) + self._starting < self.size
            self._starting += grows
        if grows:
            Thread(target=self._grow, name="oggstream-voice-process", daemon=True).start()

    def goes_aside(self, turn: Turn) -> bool:
        """If somebody was asked for ahead, give its worker to that one, and let ``turn`` wait."""
        with self._lock:
            assert turn.worker is not None
            if len(self._lent[turn.worker]) == 1 or turn.stopped:
                return False
            self._take_back(turn)
            self._waiting.append(turn)
            self._share_out()
            return True

    def leave(self, turn: Turn) -> None:
        """It wants nothing any more."""
        with self._lock:
            if turn.holds:
                self._take_back(turn)
            else:
                self._withdraw(turn)
            self._share_out()

    def forget(self, turn: Turn) -> None:
        """It need not wait any longer."""
        with self._lock:
            if self._withdraw(turn):
                turn.end(None)
                self._share_out()

    # With the lock held.

    def _share_out(self) -> None:
        """Give each worker that is free to whom it is most urgent for, and ask for the next ahead."""
        for turn in sorted(self._waiting, key=_due):
            if not self._has_room:
                return
            try:
                worker = self._worker_for(turn)
            except OggStreamError as error:
                self._waiting.remove(turn)
                turn.end(error)
                continue
            if worker is not None:
                self._waiting.remove(turn)
                queue = self._lent.setdefault(worker, [])
                queue.append(turn)
                turn.begin(worker)
                if queue[0] is turn:
                    turn.call()

    @property
    def _has_room(self) -> bool:
        """Whether any worker is free, or can be asked ahead."""
        ahead = self.info.by_turns and any(len(queue) == 1 for queue in self._lent.values())
        return ahead or bool(self._idle) or not self._lent

    def _worker_for(self, turn: Turn) -> Worker | None:
        """A free one, else one that can be asked ahead. Raises `LibraryError` where the first one does not start."""
        mine = turn.worker
        if mine is None and not self._idle and not self._lent:
            return Worker(self.info)
        for worker in self._idle:
            if mine in (None, worker):
                self._idle.remove(worker)
                return worker
        if turn.shares:
            for worker, queue in self._lent.items():
                if mine in (None, worker) and len(queue) == 1 and queue[0].shares:
                    return worker
        return None

    def _withdraw(self, turn: Turn) -> bool:
        """Let it wait no more, nor be asked for ahead; returns whether it did."""
        queue = self._lent.get(turn.worker, []) if turn.worker is not None else []
        for waiting in (self._waiting, queue):
            if turn in waiting and not turn.holds:
                waiting.remove(turn)
                return True
        return False

    def _take_back(self, turn: Turn) -> None:
        worker = turn.worker
        assert worker is not None
        turn.holds = False
        queue = self._lent[worker]
        queue.remove(turn)
        if queue and worker.alive:
            queue[0].call()
            return
        del self._lent[worker]
        if worker.alive:
            self._idle.append(worker)
            return
        lost = [*queue, *(waiting for waiting in self._waiting if waiting.worker is worker)]
        self._waiting = [waiting for waiting in self._waiting if waiting not in lost]
        for other in lost:
            other.end(LostError(self.info))

    def _grow(self) -> None:
        """A thread: one more worker. Where there can be none, the others do."""
        try:
            worker = Worker(self.info)
            worker.warm()
        except OggStreamError:
            return
        with self._lock:
            self._starting -= 1
            self._idle.append(worker)
            self._share_out()


def _due(turn: Turn) -> float:
    return turn.due


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
