"""The process that stays: what it tells the processes that it forks ahead."""

from __future__ import annotations

import gc
import math
import os
import selectors
import socket
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from oggstream import __version__
from oggstream.daemon import server as server_module
from oggstream.daemon.frames import FrameReader, frame
from oggstream.daemon.listening import Door
from oggstream.daemon.processes import Worker
from oggstream.daemon.request import DIAL, RUN, Request
from oggstream.daemon.server import Server
from oggstream.daemon.starting import of_voices
from oggstream.daemon.taking_turns import ASK, LEAVE, YOURS
from oggstream.daemon.warmth import begin_voice
from oggstream.voice import pools

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Unix sockets")


class Forks:
    """Stands for `fork_worker`: the engine of each process, and the process's end of its line."""

    def __init__(self) -> None:
        self.engines: list[str] = []
        self.lines: list[socket.socket] = []

    def __call__(self, engine: str) -> Worker:
        ours, theirs = socket.socketpair()
        self.engines.append(engine)
        self.lines.append(theirs)
        return Worker(os.getpid(), ours)  # no child of ours: it is not waited for


@pytest.fixture
def forks() -> Iterator[Forks]:
    made = Forks()
    yield made
    for line in made.lines:
        line.close()


def test_process_ahead_has_the_engine_that_spoke_last(forks: Forks, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        server = Server(Door(listener, ""), forks, 60.0)
        for engine in ("hibari", "", "espeak"):
            worker = server._new_worker()
            server._sessions[worker] = FrameReader()
            forks.lines[-1].sendall(frame(ASK, b"mix") + frame(LEAVE, engine.encode(), b""))
            server._hear(worker)
            assert forks.lines[-1].recv(64) == frame(YOURS)
            server._reap(worker)
        server._reap(server._new_worker())
        server._selector.close()
    assert forks.engines == ["", "hibari", "", "espeak"]


def test_process_ahead_that_was_forked_for_another_engine_is_replaced(
    forks: Forks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dismissed: list[Worker] = []
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        server = Server(Door(listener, ""), forks, 60.0)
        monkeypatch.setattr(server, "_dismiss", dismissed.append)
        spare = server._spare = server._new_worker()
        for engine in ("", "hibari", "hibari"):
            server._spoke_with(engine)
        server._reap(spare)
        server._selector.close()
    assert dismissed == [spare]


class Selector:
    """Stands for a server's, in which a day passes."""

    def __init__(self, real: selectors.BaseSelector, day: Day) -> None:
        self._real = real
        self._day = day

    def select(self, seconds: float | None = None) -> list[Any]:
        return self._day.select(self._real, seconds)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


class Day:
    """The clock of a server, and a client every other minute, who speaks for some seconds. Time passes in `select`."""

    CLIENTS = 24 * 30

    def __init__(self, forks: Forks, path: str) -> None:
        self.now = 0.0
        self.kept: list[tuple[int, int]] = []
        """Bytes and descriptors, two hours after the first client and a minute after the last."""
        self._forks = forks
        self._path = path
        self._silent: list[socket.socket] = []  # connections that never say anything
        self._script = self._clients()
        self._next = next(self._script)

    def select(self, real: selectors.BaseSelector, seconds: float | None) -> list[Any]:
        """What is ready; nothing, when time has passed or a client has done something."""
        if events := real.select(0):
            return events
        passes = 0.0 if seconds is None else seconds
        if self._next <= self.now + passes:
            self.now = max(self.now, self._next)
            self._next = next(self._script, math.inf)
        else:
            self.now += passes
        return []

    def _clients(self) -> Iterator[float]:
        """Yields when the next thing happens."""
        wish = frame(*Request(RUN, __version__.encode(), folder=b"/", arguments=[b"Hello."]).fields())
        for number in range(self.CLIENTS):
            yield 120.0 * number
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(self._path)
                client.sendall(wish)
                line = self._forks.lines.pop()
                yield self.now + 0.1
                _, files, _, _ = socket.recv_fds(line, 1 << 16, 1)
                os.close(files[0])
                line.sendall(frame(ASK, b"queue"))
                yield self.now + 0.1
                assert line.recv(64) == frame(YOURS)
                line.sendall(frame(LEAVE, b"", b""))
                yield self.now + 3.0
                line.close()
            if number % 10 == 0:
                self._silent.append(socket.socket(socket.AF_UNIX))
                self._silent[-1].connect(self._path)
            if number in (60, self.CLIENTS - 1):
                yield self.now + 50.0
                for connection in self._silent:
                    connection.close()
                self._silent.clear()
                yield self.now + 5.0
                gc.collect()
                self.kept.append((tracemalloc.get_traced_memory()[0], len(list(Path("/dev/fd").iterdir()))))


def test_a_day_of_clients_leaves_nothing_behind(forks: Forks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "s")
    day = Day(forks, path)
    monkeypatch.setattr(server_module, "time", SimpleNamespace(monotonic=lambda: day.now))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        server = Server(Door(listener, ""), forks, 3600.0)
        real = server._selector
        monkeypatch.setattr(server, "_selector", Selector(real, day))
        monkeypatch.setattr(server, "_dismiss", server._reap)  # its process is this one
        tracemalloc.start()
        try:
            server.run()
        finally:
            tracemalloc.stop()
    (early, files), (late, more) = day.kept
    assert server._served == Day.CLIENTS
    assert day.now >= 24 * 3600
    assert late - early < 100_000
    assert more == files


def test_engine_is_ready_before_a_client_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(pools.Pool, "prepare", lambda pool: begun.append(pool.info.name))
    for engine in ("", "espeak"):
        begin_voice(engine)
    assert begun == ["espeak"]


def test_engine_that_is_ready_is_not_for_a_client_with_other_voices() -> None:
    daemon = {"HOME": "/home/a", "LANG": "C"}
    assert of_voices(daemon) == of_voices({**daemon, "LANG": "de", "OPENAI_API_KEY": "key"})
    assert of_voices(daemon) != of_voices({**daemon, "OGGSTREAM_PIPER_VOICES": "/mine"})


def test_engine_counts_as_used_once_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_pools", {})
    begin_voice("espeak")
    assert pools.engine_in_use() == ""
    with pools.pool_of(pools._pools["espeak"].info).worker():
        assert pools.engine_in_use() == "espeak"
    pools.forget()


def test_process_ahead_is_told_once_where_the_last_speech_came_from_and_only_while_nobody_speaks(
    forks: Forks, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        server = Server(Door(listener, ""), forks, 60.0)
        server._tend(0.0)
        ahead = forks.lines[-1]
        ahead.setblocking(False)
        speaking, other = server._new_worker(), server._new_worker()
        server._sessions = {speaking: FrameReader(), other: FrameReader()}
        forks.lines[1].sendall(frame(ASK, b"mix") + frame(LEAVE, b"", b"https://example.com:443"))
        server._hear(speaking)
        server._reap(speaking)
        server._tend(1.0)
        with pytest.raises(BlockingIOError):
            ahead.recv(64)
        server._reap(other)
        server._tend(2.0)
        server._tend(3.0)
        assert ahead.recv(256) == frame(DIAL, b"https://example.com:443")
        assert server._place == b""
        assert server._spare is not None
        server._reap(server._spare)
        server._selector.close()
