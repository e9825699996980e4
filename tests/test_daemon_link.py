"""The client's connection to the daemon."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from oggstream.daemon.link import Link
from oggstream.daemon.request import GO


class Hasty(socket.socket):
    """Its other end has gone, with all that it was to get, when the first message has been sent."""

    other: socket.socket

    def sendmsg(self, *arguments: Any) -> int:
        sent = super().sendmsg(*arguments)
        self.other.close()
        return sent


@pytest.fixture
def link() -> Iterator[Link]:
    ours, theirs = socket.socketpair()
    made = Link.__new__(Link)
    made._socket = Hasty(fileno=ours.detach())
    made._socket.other = theirs
    yield made
    made.close()


def test_a_process_that_is_done_as_soon_as_it_has_the_files_has_not_failed(link: Link) -> None:
    read, write = os.pipe()
    try:
        link._send(GO, [read])
    finally:
        os.close(read)
        os.close(write)
