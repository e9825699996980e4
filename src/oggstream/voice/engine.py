"""The interface of voices: what an engine is, what it is given, and what it gives back.

An engine runs in a child process (`child`), in one thread, one utterance at a time. It is a plain blocking object: it
may hold the processor, and it may die, without harm to the program that speaks. Everything outside of this package
(endpoint, `OfflineVoice`, daemon) knows engines by these types only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

MIN_SPEED, MAX_SPEED = 0.25, 4.0
ANY = "*"
"""Among the languages of an engine: all that it is asked for."""


class VoiceInfo(NamedTuple):
    """A voice: its ``id`` (what `SpeechOptions.voice` takes), the languages it speaks (BCP 47), a description for
    people, and the engine or service that it belongs to.
    """

    id: str
    languages: tuple[str, ...] = ()
    description: str = ""
    engine: str = ""


class Utterance(NamedTuple):
    """What to speak: one piece of text, at most `EngineInfo.longest_piece` characters and never blank.

    ``voice`` is an id that the engine listed, or any other name: an engine takes its usual voice of the language for
    one that it does not know. ``speed`` is 0.25 to 4, 1 is normal. ``language`` is a BCP 47 tag ("en", "pt-BR").
    ``first``: nothing of the speech has been heard yet, so that the first block should be small and come soon.
    """

    text: str
    voice: str = ""
    speed: float = 1.0
    language: str = "en"
    first: bool = True


class SpokenWord(NamedTuple):
    """A word of the utterance: its characters in `Utterance.text`, and its samples in the sound of the utterance."""

    start: int
    end: int
    begins: int
    ends: int


Block: TypeAlias = Any
"""Sound: mono, at the engine's ``rate``, as a contiguous buffer of 32-bit floats from -1 to 1 (a numpy array of
float32), or of 16-bit integers in native order (format "h"), which spares an engine of integers the conversion."""


class Engine(Protocol):
    """A voice's engine. ``EngineInfo.factory`` makes it; making and importing it must be cheap, `load` may take long.

    Errors: `LibraryError` for what is not installed or not usable (one line that says what to do), `TextError` for a
    text that cannot be spoken. Any other exception costs the piece: the next engine speaks it.
    """

    @property
    def rate(self) -> int:
        """Samples per second of the blocks, known once loaded. It may change from one utterance to the next."""
        ...

    def load(self) -> None:
        """Load libraries and models; called once before anything else, while the program does other things."""
        ...

    def warm(self) -> None:
        """Make the first `speak` as fast as any other, for example by speaking a word that nobody hears."""
        ...

    def voices(self) -> Sequence[VoiceInfo]:
        """The voices there are on this machine. Nothing is fetched."""
        ...

    def speak(self, wanted: Utterance) -> Iterator[Block | SpokenWord]:
        """Yield the sound in blocks, each as early as can be, and words (in order) as soon as their times are known,
        where the engine knows them: before, between or after their blocks.

        Cancelling closes the generator at the next ``yield``: a block should not take longer than some 100 ms to make.
        """
        ...


class EngineInfo(NamedTuple):
    """What is known of an engine without loading it.

    - ``factory``: where its class is, "package.module:Class". Not imported in the program's own process.
    - ``languages``: primary BCP 47 tags that it speaks, or `ANY`.
    - ``here``: "package.module:function" that returns those for which there is a voice on this machine, where that
      depends on files; it is called in the program's own process and must be quick.
    - ``packages``: the modules that have to be importable. ``library``: whether it may also do without them, with a
      library of the system.
    - ``extra``: what installs it: ``pip install 'oggstream[EXTRA]'``.
    - ``writes_out``: it makes words of numbers, dates, amounts and abbreviations itself; for others `wording` does.
    - ``tells_words``: it may give `SpokenWord`; without, the times of words are estimated from the first one on.
    - ``gain``: linear factor that brings its sound to the common level of -19 LUFS.
    - ``first_piece``, ``longest_piece``: characters of the first piece of a text, if a border is near, and of any.
    - ``seconds``: the longest that a single block, or loading, may take. ``megabytes``: the most memory it may have.
    - ``by_turns``: the generators of several utterances may be open at once, and be asked for blocks in any order. Many
      speeches then share it block by block; without, each has it until its piece is spoken.
    """

    name: str
    factory: str
    languages: tuple[str, ...]
    here: str = ""
    packages: tuple[str, ...] = ()
    library: bool = False
    extra: str = ""
    writes_out: bool = False
    tells_words: bool = True
    gain: float = 1.0
    first_piece: int = 400
    longest_piece: int = 400
    seconds: float = 30.0
    megabytes: int = 1500
    by_turns: bool = False
