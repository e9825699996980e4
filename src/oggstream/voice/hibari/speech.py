"""One utterance: sentences in, blocks of sound and words out, from the first sound on."""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

import numpy as np

from ..engine import SpokenWord, Utterance
from .network import STEP_FRAMES, Network, Rendering
from .signal import HOP, RATE, Synthesizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .layers import Rows
    from .script import Place, Sentence

FASTEST = 2.0
"""Speed that the network speaks at; what is faster is shortened afterwards."""

FIRST_BLOCKS = (16, 24, 64)
"""Frames of the first blocks of a speech: so long as the listener has nothing, each is made in a fraction of the time
that the one before it sounds.
"""

BLOCK = 128
"""Frames of all other blocks: 1.6 s, made in 15 to 30 ms."""

ONSET_FRAMES = 10
"""The sound begins up to 95 ms before the silence that the network plans; from this many frames before its end on the
samples are looked at."""

_LEVEL = 2.2
"""From the network's -26 LUFS to the common level of -19; the same for all sentences, so that none jumps."""

_KNEE = 0.7
"""Above it peaks are rounded instead of cut: one sample in some thousand."""

_GATE = 10 ** (-60 / 20)
_GATE_HOP = RATE * 5 // 1000
_EARLY = RATE * 60 // 1000
"""A word is heard before the step at which its first phoneme is planned."""

_LONGEST_SOUND = RATE * 150 // 1000
"""Of a word's last phoneme: what is planned beyond is the silence behind a sentence."""


class Speech:
    """The sound of one utterance. ``measured``: the model is the one whose opening silence is known."""

    def __init__(self, network: Network, seed: int, wanted: Utterance, *, measured: bool) -> None:
        self._network = network
        self._seed = seed
        self._speed = min(wanted.speed, FASTEST)
        self._shaper = _Shaper(self._speed / wanted.speed)
        self._sizes = chain(FIRST_BLOCKS, repeat(BLOCK)) if wanted.first else repeat(BLOCK)
        self._measured = measured
        self._silent = True  # nothing of the sentence has sounded yet
        self._made = 0  # samples, before they are stretched

    def sentence(self, sentence: Sentence) -> Iterator[Rows | SpokenWord]:
        """The blocks of a sentence, and its words behind the first of them."""
        plan = self._network.plan(sentence.ids, self._speed)
        rendering = Rendering(self._network, plan)
        synthesizer = Synthesizer(self._seed)
        begins = np.concatenate(([0], np.cumsum(plan.durations))) * STEP_FRAMES * HOP
        self._silent = True
        skipped = self._lead_in(int(plan.durations[0]))
        rendering.skip(skipped)
        origin = self._made - skipped * HOP  # where the sentence would begin, had nothing been left out
        words = iter(sentence.words)
        while rendering.left:
            frames = rendering.next(next(self._sizes))
            samples = synthesizer.feed(frames, last=not rendering.left)
            if self._silent:
                samples, dropped = self._sounding(samples)
                origin -= dropped
            yield from self._give(samples)
            if not self._silent:
                yield from self._told(words, origin, begins)

    def finish(self) -> Iterator[Rows]:
        """The rest, where the sound is stretched."""
        rest = self._shaper.finish()
        if len(rest):
            yield rest

    def _lead_in(self, steps: int) -> int:
        if not self._measured:
            return 0
        return max(0, steps * STEP_FRAMES - round(ONSET_FRAMES / min(1.0, self._speed)))

    def _sounding(self, samples: Rows) -> tuple[Rows, int]:
        """The samples from the first that can be heard on, and how many were left out."""
        hops = samples[: len(samples) // _GATE_HOP * _GATE_HOP].reshape(-1, _GATE_HOP)
        loud = np.flatnonzero(np.abs(hops).max(axis=1) > _GATE)
        self._silent = not len(loud)
        dropped = len(samples) if self._silent else int(loud[0]) * _GATE_HOP
        return samples[dropped:], dropped

    def _give(self, samples: Rows) -> Iterator[Rows]:
        self._made += len(samples)
        shaped = self._shaper.feed(_levelled(samples))
        if len(shaped):
            yield shaped

    def _told(self, words: Iterator[Place], origin: int, begins: Rows) -> Iterator[SpokenWord]:
        for word in words:
            begin = max(0, origin + int(begins[word.first]) - _EARLY)
            last = int(begins[word.behind - 1])
            ends = min(int(begins[word.behind]), last + round(_LONGEST_SOUND / self._speed))
            end = max(begin, origin + ends - _EARLY)
            yield SpokenWord(word.start, word.end, self._shaper.place(begin), self._shaper.place(end))


def _levelled(samples: Rows) -> Rows:
    louder = samples * np.float32(_LEVEL)
    over = np.abs(louder) - np.float32(_KNEE)
    peaks = over > 0
    if peaks.any():
        rounded = _KNEE + (1 - _KNEE) * np.tanh(over[peaks] / (1 - _KNEE))
        louder[peaks] = np.copysign(rounded, louder[peaks])
    return louder


class _Shaper:
    """Shortens the sound to ``factor`` of its length at the same pitch; 1 leaves it as it is."""

    def __init__(self, factor: float) -> None:
        from ..stretch import Stretcher

        self._factor = factor
        self._stretcher = Stretcher(RATE, factor) if factor != 1 else None

    def feed(self, samples: Rows) -> Rows:
        """What is ready of the sound so far."""
        if self._stretcher is None:
            return samples
        return _float(self._stretcher.feed(_int16(samples)))

    def finish(self) -> Rows:
        """The rest."""
        if self._stretcher is None:
            return np.zeros(0, np.float32)
        return _float(self._stretcher.finish())

    def place(self, sample: int) -> int:
        """Where ``sample`` is heard, to within the stretcher's tolerance of 8 ms."""
        return round(sample * self._factor)


def _int16(samples: Rows) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.clip(np.rint(samples * 32767), -32768, 32767).astype(np.int16)


def _float(samples: np.ndarray[tuple[int], np.dtype[np.int16]]) -> Rows:
    return samples.astype(np.float32) / np.float32(32768)
