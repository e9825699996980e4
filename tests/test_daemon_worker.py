"""The process that speaks for one client."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from oggstream.daemon import worker
from oggstream.daemon.frames import FrameReader, frame
from oggstream.daemon.request import REFUSED, RUN, Request
from oggstream.daemon.warmth import KeptDevice


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
