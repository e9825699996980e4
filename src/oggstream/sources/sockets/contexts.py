"""The contexts of a socket: what was asked in one, in which order, and what of it has come."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..services.telling import ToldTimes

if TYPE_CHECKING:
    from ...errors import OggStreamError
    from ..services.socket_table import Socket
    from .reading import Told
    from .sound import Sound
    from .spoken_piece import SpokenPiece


LATE_SECONDS = 0.5
"""Seconds for which the words of a piece are waited for after its sound, where the table says that they come late."""
AHEAD_BYTES = 1 << 20
"""Bytes that are kept of sound behind the last piece that was asked for: the pause before the next one."""
_TELLING = 0.05  # seconds of times, from which on it can be told what they count from
_BORDER = 1e-4  # seconds by which sound may stop short of one: less than a sample at 8 kHz


class Speech:
    """A speech on a connection. ``fields`` fill the messages; ``finished``: no more pieces will be asked for."""

    def __init__(self, fields: Mapping[str, Any]) -> None:
        self.fields = fields
        self.context: Context | None = None
        self.finished = False


class Context:
    """A context of the service.

    ``pieces`` are those that are not complete, the one that sounds first; ``unsent`` the last of them, whose turn
    has not come. ``late`` are complete ones whose words are still waited for, until the given time. ``ended``: the
    service was told that nothing more is asked in it.
    ``quiet_since``: when the last message came, where a piece sounds. ``unread``: a piece has too much that waits.
    """

    def __init__(self, name: str, speech: Speech, sound: Sound, socket: Socket) -> None:
        self.name = name
        self.speech = speech
        self.pieces: deque[SpokenPiece] = deque()
        self.unsent: deque[SpokenPiece] = deque()
        self.late: list[tuple[SpokenPiece, float]] = []
        self.ended = False
        self.unread = False
        self.quiet_since: float | None = None
        self._socket = socket
        self._sound = sound
        self._ahead = b""
        self._told_until = 0.0  # the last time that a message told
        self._asked: list[SpokenPiece] = []
        self._numbers: dict[int, SpokenPiece] = {}

    def add(self, piece: SpokenPiece, *, waits: bool = False) -> None:
        """``piece`` is asked for, behind those before it; ``waits``: once they are complete."""
        if waits:
            self.unsent.append(piece)
        if not self.pieces:
            self._begin(piece)
        self.pieces.append(piece)
        self._asked.append(piece)
        ahead, self._ahead = self._ahead, b""
        self._feed_counted(ahead)

    def heard(self, told: Told, now: float) -> None:
        """Take what a message says of this context."""
        piece = self._piece_of(told)
        while told.audio is not None and piece in self.pieces and piece is not self.pieces[0]:
            self._complete(now)  # what says that it is complete was lost
        if self._socket.pieces == "characters":
            self._hear_counted(told)
        else:
            self._hear_piece(told, piece, now)
        sounding = bool(self.pieces) and self.pieces[0].has_audio
        self.quiet_since = now if sounding else None

    def _hear_piece(self, told: Told, piece: SpokenPiece | None, now: float) -> None:
        before = 0.0 if piece is None else piece.seconds
        if told.audio is not None and piece is not None and not piece.ended:
            self._feed(piece, told.audio)
        if told.words is not None and piece is not None:
            self._tell(piece, told.words, before)
        if told.flushed and self.pieces and not (piece is not None and piece.ended):
            self._complete(now)

    def _hear_counted(self, told: Told) -> None:
        """Take a message where pieces are told apart by the characters that are told."""
        if told.words is not None:
            self._share(told.words)
        if told.audio is not None:
            self._feed_counted(told.audio)
        self._end_counted()

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
        self.unsent.clear()
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
        self.unread = not piece.feed(self._sound.feed(audio)) or self.unread
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

    def _share(self, words: ToldTimes) -> None:
        """Give each character to its piece. A piece that has all of its own is complete with the sound of the last."""
        base = 0.0 if self._counts_on(words) else self._sound.seconds
        piece = next((piece for piece in self.pieces if piece.letters), None)
        for text, start, end in zip(*words, strict=False):
            if piece is None:
                return
            self._give(piece, ToldTimes([text], [_later(start, base)], [_later(end, base)]))
            letters = len("".join(text.split())) if isinstance(text, str) else 0
            while letters and piece is not None:
                taken = min(letters, piece.letters)
                piece.letters -= taken
                letters -= taken
                piece.last = _latest(piece.last, _later(start if end is None else end, base))
                if not piece.letters:
                    piece.until = piece.last
                    piece = next((piece for piece in self.pieces if piece.letters), None)

    def _counts_on(self, words: ToldTimes) -> bool:
        """Whether times count from the start of the context, whatever the table says.

        Of ElevenLabs' servers some have been read to begin at 0 in each message, and others to go on.
        """
        if self._socket.words.get("from") != "message":
            return True
        first = next((start for start in words.starts if start is not None), 0.0)
        goes_on = self._told_until > _TELLING and first >= self._told_until - _BORDER
        self._told_until = max([self._told_until, *(end for end in words.ends if end is not None)])
        return goes_on

    def _give(self, piece: SpokenPiece, times: ToldTimes) -> None:
        """Tell ``times`` of the context's sound."""
        if piece.began is None:
            piece.early.append(times)
        else:
            piece.tell(times, -piece.began, characters=True)

    def _feed_counted(self, audio: bytes) -> None:
        """Sound, up to the border of each piece; what comes behind the last one is kept for the next."""
        self._end_counted()
        while audio and self.pieces:
            until = None if self._is_last else self.pieces[0].until
            mine, audio = (audio, b"") if until is None else self._sound.split(audio, until)
            self._feed(self.pieces[0], mine)
            self._end_counted()
        self._ahead += audio[: AHEAD_BYTES - len(self._ahead)]

    def _end_counted(self) -> None:
        """Pieces end whose last character has sounded."""
        while self.pieces and not self._is_last and (until := self.pieces[0].until) is not None:
            if self._sound.seconds < until - _BORDER:
                return
            self._complete(None)

    @property
    def _is_last(self) -> bool:
        """Whether the piece that sounds ends with the context."""
        return self.ended and len(self.pieces) == 1

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
            if self._socket.pieces == "characters":
                self._give(piece, words)
            else:
                self._tell(piece, words, 0.0)


def _latest(one: float | None, other: float | None) -> float | None:
    return max((seconds for seconds in (one, other) if seconds is not None), default=None)


def _later(seconds: float | None, by: float) -> float | None:
    return None if seconds is None else seconds + by
