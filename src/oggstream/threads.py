"""Calls that block, kept off the event loop and off the interpreter's exit: in daemon threads."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import suppress
from importlib import import_module
from threading import Condition, Event, Semaphore, Thread, current_thread, enumerate as threads
from typing import Any, Generic, TypeVar

T = TypeVar("T")
NAME = "oggstream-thread"
"""What each of these threads is called."""
_END = object()
_AHEAD = 64  # items that `pump` takes from an iterable before they are asked for


def _drop(_result: object) -> None: ...


class LoopThread(Thread):
    """A daemon thread that works for the loop that is running where it is made."""

    def __init__(self, run: Callable[[], object]) -> None:
        super().__init__(target=run, daemon=True, name=NAME)
        self.loop = asyncio.get_running_loop()


def works_for(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether a `LoopThread` of ``loop`` has not ended."""
    return any(isinstance(thread, LoopThread) and thread.loop is loop for thread in threads())


def begin(call: Callable[[], T], *, abandoned: Callable[[T | None], object] = _drop) -> asyncio.Future[T]:
    """Run ``call`` in a thread, begun at once; the future gets what it returns or raises.

    Cancelling the future leaves the thread to itself: it ends when ``call`` does, and only then ``abandoned`` gets the
    result (None if ``call`` raised), to close what nobody uses any more. An error that nobody awaits is dropped.
    Unlike those of asyncio's executor, such a thread never delays the interpreter's exit.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            abandoned(result)
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # without an error there is a result

    def run() -> None:
        result: T | None = None
        error: BaseException | None = None
        try:
            result = call()
        except BaseException as caught:  # noqa: BLE001  # handed on whole to the awaiting task
            error = caught
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop is closed: nobody waits any more
            abandoned(result)

    LoopThread(run).start()
    return future


async def imported(*names: str) -> None:
    """Return when these modules are imported: in a thread, where one is not, for that can take half a second.

    Raises what importing them raises.
    """
    missing = [name for name in names if not _is_imported(name)]
    if missing:
        await in_thread(lambda: [import_module(name) for name in missing])


def _is_imported(name: str) -> bool:
    """Whether a module is there, and not only begun by another thread."""
    module = sys.modules.get(name)
    return module is not None and not getattr(module.__spec__, "_initializing", False)


async def in_thread(call: Callable[[], T], *, abandoned: Callable[[T | None], object] = _drop) -> T:
    """Run ``call`` in a thread and return its result; cancelling abandons it, as `begin` says."""
    future = begin(call, abandoned=abandoned)
    try:
        return await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled():  # cancelled in the moment in which the call ended
            abandoned(None if future.exception() else future.result())
        raise


class CallThread:
    """One daemon thread, begun with the first call and kept, on which calls run one after the other.

    For a library all of whose calls must come from one thread. ``enter`` runs first on it. A thread whose call takes
    longer than it may is abandoned: it ends when the call does, and another thread takes its place.
    """

    def __init__(self, name: str, enter: Callable[[], object] = lambda: None) -> None:
        self._name = name
        self._enter = enter
        self._changed = Condition()  # guards the two below
        self._calls: deque[_Call[Any]] = deque()
        self._thread: Thread | None = None

    def call(self, function: Callable[[], T], seconds: float, *, abandoned: Callable[[T], object] | None = None) -> T:
        """Run ``function`` on the thread and return what it returns, or raise what it raises; blocks the caller.

        Raises `TimeoutError` after ``seconds``, in which calls before this one count. What it returns after that goes
        to ``abandoned``, on the thread that it ran on, to be closed. If it had not begun by then, it is left out; but
        without ``abandoned`` it is run all the same, for its effect.
        """
        if current_thread() is self._thread:
            return function()
        call = _Call(function, abandoned)
        with self._changed:
            self._calls.append(call)
            self._have_thread()
            self._changed.notify_all()
        if not call.ended.wait(seconds):
            self._give_up(call)
        return call.result()

    def retire(self) -> None:
        """Let the thread end, after the call that runs on it; a later call begins another one."""
        with self._changed:
            self._thread = None
            self._changed.notify_all()

    def _have_thread(self) -> None:
        if self._thread is None or not self._thread.is_alive():  # none yet, or this process is a fork
            self._thread = Thread(target=self._run, daemon=True, name=self._name)
            self._thread.start()

    def _give_up(self, call: _Call[Any]) -> None:
        """Raise `TimeoutError`, unless the call has ended just now."""
        with self._changed:
            if call.ended.is_set():
                return
            call.late = True
            if call not in self._calls:  # it runs, and hangs
                self._thread = None
                if self._calls:
                    self._have_thread()
                self._changed.notify_all()
            elif call.abandoned is not None:
                self._calls.remove(call)
        raise TimeoutError

    def _run(self) -> None:
        self._enter()
        me = current_thread()
        while True:
            with self._changed:
                while self._thread is me and not self._calls:
                    self._changed.wait()
                if self._thread is not me:
                    return
                call = self._calls.popleft()
            call.run()
            with self._changed:
                call.ended.set()
            call.clear_up()
            del call


class _Call(Generic[T]):
    """One call on a `CallThread`, and what became of it."""

    def __init__(self, function: Callable[[], T], abandoned: Callable[[T], object] | None) -> None:
        self.abandoned = abandoned
        self.ended = Event()
        self.late = False  # nobody waits any more
        self._function = function
        self._result: T | None = None
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._result = self._function()
        except BaseException as error:  # noqa: BLE001  # handed on whole to the waiting thread
            self._error = error

    def clear_up(self) -> None:
        if self.late and self._error is None and self.abandoned is not None:
            self.abandoned(self._result)  # type: ignore[arg-type]  # without an error there is a result

    def result(self) -> T:
        try:
            if self._error is not None:
                raise self._error
            return self._result  # type: ignore[return-value]  # as above
        finally:
            self._error = None  # it refers to this frame


async def pump(iterable: Iterable[T]) -> AsyncGenerator[T, None]:
    """The items of an iterable that may keep one waiting, each as soon as it is there; raises what that raises.

    It is read in one thread, a bounded number of items ahead. Closing the generator ends that thread at its next item,
    whenever that comes, and closes the iterable there if it can be closed.
    """
    reading = _Reading(iterable)
    LoopThread(reading.run).start()
    try:
        while (item := await reading.items.get()) is not _END:
            reading.room.release()
            yield item
        if reading.error is not None:
            raise reading.error
    finally:
        reading.leaving = True
        reading.room.release()


class _Reading:
    """The thread's side of `pump`."""

    def __init__(self, iterable: Iterable[Any]) -> None:
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.room = Semaphore(_AHEAD)
        self.leaving = False  # nobody wants more
        self.error: BaseException | None = None
        self._iterable = iterable
        self._loop = asyncio.get_running_loop()

    def run(self) -> None:
        try:
            for item in self._iterable:
                self.room.acquire()
                if self.leaving:
                    break
                self._loop.call_soon_threadsafe(self.items.put_nowait, item)
        except BaseException as error:  # noqa: BLE001  # handed on whole to who reads
            self.error = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(self.items.put_nowait, _END)
        if self.leaving and (close := getattr(self._iterable, "close", None)) is not None:
            close()
