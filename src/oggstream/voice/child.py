"""The child process: one engine, one utterance at a time, until the program closes the pipe.

It ends itself when an utterance takes more time of the processor than the engine may, or some times that on the clock,
whatever the engine is doing then: the limit of the system and the timer of ``faulthandler`` need no interpreter
and no lock. Only what is needed is imported, since the first sound waits for it.
"""

from __future__ import annotations

import _thread
import faulthandler
import os
import sys
from collections.abc import Iterator
from typing import IO, Any

from . import wire
from .engine import Block, Engine, EngineInfo, SpokenWord, Utterance

TOO_LONG = 1
"""The exit status of a child whose time ran out; that of ``faulthandler``."""
CANCEL_SECONDS = 1.5
"""So long an engine may go on with a block that nobody wants any more."""
WALL = 4
"""So many times its limit may pass on the clock while an engine works: a busy machine is not its fault."""
IDLE_SECONDS = 1800.0
"""After which a child that nobody asks anything ends."""

SLICE = wire.RATE * 2 * 2 // 5
"""Bytes of sound, 0.4 s, that are handed over in one turn: encoding and sending them takes longer than making them."""

_PLAIN = dict.fromkeys(map(ord, " ,;!?'\"\n"))


def main(*info: Any) -> None:
    """Serve the engine of ``info`` (an `EngineInfo`) on standard input and output."""
    _leave_interrupts_to_the_parent()
    read, write = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    _redirect_standard_streams()
    child = _Child(EngineInfo(*info), read, write)
    child.run()
    os._exit(0)  # nothing that an engine registered runs, or hangs, at the end


class _Child:
    def __init__(self, info: EngineInfo, read: IO[bytes], write: IO[bytes]) -> None:
        from _queue import SimpleQueue

        self._info = info
        self._read = read
        self._write = write
        self._asked: SimpleQueue[tuple[Any, ...]] = SimpleQueue()
        self._lock = _thread.allocate_lock()  # for the two below and the timer
        self._present = 0  # the request that is being answered; 0: none
        self._left: set[int] = set()  # requests that were cancelled, until this is noticed
        self._begun: dict[int, Iterator[None]] = {}  # utterances of which more is to come
        self._engine: Engine | None = None
        self._failure: tuple[str, str] | None = None  # why there is no engine
        self._watch = open(os.devnull, "w")  # noqa: SIM115  # as long as the process

    def run(self) -> None:
        """Load the engine, then do what is asked. Returns after `IDLE_SECONDS` without anything."""
        from _queue import Empty

        _thread.start_new_thread(self._listen, ())
        _limit_memory(self._info.megabytes)
        self._guarded(0, self._load)
        while True:
            try:
                kind, number, *rest = self._asked.get(timeout=IDLE_SECONDS)
            except Empty:
                return
            if kind == "cancel":
                self._begun.pop(number, None)
                self._left.discard(number)
            else:
                self._answer(kind, number, rest)

    def _answer(self, kind: str, number: int, rest: list[Any]) -> None:
        error = self._failure or self._guarded(number, lambda: self._do(kind, number, rest))
        if error is not None:
            self._begun.pop(number, None)
            self._send("error", number, *error)
        if number not in self._begun:
            self._send("end", number)

    def _listen(self) -> None:
        """The thread that reads; without a parent there is nothing left to do."""
        while (message := wire.receive(self._read)) is not None:
            if message[0] == "cancel":
                self._cancel(message[1])
            self._asked.put(message)
        os._exit(0)

    def _cancel(self, number: int) -> None:
        with self._lock:
            self._left.add(number)
            if self._present == number:
                faulthandler.dump_traceback_later(CANCEL_SECONDS, exit=True, file=self._watch)

    def _guarded(self, number: int, work: Any) -> tuple[str, str] | None:
        """Do ``work`` within the time that the engine has; returns the type and the text of what it raises."""
        with self._lock:
            self._present = number
            faulthandler.dump_traceback_later(WALL * self._info.seconds, exit=True, file=self._watch)
            _limit_time(self._info.seconds)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - engines raise anything; told to the parent
            return type(error).__name__, _in_one_line(error)
        finally:
            with self._lock:
                self._present = 0
                faulthandler.cancel_dump_traceback_later()
        return None

    def _load(self) -> None:
        module, _, name = self._info.factory.partition(":")
        try:
            made: Engine = getattr(_imported(module), name)()
            made.load()
        except BaseException as error:
            self._failure = type(error).__name__, _in_one_line(error)
            raise
        self._engine = made
        if made.rate != wire.RATE:
            from .shaping import prepare

            prepare(made.rate)

    def _do(self, kind: str, number: int, rest: list[Any]) -> None:
        assert self._engine is not None
        if number in self._left:  # it was cancelled while it waited here
            self._begun.pop(number, None)
            return
        if kind == "speak":
            self._begun[number] = self._spoken(self._engine, number, Utterance(*rest))
        if number in self._begun:
            for _ in self._begun[number]:
                return  # more is asked for, or it is cancelled
            del self._begun[number]
        elif kind == "voices":
            self._send("value", number, [tuple(voice) for voice in self._engine.voices()])
        elif kind == "warm":
            self._engine.warm()

    def _spoken(self, engine: Engine, number: int, wanted: Utterance) -> Iterator[None]:
        """Send the items of an utterance; waits behind each block of sound to be asked for more."""
        from .shaping import Shaper

        items = _worded(engine, wanted, writes_out=self._info.writes_out)
        shaper: Shaper | None = None  # made with the first item: only then an engine of several rates knows which
        try:
            for item in items:
                shaper = shaper or Shaper(engine.rate, self._info.gain)
                if number in self._left:
                    return
                if isinstance(item, SpokenWord):
                    self._send("word", number, item.start, item.end, shaper.place(item.begins), shaper.place(item.ends))
                else:
                    yield from self._sent(number, shaper.feed(item))
            if shaper is not None:
                yield from self._sent(number, shaper.finish())
        finally:
            if shaper is not None:
                shaper.close()
            if (close := getattr(items, "close", None)) is not None:
                close()

    def _sent(self, number: int, data: bytes) -> Iterator[None]:
        """Send sound, in slices where others may be waiting for their turns."""
        size = SLICE if self._info.by_turns else max(1, len(data))
        for at in range(0, len(data), size):
            self._send("sound", number, data[at : at + size])
            yield

    def _send(self, *message: Any) -> None:
        try:
            wire.send(self._write, *message)
        except OSError:  # the parent is gone
            os._exit(0)


def _worded(engine: Engine, wanted: Utterance, *, writes_out: bool) -> Iterator[Block | SpokenWord]:
    """The items of ``engine``, which is given words for numbers and signs unless it ``writes_out`` them itself."""
    if writes_out or _is_plain(wanted.text):
        return engine.speak(wanted)
    from .wording import in_words

    worded = in_words(wanted.text, wanted.language)
    items = engine.speak(wanted._replace(text=worded.text))
    return items if worded.text == wanted.text else worded.back(items)


def _is_plain(text: str) -> bool:
    """Whether there are only letters and the simplest signs: loading `wording` would take longer than speaking."""
    rest = text.strip().removesuffix(".").translate(_PLAIN)
    return rest.isascii() and (rest.isalpha() or not rest)


def _imported(name: str) -> Any:
    __import__(name)
    return sys.modules[name]


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:500]


def _leave_interrupts_to_the_parent() -> None:
    """Ctrl-C may reach all processes of a terminal; this one ends when its parent does."""
    import _signal  # type: ignore[import-not-found,unused-ignore]  # without the enumerations of `signal`

    _signal.signal(_signal.SIGINT, _signal.SIG_IGN)


def _redirect_standard_streams() -> None:
    """What an engine prints goes where errors go, and what it would read is empty."""
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)


def _limit_memory(megabytes: int) -> None:
    """Let no more than this be allocated, where the system can limit it (Linux)."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
    except (ImportError, OSError, ValueError, AttributeError):
        return


def _limit_time(seconds: float) -> None:
    """Let no more than this of the processor's time be used from now on, in whole seconds, where there is a limit."""
    try:
        import resource
        from time import process_time

        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (int(process_time() + seconds) + 1, hard))
    except (ImportError, OSError, ValueError, AttributeError):
        return
