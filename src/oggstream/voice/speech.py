"""One speech: its text cut into pieces, each spoken by the engine that can, shaped, encoded and handed over.

Runs in a thread of its own; `cancel` is for any thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import cache
from typing import TYPE_CHECKING, NamedTuple, NoReturn, TypeAlias

from ..annotations import Speaker, Word
from ..errors import LibraryError, OggStreamError, TextError
from .choice import AUTO, advice_for, engines_for, language_of, language_of_piece, primary, why_not, with_lacking
from .engine import EngineInfo, SpokenWord, Utterance, VoiceInfo
from .names import DEFAULT_VOICE, NAMES
from .pieces import cut
from .pools import LostError, Turn, pool_of
from .wire import RATE
from .workers import EngineError

if TYPE_CHECKING:
    from .bodies import Body
    from .handover import Handover

SLICE_SECONDS = 0.06
"""Sound that is handed over at a time: the event loop decodes it at once, and is not to be held up."""

MOST_SECONDS = 1800.0
"""Sound of one speech: 4096 characters of English at speed 0.25 take 20 minutes, as many signs that are spelt hours."""


LONGEST_PIECE = 400
"""Characters of a piece, where no engine speaks the language of most of the text."""


UNSPEAKABLE = {
    **dict.fromkeys((*range(9), 11, 12, *range(14, 32), 127), " "),
    **dict.fromkeys(range(0xD800, 0xE000), "\ufffd"),
}
"""Controls, and halves of characters, which engines cannot encode; every character keeps its place."""


GRANULE = 48000 // RATE
"""Samples at 48 kHz, in which the places of words are counted, for one of ours."""


class Notice(NamedTuple):
    """Beside the sound: something that the listener should know."""

    warning: str


SpeechItem: TypeAlias = "bytes | Word | Speaker | Notice"
"""What a speech consists of: the body, and between its bytes words, who speaks, and warnings."""


class VoiceChoice:
    """Who speaks: by the language of each piece, the engine and the voice that were asked for."""

    def __init__(self, text: str, engine: str = AUTO, voice: str | None = None, language: str | None = None) -> None:
        self.language = language_of(text, language)
        """Of the whole text."""
        self._named = language is not None
        self.voice = voice or ""
        self.warnings: list[str] = []
        """What to tell once."""
        self._engine = engine
        self._found: dict[str, list[EngineInfo]] = {}  # by language

    def resolve(self) -> None:
        """Find the engine that has the voice, if that is none of OpenAI's names. May ask the engines, and so wait."""
        self.warnings += why_not(self._engine, self.language)
        if not self.voice or self.voice in NAMES:
            return
        known: list[str] = []
        for info in engines_for(self.language, self._engine):
            voices = _voices_of(info)
            known += [voice.id for voice in voices]
            if found := _named(self.voice, voices):
                self._engine = info.name
                if found.languages and "*" not in found.languages:
                    self.language, self._named = _nearest(self.language, found), True
                return
        shown = ", ".join((*NAMES, *(name for name in known if name not in NAMES))[:30])
        self.warnings.append(f"the offline voice has no {self.voice!r} and speaks as {DEFAULT_VOICE!r}; it has {shown}")
        self.voice = DEFAULT_VOICE

    def engines(self, text: str) -> tuple[str, list[EngineInfo]]:
        """The language of a piece, and the engines for it, the one to ask first at the front."""
        language = language_of(text, self.language) if self._named else language_of_piece(text, self.language)
        if language not in self._found:
            self._found[language] = engines_for(language, self._engine)
        return language, self._found[language]

    @staticmethod
    def nothing(language: str, cause: BaseException | None = None) -> NoReturn:
        """Raise what says that no engine is there."""
        if isinstance(cause, LibraryError):
            raise with_lacking(cause, language)
        raise LibraryError(advice_for(language)) from cause


class Speech:
    """Speaks ``text`` into ``body``. ``handover`` gets bytes, words and notices."""

    def __init__(
        self, text: str, choice: VoiceChoice, speed: float, body: Body, handover: Handover[SpeechItem]
    ) -> None:
        self._text = text
        self._choice = choice
        self._speed = speed
        self._body = body
        self._handover = handover
        self._made = 0  # samples that were given out
        self._due = 0.0  # when the listener has heard what there is
        self._turn: Turn | None = None  # of the piece that is being spoken
        self._speaker = ""  # the engine that spoke last
        self._failure: OggStreamError | None = None  # the last one
        self._told: set[str] = set()

    def run(self) -> None:
        """Speak all of it. Raises as `synthesis.speak`."""
        self._choice.resolve()
        for warning in self._choice.warnings:
            self._warn(warning)
        for start, end in self._pieces():
            self._handover.wait_for_room()
            if self._handover.closed:
                return
            if self._made > MOST_SECONDS * RATE:
                raise TextError(f"the text takes more than {MOST_SECONDS / 60:g} minutes to speak: shorten or split it")
            self._speak_piece(start, end)
        if not self._speaker:
            raise self._failure or TextError("the text has nothing in it that can be spoken")
        self._put(self._body.finish())

    def cancel(self) -> None:
        """End the engine's work at this speech."""
        if (turn := self._turn) is not None:
            turn.stop()

    def _pieces(self) -> Iterator[tuple[int, int]]:
        language, engines = self._choice.engines(self._text)
        lengths = [(info.first_piece, info.longest_piece) for info in engines[:1]] or [(LONGEST_PIECE, LONGEST_PIECE)]
        return cut(self._text, *lengths[0], primary(language))

    def _speak_piece(self, start: int, end: int) -> None:
        text = self._text[start:end]
        if not text.strip():
            return
        language, engines = self._choice.engines(text)
        if not engines:
            self._pass_over(LibraryError(advice_for(language)))
        spoken = text.translate(UNSPEAKABLE)
        wanted = Utterance(spoken, self._choice.voice, self._speed, language, not self._made)
        piece = _Piece(start, text, wanted)
        for number, info in enumerate(engines, 1):
            try:
                self._speak_with(info, piece)
            except OggStreamError as error:
                if piece.sounded or number == len(engines):
                    self._pass_over(with_lacking(error, language))
                    return
                self._warn(f"{error} ({engines[number].name} speaks instead)")
            else:
                return

    def _pass_over(self, error: OggStreamError) -> None:
        """Go on without a piece, or the rest of one."""
        self._failure = error
        if self._speaker:
            self._warn(f"{error} (a piece of the text is left out)")

    def _warn(self, message: str) -> None:
        """Tell ``message``, once for all pieces."""
        if message not in self._told:
            self._told.add(message)
            self._handover.put(Notice(message))

    def _speak_with(self, info: EngineInfo, piece: _Piece) -> None:
        """Let an engine speak a piece; a process that died is replaced once, and what was heard is not repeated."""
        deaths = 0
        while not self._handover.closed:
            turn = self._turn = pool_of(info).turn(self._due)
            try:
                self._take(turn, info, piece)
            except EngineError as error:
                deaths += not isinstance(error, LostError)
                if deaths > 1 or not error.again:
                    raise
                piece.repeat()
            else:
                return
            finally:
                self._turn, self._due = None, turn.due

    def _take(self, turn: Turn, info: EngineInfo, piece: _Piece) -> None:
        position = self._made - piece.begun
        with closing(turn.speak(piece.wanted)) as items:
            for item in items:
                if self._handover.closed:
                    break
                if isinstance(item, SpokenWord):
                    if word := piece.word(item, position):
                        self._handover.put(word)
                elif rest := piece.fresh(item):
                    self._begin(info)
                    self._encode(rest)

    def _begin(self, info: EngineInfo) -> None:
        if info.name != self._speaker:
            if not self._speaker:
                self._put(self._body.begin())
            self._speaker = info.name
            self._handover.put(Speaker(engine=info.name, tells_words=info.tells_words))

    def _encode(self, pcm: bytes) -> None:
        self._made += len(pcm) // 2
        size = int(SLICE_SECONDS * RATE) * 2
        for at in range(0, len(pcm), size):
            self._put(self._body.feed(pcm[at : at + size]))

    def _put(self, data: bytes) -> None:
        if data:
            self._handover.put(data)


class _Piece:
    """A piece of the text and how much of its sound there is, in bytes of the engine's."""

    def __init__(self, start: int, text: str, wanted: Utterance) -> None:
        self.wanted = wanted
        self._text = text  # as it is in the original
        self._start = start
        self._taken = 0  # bytes of sound
        self._passed = 0  # of these, by the request that runs
        self._words = 0  # up to this character of the piece

    @property
    def sounded(self) -> bool:
        """Whether some of it may have been heard."""
        return self._taken > 0

    def repeat(self) -> None:
        """It is asked for once more, from its beginning."""
        self._passed = 0

    @property
    def begun(self) -> int:
        """Samples of it that there are already."""
        return self._taken // 2

    def fresh(self, sound: bytes) -> bytes:
        """What of a block is new."""
        old = max(0, self._taken - self._passed)
        self._passed += len(sound)
        self._taken = max(self._taken, self._passed)
        return sound[old:]

    def word(self, told: SpokenWord, position: int) -> Word | None:
        """A word of the engine as one of the whole text, whose piece begins at ``position``; None if it is known."""
        text = self._text[told.start : told.end]
        if told.start < self._words or not text.strip():
            return None
        self._words = told.end
        return Word(
            text=text,
            start=self._start + told.start,
            end=self._start + told.end,
            start_sample=(position + told.begins) * GRANULE,
            end_sample=(position + max(told.begins, told.ends)) * GRANULE,
            told_by="voice",
        )


@cache
def _voices_of(info: EngineInfo) -> tuple[VoiceInfo, ...]:
    """The voices of an engine; none if it cannot be asked."""
    try:
        with pool_of(info).worker() as worker:
            return tuple(worker.voices())
    except OggStreamError:
        return ()


def _named(name: str, voices: tuple[VoiceInfo, ...]) -> VoiceInfo | None:
    wanted = name.partition("+")[0].lower()
    return next((voice for voice in voices if voice.id.lower() == wanted), None)


def _nearest(language: str, voice: VoiceInfo) -> str:
    """The language of ``voice`` for a text in ``language``."""
    return next((tag for tag in voice.languages if primary(tag) == primary(language)), voice.languages[0])
