"""The contexts of a socket: what was asked in one, in which order, and what of it has come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ...errors import OggStreamError
    from ..services.socket_table import Socket
    from .reading import Told, ToldTimes
    from .sound import Sound
    from .spoken_piece import SpokenPiece


LATE_SECONDS = 0.5
"""Seconds for which the words of a piece are waited for after its sound, where the table says that they come late."""


class Speech:
    """A speech on a connection. ``fields`` fill the messages; ``finished``: no more pieces will be asked for."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.context: Context | None = None
        self.finished = False


class Context:
    """A context of the service.

    ``pieces`` are those that are not complete, the one that sounds first. ``late`` are complete ones whose words are
    still waited for, until the given time. ``ended``: the service was told that nothing more is asked in it.
    ``quiet_since``: when the last message came, where a piece sounds. ``unread``: a piece has too much that waits.
    """

    def __init__(self, name: str, speech: Speech, sound: Sound, socket: Socket) -> None:
        self.name = name
        self.speech = speech
        self.pieces: deque[SpokenPiece] = deque()
        self.late: list[tuple[SpokenPiece, float]] = []
        self.ended = False
        self.unread = False
        self.quiet_since: float | None = None
        self._socket = socket
        self._sound = sound
        self._asked: list[SpokenPiece] = []
        self._numbers: dict[int, SpokenPiece] = {}

    def add(self, piece: SpokenPiece) -> None:
        """``piece`` is asked for, behind those before it."""
        if not self.pieces:
            self._begin(piece)
        self.pieces.append(piece)
        self._asked.append(piece)

    def heard(self, told: Told, now: float) -> None:
        """Take what a message says of this context."""
        piece = self._piece_of(told)
        while told.audio is not None and piece in self.pieces and piece is not self.pieces[0]:
            self._complete(now)  # what says that it is complete was lost
        before = 0.0 if piece is None else piece.seconds
        if told.audio is not None and piece is not None and not piece.ended:
            self._feed(piece, told.audio)
        if told.words is not None and piece is not None:
            self._tell(piece, told.words, before)
        if told.flushed and self.pieces and not (piece is not None and piece.ended):
            self._complete(now)
        sounding = bool(self.pieces) and self.pieces[0].has_audio
        self.quiet_since = now if sounding else None

    def complete(self) -> None:
        """The service says that it has spoken all."""
        while self.pieces:
            self.pieces.popleft().end()
        for piece, _ in self.late:
            piece.end()
        self.late.clear()

    def end_late(self, now: float) -> None:
        """Wait no more for words that are overdue."""
        while self.late and self.late[0][1] <= now:
            self.late.pop(0)[0].end()

    def end_quiet(self) -> None:
        """The service never says that the piece which sounds is complete: so it is, where it may well be."""
        if self.pieces and self.pieces[0].half_heard:
            self.pieces.popleft().end()
            if self.pieces:
                self._begin(self.pieces[0])
        self.quiet_since = None

    def fail(self, error: OggStreamError, broken: Callable[[OggStreamError], OggStreamError] | None = None) -> None:
        """End all pieces with ``error``, those that sound with what ``broken`` makes of it."""
        for piece in self.pieces:
            piece.fail(broken(error) if broken is not None and piece.has_audio else error)
        for piece, _ in self.late:
            piece.end()
        self.pieces.clear()
        self.late.clear()
        self.quiet_since = None

    def _piece_of(self, told: Told) -> SpokenPiece | None:
        """The piece that a message numbers, else the one that sounds. Numbers are given in the order of the pieces.

        Where contexts have no names, words may be of a piece before this context.
        """
        if told.piece is None:
            return self.pieces[0] if self.pieces else None
        certain = self._socket.named or told.audio is not None or told.flushed
        if told.piece not in self._numbers and certain and len(self._numbers) < len(self._asked):
            self._numbers[told.piece] = self._asked[len(self._numbers)]
        return self._numbers.get(told.piece)

    def _feed(self, piece: SpokenPiece, audio: bytes) -> None:
        before = self._sound.seconds
        self.unread = not piece.feed(self._sound.feed(audio))
        piece.seconds += self._sound.seconds - before

    def _tell(self, piece: SpokenPiece, words: ToldTimes, before: float) -> None:
        if piece.began is None:
            piece.early.append(words)
            return
        origin = self._socket.words.get("from", "piece")
        offset = -piece.began if origin == "context" else before if origin == "message" else 0.0
        characters = self._socket.words.get("each") == "character"
        piece.tell(words, offset, characters=characters)
        if any(waiting is piece for waiting, _ in self.late):
            self.late = [(waiting, until) for waiting, until in self.late if waiting is not piece]
            piece.end()
        if self._socket.pieces == "characters":
            self._count(words)

    def _count(self, words: ToldTimes) -> None:
        """Note which characters were spoken; a piece is complete when all of its are."""
        for text in words.texts:
            letters = len("".join(text.split())) if isinstance(text, str) else 0
            while letters and self.pieces:
                piece = self.pieces[0]
                taken = min(letters, piece.letters)
                piece.letters -= taken
                letters -= taken
                if not piece.letters:
                    self._complete(None)

    def _complete(self, now: float | None) -> None:
        """The first piece is complete."""
        piece = self.pieces.popleft()
        if now is not None and self._socket.words.get("late") and piece.has_audio:
            self.late.append((piece, now + LATE_SECONDS))
        else:
            piece.end()
        if self.pieces:
            self._begin(self.pieces[0])

    def _begin(self, piece: SpokenPiece) -> None:
        """What sounds from here on is ``piece``."""
        self._sound.begin_piece()
        piece.began = self._sound.seconds
        early, piece.early = piece.early, []
        for words in early:
            self._tell(piece, words, 0.0)
