"""The process that speaks for one client."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator

import pytest

from oggstream.daemon import warmth, worker
from oggstream.daemon.frames import FrameReader, frame
from oggstream.daemon.request import DIAL, REFUSED, RUN, Request
from oggstream.daemon.warmth import KeptDevice
from oggstream.sources.http import dialling


class Hanging(KeptDevice):
    """A device that is being opened for ever."""

    def settle(self, _seconds: float) -> bool:
        return False


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The daemon's end of the line to a worker, and the worker's."""
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def test_a_sound_server_that_does_not_answer_is_told(
    line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "KeptDevice", Hanging)
    ours, theirs = socket.socketpair()
    with ours:
        socket.send_fds(line[0], [frame(*Request(RUN, b"1").fields())], [theirs.fileno()])
        theirs.close()
        assert worker.serve_one(line[1], lambda _arguments: 0) == 1
        frames = FrameReader()
        frames.feed(ours.recv(1 << 16))
    assert frames.next() == [REFUSED, b"the sound server does not answer"]


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float, float]]:
    """The connections that were begun: where to, and for how long they may take and wait."""
    calls: list[tuple[str, float, float]] = []
    monkeypatch.setattr(dialling, "dial", lambda *call: calls.append(call))
    return calls


def test_a_process_that_waits_begins_a_connection_when_it_is_told(
    line: tuple[socket.socket, socket.socket], dialled: list[tuple[str, float, float]]
) -> None:
    line[0].sendall(frame(DIAL, b"https://example.com:443"))
    with socket.socket(socket.AF_UNIX) as theirs:
        socket.send_fds(line[0], [frame(*Request(RUN, b"1", folder=b"/here").fields())], [theirs.fileno()])
    request, client = worker._await_client(line[1], KeptDevice())
    client.close()
    assert request.folder == b"/here"
    assert dialled == [("https://example.com:443", warmth.CONNECT_SECONDS, warmth.LINE_SECONDS)]


def test_a_connection_that_begins_does_not_keep_the_device_open(
    line: tuple[socket.socket, socket.socket],
    dialled: list[tuple[str, float, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Tired(KeptDevice):
        """One whose time is over."""

        seconds_left = 0.01

        def rest(self) -> None:
            line[0].sendall(frame(DIAL, b"https://example.com:443"))
            line[0].close()
            rested.append(len(dialled))

    rested: list[int] = []
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit):
        worker._await_client(line[1], Tired())
    assert rested == [0]
    assert len(dialled) == 1
