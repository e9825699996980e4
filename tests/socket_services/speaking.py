"""A voice whose words are tones: it is known to the sample when each begins and ends.

All times are multiples of 20 ms: a whole number of samples at 8000, 16000, 22050, 24000, 44100 and 48000 Hz, and of
Opus frames.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oggstream.codec.decode_body import decode_body
from oggstream.codec.encoder import OpusEncoder
from oggstream.opus.head import OpusHead
from oggstream.opus.opus_writer import OggOpusWriter
from oggstream.opus.tags import OpusTags

RATE = 24000
STEP_MS = 20
LEAD_MS = 40  # of silence before the first word
GAP_MS = 80  # behind each
_WORD_MS = 100  # and `STEP_MS` for each of its letters
_LOUDNESS = 9000
_QUIET = 500  # of a sample, what is not of a word


@dataclass(frozen=True)
class SpokenWord:
    """A word, or a character, and when it is spoken: seconds from the start of its speech."""

    text: str
    start: float
    end: float


@dataclass(frozen=True)
class Speech:
    """16-bit samples, mono, little-endian, and where the words of ``text`` are in them."""

    text: str
    pcm: bytes
    words: tuple[SpokenWord, ...]
    rate: int

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate

    def later(self, seconds: float) -> Speech:
        """The same, with the times of its words counted from a zero that is ``seconds`` earlier."""
        words = (SpokenWord(word.text, word.start + seconds, word.end + seconds) for word in self.words)
        return dataclasses.replace(self, words=tuple(words))


@functools.lru_cache(256)
def speak(text: str, rate: int = RATE) -> Speech:
    """A tone for each word, as long as the word and as high as its letters say, with silence around it."""
    parts, words = [_silence(LEAD_MS, rate)], []
    at = LEAD_MS
    for word in text.split():
        length = _WORD_MS + STEP_MS * len(word)
        parts += [_tone(word, length, rate), _silence(GAP_MS, rate)]
        words.append(SpokenWord(word, at / 1000, (at + length) / 1000))
        at += length + GAP_MS
    return Speech(text, np.concatenate(parts).tobytes() if words else b"", tuple(words), rate)


def _tone(word: str, milliseconds: int, rate: int) -> NDArray[np.int16]:
    hertz = 200 + 37 * (sum(map(ord, word)) % 23)
    times = np.arange(milliseconds * rate // 1000) / rate
    wave: NDArray[np.int16] = np.rint(_LOUDNESS * np.cos(2 * np.pi * hertz * times)).astype("<i2")
    return wave  # loud from its first sample on


def _silence(milliseconds: int, rate: int) -> NDArray[np.int16]:
    return np.zeros(milliseconds * rate // 1000, "<i2")


def characters(words: Sequence[SpokenWord]) -> list[SpokenWord]:
    """The characters of ``words``, each as long as the others of its word, with the spaces between them."""
    told: list[SpokenWord] = []
    for word in words:
        if told:
            told.append(SpokenWord(" ", told[-1].end, word.start))
        step = (word.end - word.start) / len(word.text)
        told += [
            SpokenWord(letter, word.start + n * step, word.start + (n + 1) * step) for n, letter in enumerate(word.text)
        ]
    return told


def bursts(pcm: bytes, rate: int = RATE) -> list[tuple[float, float]]:
    """Where words are in samples that a client handed out: start and end of each, in seconds.

    To the sample for the samples of `speak`; what an Opus decoder gives is off by up to 3 ms.
    """
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(int)) > _QUIET)
    if not loud.size:
        return []
    breaks = np.flatnonzero(np.diff(loud) > rate // 50)
    starts, ends = loud[np.r_[0, breaks + 1]], loud[np.r_[breaks, loud.size - 1]] + 1
    return [(float(start / rate), float(end / rate)) for start, end in zip(starts, ends, strict=True)]


class OpusStream:
    """An Ogg Opus stream that is written while its samples come, a page for each 20 ms.

    The last page stays back until more comes, or `finish`.
    """

    def __init__(self, rate: int = RATE) -> None:
        self._encoder = OpusEncoder(rate, bitrate=96_000)
        head = OpusHead.simple(1, self._encoder.pre_skip, rate, serial=7)
        self._writer = OggOpusWriter(head, OpusTags(vendor="stand-in"), 1)
        self._started = False
        self._packets = 0
        self._samples = 0
        self._pcm = b""

    @property
    def position(self) -> float:
        """Seconds that can be heard of the pages that have left."""
        packets = max(0, self._packets - 1)
        return max(0, packets * self._encoder.packet_samples - self._encoder.pre_skip) / 48000

    def feed(self, pcm: bytes) -> bytes:
        """The pages that are complete with ``pcm``; ahead of the first ones the headers."""
        self._pcm += pcm
        self._samples += len(pcm) * 24000 // self._encoder.rate
        pages = [] if self._started else [self._writer.headers()]
        self._started = True
        size = self._encoder.frame_bytes
        while len(self._pcm) >= size:
            packet = self._encoder.encode(self._pcm[:size])
            pages.append(self._writer.write(packet, self._encoder.packet_samples))
            self._packets += 1
            self._pcm = self._pcm[size:]
        return b"".join(pages)

    def finish(self) -> bytes:
        """The last pages: the stream ends with the last sample that it was fed."""
        samples = self._samples
        pages = self.feed(bytes(-len(self._pcm) % self._encoder.frame_bytes + self._encoder.frame_bytes))
        return pages + self._writer.finish(samples)


def opus(speech: Speech) -> bytes:
    """The whole of ``speech`` as Ogg Opus."""
    stream = OpusStream(speech.rate)
    return stream.feed(speech.pcm) + stream.finish()


def decoded(body: bytes, rate: int = RATE) -> bytes:
    """The samples of an Ogg Opus body, mono."""
    kept = _Kept()
    decode_body([body], lambda *_: kept, rate=rate, channels=1)
    return bytes(kept.samples)


class _Kept:
    def __init__(self) -> None:
        self.samples = bytearray()

    def write(self, samples: Any) -> None:
        self.samples += samples

    def close(self) -> None: ...
