"""espeak-ng as an engine: more than a hundred languages, none of them human, each within a few milliseconds."""

from __future__ import annotations

import _thread
from collections.abc import Iterator, Sequence

from . import espeak
from .clause_words import ClauseWords
from .engine import Block, SpokenWord, Utterance, VoiceInfo
from .espeak_voices import LANGUAGE_FILES, VOICES, espeak_voice, pace_of

EAGER_SECONDS = 0.1
"""So much of an utterance is given out while its first clause is being spoken; the rest clause by clause, each behind
its words."""


class EspeakEngine:
    """The espeak-ng of this process (see `espeak`)."""

    def __init__(self) -> None:
        self._library: espeak.Espeak | None = None

    @property
    def rate(self) -> int:
        """22050 with the usual data."""
        return self._loaded().rate

    def load(self) -> None:
        """Load the library, 15 ms. Raises `LibraryError`."""
        self._library = espeak.load()

    def warm(self) -> None:
        """Read the data of the usual voice."""
        self._loaded().speak_clause("a", espeak_voice(), lambda _: False)

    def voices(self) -> Sequence[VoiceInfo]:
        """OpenAI's names, which speak every language, and a voice for each language."""
        named = [VoiceInfo(name, ("en", "*"), _described(voice), "espeak") for name, voice in VOICES.items()]
        tags = sorted(tag for tag in LANGUAGE_FILES if tag != "en")
        return [*named, *(VoiceInfo(tag, (tag,), "formant synthesis", "espeak") for tag in tags)]

    def speak(self, wanted: Utterance) -> Iterator[Block | SpokenWord]:
        """Blocks of 16-bit samples and words. Raises `LibraryError` and `UsageError`."""
        pace = pace_of(wanted.speed)
        voice = espeak_voice(wanted.voice, wanted.language)._replace(wpm=pace.wpm)
        items = _Speaking(self._loaded(), wanted.text, voice).items()
        if pace.stretch == 1:
            return items
        from .stretch import stretched

        return stretched(items, self.rate, pace.stretch)

    def _loaded(self) -> espeak.Espeak:
        assert self._library is not None
        return self._library


class _Speaking:
    """One utterance: espeak-ng calls back with its sound, in a thread, and so its first block need not wait."""

    def __init__(self, library: espeak.Espeak, text: str, voice: espeak.EspeakVoice) -> None:
        from _queue import SimpleQueue

        self._library = library
        self._text = text
        self._voice = voice
        self._items: SimpleQueue[Block | SpokenWord | BaseException | None] = SimpleQueue()
        self._stopped = False
        self._eager = int(EAGER_SECONDS * library.rate) * 2  # bytes that are still given out as they come
        self._spoken = 0  # bytes
        self._held: list[bytes] = []

    def items(self) -> Iterator[Block | SpokenWord]:
        _thread.start_new_thread(self._run, ())
        try:
            while (item := self._items.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            self._stopped = True

    def _run(self) -> None:
        try:
            self._speak()
        except BaseException as error:  # noqa: BLE001 - raised again where it is read
            self._items.put(error)
        self._items.put(None)

    def _speak(self) -> None:
        clauses = ClauseWords(self._text)
        position = 0
        while position < len(self._text) and not self._stopped:
            begins, told = self._spoken // 2, list[espeak.ClauseWord]()
            text = self._text[position : position + espeak.LONGEST_CLAUSE]
            count = self._library.speak_clause(text, self._voice, self._take, lambda: self._stopped, told)
            for word in clauses.words(told, position, begins, self._spoken // 2):
                self._items.put(word)
            position += count
            self._release()

    def _take(self, pcm: bytes) -> bool:
        self._spoken += len(pcm)
        if self._eager > 0:
            self._eager -= len(pcm)
            self._items.put(memoryview(pcm).cast("h"))
        else:
            self._held.append(pcm)
        return not self._stopped

    def _release(self) -> None:
        held, self._held = self._held, []
        if held:
            self._items.put(memoryview(b"".join(held)).cast("h"))


def _described(voice: espeak.EspeakVoice) -> str:
    sort = "female" if voice.variant.startswith("f") else "male"
    return f"formant synthesis, {sort}, {'British' if 'GB' in voice.language else 'American'}"
