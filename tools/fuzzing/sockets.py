"""What services say on their sockets, by any of the tables that are known.

An input is a line that chooses the table, then one for each thing that happens: a message (JSON, in which ``CONTEXT``
stands for the name of the context), bytes (``B``), seconds that pass (``T``), another piece that is asked for (``A``),
the end of the speech (``F``), its leaving (``L``), or the end of the connection (``C``).
"""

from __future__ import annotations

import json
from functools import cache, partial
from typing import Any

from oggstream.sources.http.redaction import Secrets
from oggstream.sources.services.socket_table import Socket
from oggstream.sources.services.table import service, service_names
from oggstream.sources.sockets.contexts import Speech
from oggstream.sources.sockets.messages import parse_message
from oggstream.sources.sockets.protocol import SocketProtocol
from oggstream.sources.sockets.sound import CompressedSound, SampleSound
from oggstream.sources.sockets.spoken_piece import SpokenPiece

FIELDS = {"voice": "v", "model": "m", "rate": 24000, "format": "pcm_s16le"}
MOST_LINES, MOST_SECONDS = 400, 1e6


class Finding(Exception):  # noqa: N818  # that is what it is
    """A violated invariant."""


class _Talk:
    """A connection with one speech on it."""

    def __init__(self, socket: Socket, *, opus: bool) -> None:
        sound = CompressedSound if opus else partial(SampleSound, 24000)
        self.protocol = SocketProtocol(socket, "wss://host", Secrets(), lambda *_: None, sound)
        self.speech = Speech(FIELDS)
        self.protocol.enter(self.speech)
        self.pieces: list[SpokenPiece] = []

    def happens(self, line: bytes) -> None:
        """One line of an input."""
        kind, rest, protocol = line[:1], line[1:], self.protocol
        match kind:
            case b"B":
                protocol.receive_binary(rest)
            case b"T":
                protocol.now += _seconds(rest)
                self.is_in_time()
            case b"A":
                self.pieces.append(SpokenPiece(rest.decode("utf-8", "replace")))
                protocol.ask(self.speech, self.pieces[-1])
            case b"F":
                protocol.finish(self.speech)
            case b"L":
                protocol.leave(self.speech)
                self.ends("a speech that was left")
            case b"C":
                protocol.connection_lost(len(rest) or None, rest.decode("utf-8", "replace"))
                self.ends("a connection that was lost")
            case _:
                self._message(line)

    def _message(self, line: bytes) -> None:
        context = self.speech.context
        name = context.name if context is not None else ""
        try:
            message = parse_message(line.decode("utf-8", "replace").replace("CONTEXT", name))
        except ValueError:
            self.protocol.malformed("event")
        else:
            self.protocol.receive(message)

    def is_in_time(self) -> None:
        """Do what is due. Raises `Finding` if it stays due, which would keep the processor busy."""
        for _ in range(len(self.pieces) + 10):
            due = self.protocol.next_due
            if due is None or due > self.protocol.now:
                return
            self.protocol.due()
        raise Finding("what is due stays due")

    def ends(self, what: str) -> None:
        """Raise `Finding` unless all pieces have ended."""
        if not all(piece.ended for piece in self.pieces):
            raise Finding(f"{what} has a piece that waits for ever")


def examine(data: bytes) -> None:
    """Let all of it happen; whatever that is, every piece ends with the connection."""
    choice, *lines = data.split(b"\n")[:MOST_LINES]
    names = sorted(_sockets())
    talk = _Talk(_sockets()[names[sum(choice) % len(names)]], opus=choice[:1] > b"z")
    talk.happens(b"AOne, two.")
    for line in filter(None, lines):
        talk.happens(line)
    talk.happens(b"C")
    failure = talk.protocol.failure
    if failure is not None and "\n" in str(failure):
        raise Finding(f"an error of several lines: {failure!r}")


def seeds() -> tuple[bytes, ...]:
    """For each table what its service might say of a piece."""
    return tuple(_seed(number, socket) for number, (_, socket) in enumerate(sorted(_sockets().items())))


@cache
def _sockets() -> dict[str, Socket]:
    found = {name: service(name).socket for name in service_names()}
    return {name: socket for name, socket in found.items() if isinstance(socket, Socket)}


def _seed(number: int, socket: Socket) -> bytes:
    name = dict.fromkeys(socket.context[:1], "CONTEXT")
    piece = {socket.piece: 1} if socket.piece else {}
    audio = {str(socket.audio["at"]): "AAAA" * 40} if "at" in socket.audio else {}
    words = {"text": ["One"], "start": [0], "end": [1]}
    told = {str(socket.words[key]): value for key, value in words.items() if key in socket.words}
    marks = [_sign(each) for part in (socket.ready, socket.flushed, socket.done) for each in part[:1]]
    sound, error = {**_sign(socket.audio.get("when")), **audio, **told}, _sign(socket.error.get("when"))
    lines = [json.dumps(_message({**places, **name, **piece})).encode() for places in (sound, *marks, error)]
    first = b"B" + bytes(480) if socket.coding == "binary" else lines[0]
    choice = bytes([number + 2 * len(_sockets())])  # no line end
    return b"\n".join((choice, first, b"ATwo.", b"T2", first, *lines[1:-1], b"F", b"T5", lines[-1]))


def _sign(sign: Any) -> dict[str, Any]:
    first = sign[0] if isinstance(sign, list) and sign else sign
    return {place: "x" if wanted == "*" else wanted for place, wanted in (first or {}).items()}


def _message(places: dict[str, Any]) -> dict[str, Any]:
    """A message in which these values stand at these places."""
    made: dict[str, Any] = {}
    for place, value in places.items():
        *way, last = place.replace(".*", "").split(".")
        table = made
        for name in way:
            table = table.setdefault(name, {}) if isinstance(table.get(name, {}), dict) else {}
        table[last] = value
    return made


def _seconds(text: bytes) -> float:
    try:
        return min(max(float(text), 0.0), MOST_SECONDS) if text else 0.1
    except ValueError:
        return 0.1
