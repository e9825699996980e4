"""The process that stays: what it tells the processes that it forks ahead."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from oggstream.daemon.frames import FrameReader, frame
from oggstream.daemon.server import Server
from oggstream.daemon.starting import of_voices
from oggstream.daemon.taking_turns import ASK, LEAVE, YOURS
from oggstream.daemon.warmth import begin_voice
from oggstream.daemon.worker import Worker
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
        server = Server(listener, forks, 60.0)
        for engine in ("hibari", "", "espeak"):
            worker = server._new_worker()
            server._sessions[worker] = FrameReader()
            forks.lines[-1].sendall(frame(ASK, b"mix") + frame(LEAVE, engine.encode()))
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
        server = Server(listener, forks, 60.0)
        monkeypatch.setattr(server, "_dismiss", dismissed.append)
        spare = server._spare = server._new_worker()
        for engine in ("", "hibari", "hibari"):
            server._spoke_with(engine)
        server._reap(spare)
        server._selector.close()
    assert dismissed == [spare]


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
