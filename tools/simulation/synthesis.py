"""Seeded models of the speed of speech services: when the first so many seconds of audio are synthesised.

A family is a kind of service. A seed picks a service of that family with its character (rate, latency, pauses), and an
index picks one of its utterances, so that a rule can learn from some and be judged on others.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

BLOCK = 0.1  # seconds of audio, the grain of synthesis
CHARACTERS_PER_SECOND = 13.6
Point = tuple[float, float]


class Progress:
    """When audio is ready: a line through ``points`` of (seconds of audio, seconds since the request).

    Both coordinates never decrease. Two points with the same audio are a pause: the audio up to there is ready at the
    earlier time. Two points with the same time are a burst.
    """

    def __init__(self, points: Sequence[Point]) -> None:
        self.points = points
        self.seconds = points[-1][0]
        self._audio = [audio for audio, _ in points]

    def ready(self, seconds: float) -> float:
        """When the first ``seconds`` of audio are synthesised, in seconds since the request."""
        end = bisect_left(self._audio, seconds)
        if end == 0:
            return self.points[0][1]
        if end == len(self.points):
            return self.points[-1][1]
        (audio, at), (next_audio, next_at) = self.points[end - 1], self.points[end]
        return at + (next_at - at) * (seconds - audio) / (next_audio - audio)


class Utterance(NamedTuple):
    """A text of ``characters`` and how its audio is made."""

    characters: int
    progress: Progress


_Model = Callable[[random.Random, float], Progress]


class _Work:
    """Synthesis under way: ``audio`` seconds are ready at ``at``."""

    def __init__(self, at: float) -> None:
        self.points: list[Point] = [(0.0, at)]

    @property
    def audio(self) -> float:
        return self.points[-1][0]

    @property
    def at(self) -> float:
        return self.points[-1][1]

    def make(self, seconds: float, took: float) -> None:
        """Add ``seconds`` of audio, which ``took`` so many seconds."""
        self.points.append((self.audio + seconds, self.at + took))

    def pause(self, seconds: float) -> None:
        """Add a pause of ``seconds``."""
        self.points.append((self.audio, self.at + seconds))


def _first_audio(rng: random.Random) -> float:
    """Seconds from the request to the first audio: 1.07 s in the middle, as measured on OpenAI's."""
    return 1.07 * math.exp(rng.gauss(0, 0.15))


def _steady(rate: float, unevenness: float, pauses: Callable[[random.Random], float]) -> _Model:
    """A service that works at ``rate`` times real time, block by block, and pauses where ``pauses`` says so."""

    def run(rng: random.Random, seconds: float) -> Progress:
        work = _Work(_first_audio(rng))
        own_rate = rate * math.exp(rng.gauss(0, 0.04))
        while work.audio < seconds:
            block = min(BLOCK, seconds - work.audio)
            work.make(block, block / own_rate * math.exp(rng.gauss(-unevenness * unevenness / 2, unevenness)))
            if (pause := pauses(rng)) > 0:
                work.pause(pause)
        return Progress(work.points)

    return run


def _no_pause(_: random.Random) -> float:
    return 0.0


def _jitter(rng: random.Random) -> float:
    """Occasional short pauses, 60 ms on average."""
    return rng.expovariate(1 / 0.06) if rng.random() < 0.15 else 0.0


def _heavy(rng: random.Random) -> float:
    """Rare pauses from 0.05 s to 4 s, with a heavy tail."""
    return min(4.0, 0.05 * rng.paretovariate(1.2)) if rng.random() < 0.04 else 0.0


def _fast(server: random.Random) -> _Model:
    return _steady(server.uniform(4, 8), 0.3, _jitter)


def _stalling(server: random.Random) -> _Model:
    return _steady(server.uniform(2.7, 3.3), 0.3, _heavy)


def _barely(server: random.Random) -> _Model:
    return _steady(server.uniform(1.05, 1.3), 0.4, _no_pause)


def _slow(server: random.Random) -> _Model:
    return _steady(server.uniform(0.7, 0.95), 0.3, _no_pause)


def _sentences(server: random.Random) -> _Model:
    """Synthesised in whole sentences, several at a time, so that the next one is always in time."""
    rate = server.uniform(2.5, 5)

    def run(rng: random.Random, seconds: float) -> Progress:
        work = _Work(0.2)
        while work.audio < seconds:
            sentence = min(rng.uniform(1.5, 5), seconds - work.audio)
            work.pause(sentence / rate)
            work.make(sentence, 0.0)
        return Progress(work.points)

    return run


def _paced(server: random.Random) -> _Model:
    """Sends at most ``ahead`` seconds ahead of real time, as a service that imitates a live stream does."""
    ahead = server.uniform(0.15, 0.6)

    def run(rng: random.Random, seconds: float) -> Progress:
        first = _first_audio(rng)
        work = _Work(first)
        while work.audio < seconds:
            block = min(BLOCK, seconds - work.audio)
            due = first + work.audio + block - ahead + rng.expovariate(1 / 0.03)
            work.make(block, max(block / 6, due - work.at))
        return Progress(work.points)

    return run


def _mobile(server: random.Random) -> _Model:
    """A fast service over a network that is on and off: nothing arrives while it is off."""
    rate, on, off = server.uniform(2, 5), server.uniform(2, 6), server.uniform(0.3, 1.0)

    def run(rng: random.Random, seconds: float) -> Progress:
        work = _Work(_first_audio(rng))
        until = work.at + rng.expovariate(1 / on)
        while work.audio < seconds:
            block = min(BLOCK, seconds - work.audio)
            work.make(block, block / rate)
            if work.at > until:
                work.pause(rng.expovariate(1 / off))
                until = work.at + rng.expovariate(1 / on)
        return Progress(work.points)

    return run


FAMILIES: dict[str, Callable[[random.Random], _Model]] = {
    "fast": _fast,
    "heavy": _stalling,
    "barely": _barely,
    "slow": _slow,
    "sentences": _sentences,
    "paced": _paced,
    "mobile": _mobile,
}
"""The families by name: 4 to 8 times real time with jitter; 3 times with heavy-tailed pauses; 1.05 to 1.3 times; 0.7
to 0.95 times; whole sentences at a time; paced by the service; fast over a network that is on and off."""


class Server:
    """The service that ``seed`` picks of ``family`` (one of `FAMILIES`); raises KeyError for an unknown one."""

    def __init__(self, family: str, seed: int) -> None:
        self._key = f"{family}/{seed}"
        self._model = FAMILIES[family](random.Random(self._key))  # noqa: S311  # a model, not a secret
        self._rate = CHARACTERS_PER_SECOND

    def utterance(self, index: int, seconds: float | None = None) -> Utterance:
        """Its ``index``th utterance, of ``seconds`` of audio or, by default, 2 to 40 s as the index has it."""
        rng = random.Random(f"{self._key}/{index}")  # noqa: S311  # a model, not a secret
        length = 2 * 20 ** rng.random() if seconds is None else seconds
        characters = max(1, round(length * self._rate * math.exp(rng.gauss(0, 0.08))))
        return Utterance(characters, self._model(rng, length))


def steady(rate: float, seconds: float, *, first: float = 1.07) -> Progress:
    """A service without pauses: ``rate`` times real time, its first audio ``first`` seconds after the request."""
    return Progress([(0.0, first), (seconds, first + seconds / rate)])
