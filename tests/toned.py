"""Speech whose words are tones (`socket_services.speaking`), told by its source, and where they are in a recording."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from oggstream.annotations import Word
from oggstream.events import RequestSent, emit
from oggstream.sources.traits import SourceTraits
from scripted import ScriptedStream
from socket_services.speaking import speak

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from oggstream.options import SpeechOptions
    from scripted import Arrival

RATE = 48000
CHUNK_SECONDS = 0.04
APART = RATE // 40  # samples of silence between two tones; no more than 20 ms is within one


class Burst(NamedTuple):
    """A tone in a recording, in samples."""

    start: int
    end: int


def wav(pcm: bytes, rate: int = RATE) -> bytes:
    """A WAV body of mono samples of 16 bits."""
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + len(pcm), b"WAVE") + form + struct.pack("<4sI", b"data", len(pcm)) + pcm


def told(text: str) -> list[Word]:
    """The words of ``text`` with their true times."""
    words: list[Word] = []
    for word in speak(text, RATE).words:
        at = text.index(word.text, words[-1].end if words else 0)
        samples = (round(seconds * RATE) for seconds in (word.start, word.end))
        start_sample, end_sample = samples
        words.append(
            Word(text=word.text, start=at, end=at + len(word.text), start_sample=start_sample, end_sample=end_sample)
        )
    return words


class TonedSource:
    """Speaks any text in tones, at ``pace`` times real time, and tells its words unless ``tells`` is false."""

    def __init__(self, pace: float = 10.0, *, tells: bool = True) -> None:
        self.traits = SourceTraits(name="toned", words=tells)
        self._pace, self._tells = pace, tells

    @asynccontextmanager
    async def open(self, text: str, _options: SpeechOptions) -> AsyncIterator[ScriptedStream]:
        emit(RequestSent, characters=len(text))
        yield ScriptedStream(self._spoken(text), asyncio.get_running_loop().time())

    def _spoken(self, text: str) -> list[Arrival]:
        body = wav(speak(text, RATE).pcm)
        size = int(CHUNK_SECONDS * RATE) * 2
        words: list[Arrival] = [(0.0, word) for word in told(text)] if self._tells else []
        chunks = (body[at : at + size] for at in range(0, len(body), size))
        return [*words, *((number * CHUNK_SECONDS / self._pace, chunk) for number, chunk in enumerate(chunks))]


def bursts(recording: NDArray[np.float32]) -> list[Burst]:
    """The tones of a recording of one channel."""
    loud: NDArray[Any] = np.flatnonzero(abs(recording) > 0.02)
    if not loud.size:
        return []
    breaks = np.flatnonzero(np.diff(loud) > APART)
    starts, ends = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, loud.size - 1]] + 1
    return [Burst(int(start), int(end)) for start, end in zip(starts, ends, strict=True)]
