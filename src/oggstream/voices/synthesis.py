"""Text to a stream of bytes: espeak-ng in a thread of its own, resampled, encoded and handed to the event loop."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from threading import Thread
from typing import TYPE_CHECKING, Any

from ..errors import TextError
from ..threads import in_thread
from . import espeak
from .bodies import RATE, Body, make_body
from .espeak_voices import DEFAULT_VOICE, espeak_voice, pace_of
from .handover import Handover
from .turns import Turns
from .word_places import WordPlaces

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..annotations import Word

AHEAD_ITEMS = 100
"""Pieces of `espeak.BUFFER_MS` of speech that may wait for the consumer: 6 s, beyond which synthesis waits."""

EAGER_SECONDS = 0.2
"""So much of the speech is encoded while its first clause is being spoken; the rest when the library is free again."""

MOST_SECONDS = 1800.0
"""Sound of one speech: 4096 characters of English at speed 0.25 take 20 minutes, as many signs that are spelt hours."""

LEAD_SECONDS = 0.1
"""A speech that is further ahead of its listener than this waits until all others have begun."""

GRANULE_RATE = 48000
"""In which the places of words are counted."""

_turns = Turns()  # one library, one interpreter: all speeches of the process share both


async def load() -> None:
    """Load the libraries ahead of the first speech, off the event loop's thread. Raises `LibraryError`."""
    await in_thread(_load)


async def synthesize(
    text: str,
    *,
    voice: str = DEFAULT_VOICE,
    speed: float = 1.0,
    format: str = "opus",  # noqa: A002 - the word that the service uses
) -> AsyncGenerator[bytes, None]:
    """`speak` without the words."""
    async with aclosing(speak(text, voice=voice, speed=speed, format=format)) as items:
        async for item in items:
            if isinstance(item, bytes):
                yield item


async def speak(
    text: str,
    *,
    voice: str = DEFAULT_VOICE,
    speed: float = 1.0,
    format: str = "opus",  # noqa: A002 - the word that the service uses
) -> AsyncGenerator[bytes | Word, None]:
    """Speak ``text``; yields the body as it is made, of Ogg Opus whole pages (a packet each) and the headers first.

    Between the bytes come the words, those of a clause before most of its sound. Their samples are those that
    espeak-ng names. Where the speed makes it change finished sound (from 450 words a minute on) they are only about
    right.

    ``voice`` is a key of `espeak_voices.VOICES`, ``speed`` 0.25 to 4, ``format`` a key of `bodies.CONTENT_TYPES`. A
    consumer that falls behind makes the synthesis wait (`AHEAD_ITEMS`). Closing the generator, or cancelling the task
    that reads it, ends the synthesis within a few ms and returns when its thread is gone. Raises `TextError` for a text
    without anything in it, and once `MOST_SECONDS` are spoken and more is to come; `UsageError`, `LibraryError`.
    """
    if not text.strip():
        raise TextError("there is no text to speak")
    pace = pace_of(speed)
    speaker = espeak_voice(voice)._replace(wpm=pace.wpm)
    handover: Handover[bytes | Word] = Handover(AHEAD_ITEMS)
    body = make_body(format, f"{voice} {speed:g} {text}")
    job = _Job(text, speaker, pace.stretch, body, handover)
    thread = Thread(target=job.run, name="oggstream-voice", daemon=True)
    thread.start()
    try:
        while (item := await handover.get()) is not None:
            yield item
    finally:
        handover.close()
        await handover.finished()
        thread.join()


class _Job:
    """One speech, in its thread."""

    def __init__(
        self,
        text: str,
        voice: espeak.EspeakVoice,
        stretch: float,
        body: Body,
        handover: Handover[bytes | Word],
    ) -> None:
        self._text = text
        self._voice = voice
        self._stretch = stretch
        self._body = body
        self._handover = handover
        self._eager = 0  # bytes of PCM that are still to be encoded as they come
        self._spoken = 0  # bytes of PCM
        self._backlog: list[bytes] = []
        self._started = False
        self._began = 0.0

    def run(self) -> None:
        error: BaseException | None = None
        _turns.enter()
        try:
            self._speak()
        except BaseException as caught:  # noqa: BLE001 - raised again where it is awaited
            error = caught
        self._has_started()
        self._handover.end(error)

    def _speak(self) -> None:
        library = espeak.load()
        if not self._put(self._body.begin()):
            return
        self._shaper = Shaper(library.rate, self._stretch)
        self._words = WordPlaces(self._text, self._shaper.place)
        self._eager = int(EAGER_SECONDS * library.rate) * 2
        position = 0
        while position < len(self._text) and not self._handover.closed:
            if self._shaper.made > MOST_SECONDS * GRANULE_RATE:
                raise TextError(f"the text takes more than {MOST_SECONDS / 60:g} minutes to speak: shorten or split it")
            position += self._speak_clause(library, position)
            self._work_off()
            self._give_way()
        pcm = self._shaper.finish()
        self._put(self._body.feed(pcm) + self._body.finish())
        self._tell_words(self._shaper.made)

    def _speak_clause(self, library: espeak.Espeak, position: int) -> int:
        begins, words = self._spoken // 2, list[espeak.SpokenWord]()
        count = library.speak_clause(self._text[position:], self._voice, self._take, self._stopped, words)
        self._words.add(words, position, begins, self._spoken // 2)
        return count

    def _take(self, pcm: bytes) -> bool:
        """Called while the library is locked: must neither wait nor take long."""
        self._spoken += len(pcm)
        if self._eager <= 0:
            self._backlog.append(pcm)
            return not self._handover.closed
        self._eager -= len(pcm)
        return self._encode(pcm)

    def _work_off(self) -> None:
        """Encode what was spoken meanwhile."""
        self._has_started()
        self._tell_words()
        backlog, self._backlog = self._backlog, []
        for pcm in backlog:
            if self._handover.closed:
                return
            self._give_way()
            self._encode(pcm)
            self._tell_words()

    def _tell_words(self, total: int | None = None) -> None:
        for word in self._words.ready(total):
            self._handover.put(word)

    def _give_way(self) -> None:
        """Let others begin first: a moment in any case, and longer while the listener has enough."""
        _turns.give_way()
        while _turns.awaited and not self._handover.closed and self._lead() > LEAD_SECONDS:
            _turns.give_way()

    def _lead(self) -> float:
        """Seconds of sound that a listener who began with the first sample has not heard yet."""
        return self._shaper.made / GRANULE_RATE - (time.monotonic() - self._began)

    def _has_started(self) -> None:
        if not self._started:
            self._started = True
            self._began = time.monotonic()
            _turns.start()

    def _encode(self, pcm: bytes) -> bool:
        return self._put(self._body.feed(self._shaper.feed(pcm)))

    def _put(self, data: bytes) -> bool:
        return self._handover.put(data) if data else not self._handover.closed

    def _stopped(self) -> bool:
        return self._handover.closed


class Shaper:
    """espeak-ng's PCM as bodies want it: stretched where the speed asks for it, resampled to 24 kHz."""

    def __init__(self, rate: int, stretch: float) -> None:
        import soxr

        from .stretch import Stretcher

        self._stretcher = Stretcher(rate, stretch) if stretch != 1 else None
        self._rate = rate
        self.made = 0
        """Samples at 48 kHz so far."""
        self._resampler: Any = soxr.ResampleStream(rate, RATE, 1, dtype="int16", quality="HQ")

    def feed(self, pcm: bytes) -> bytes:
        """Take PCM (16 bits, native order, mono); returns what is ready, perhaps nothing."""
        import numpy as np

        return self._resample(np.frombuffer(pcm, np.int16), last=False)

    def finish(self) -> bytes:
        """The rest. The whole has the length of the input, times stretch and ratio of the rates."""
        import numpy as np

        return self._resample(np.zeros(0, np.int16), last=True)

    def place(self, position: int) -> int | None:
        """Where, in samples at 48 kHz, the sample ``position`` of the input is heard; None if not known yet.

        To be asked in rising order.
        """
        stretched = self._stretcher.place(position) if self._stretcher is not None else position
        return None if stretched is None else round(stretched * GRANULE_RATE / self._rate)

    def _resample(self, samples: NDArray[np.int16], *, last: bool) -> bytes:
        if self._stretcher is not None:
            samples = self._stretcher.finish() if last else self._stretcher.feed(samples)
        shaped: NDArray[np.int16] = self._resampler.resample_chunk(samples, last=last)
        self.made += len(shaped) * (GRANULE_RATE // RATE)
        return shaped.tobytes()


def _load() -> None:
    """Everything that the first speech would otherwise load."""
    voice = espeak.load()
    voice.speak_clause("a", espeak_voice(DEFAULT_VOICE), lambda _: False)
    shaper = Shaper(voice.rate, 1.0)
    body = make_body("opus")
    body.begin()
    body.feed(shaper.feed(bytes(2 * voice.rate)))
