"""What a client hands over: its arguments and surroundings, as fields of a frame."""

from __future__ import annotations

from .frames import PROTOCOL, FrameError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

RUN, SILENCE, STATUS, END = b"run", b"silence", b"status", b"end"
TAKEN, READY, GO, SOUND = b"taken", b"ready", b"go", b"sound"
"""Answers: a worker gets it; the worker has it (and the client's word to begin); sound begins."""
EXIT, REFUSED, TOLD = b"exit", b"refused", b"told"
"""Answers: its status; why not; what was asked."""
DIAL = b"dial"
"""What the daemon tells a worker that waits: where the last client spoke."""
OUTPUT, WANTED = b"output", b"wanted"
"""Of a connection that carries files, the process: bytes for one of them; more of standard input."""
INPUT, SIGNAL, CLOSED = b"input", b"signal", b"closed"
"""The same, the client: bytes of it, none at its end; the number of one; that nobody reads a file any more."""
FILES = ("stdin", "stdout", "stderr")


class Request:
    """One client's wish. ``kind`` is `RUN` or what is asked of the daemon itself, which needs no more than that.

    ``files`` names those of `FILES` that the client has, and how each is coded: their descriptors come with `GO`, in
    this order.
    """

    def __init__(
        self,
        kind: bytes,
        version: bytes,
        *,
        folder: bytes = b"",
        umask: int = 0o22,
        files: Sequence[tuple[str, str, str]] = (),
        arguments: Sequence[bytes] = (),
        environment: Sequence[bytes] = (),
    ) -> None:
        self.kind = kind
        self.version = version
        self.folder = folder
        self.umask = umask
        self.files = files
        self.arguments = arguments
        self.environment = environment

    def fields(self) -> list[bytes]:
        """As a frame carries it."""
        files = [part.encode() for file in self.files for part in file]
        return [
            *(PROTOCOL, self.version, self.kind, self.folder, b"%d" % self.umask),
            *(b"%d" % len(self.files), *files),
            *(b"%d" % len(self.arguments), *self.arguments),
            *self.environment,
        ]


def parse(fields: list[bytes]) -> Request:
    """The request in a frame. Raises `FrameError`."""
    try:
        _protocol, version, kind, folder, umask, count, *rest = fields
        files, rest = rest[: 3 * int(count)], rest[3 * int(count) :]
        arguments = int(rest[0])
        names = [part.decode() for part in files]
        return Request(
            kind,
            version,
            folder=folder,
            umask=int(umask),
            files=[(names[at], names[at + 1], names[at + 2]) for at in range(0, len(names), 3)],
            arguments=rest[1 : 1 + arguments],
            environment=rest[1 + arguments :],
        )
    except (ValueError, IndexError) as error:
        raise FrameError("no request") from error
