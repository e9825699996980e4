"""Sends random texts through the engines, as a speech does: ``python -m tools.fuzzing.voices --help``.

All scripts, control characters, markup, up to 4096 characters, without a full stop: no text may end the process of an
engine, and no piece may take longer than the engine may. An engine sees pieces only, so one text of `LONG_ONES` is long
and the others are about one piece; as in a speech, a text ends at `speech.MOST_SECONDS` of sound.
"""

from __future__ import annotations

import argparse
import random
import time
from typing import NamedTuple

from oggstream.errors import OggStreamError
from oggstream.voice.choice import language_of
from oggstream.voice.engine import EngineInfo, Utterance
from oggstream.voice.names import NAMES
from oggstream.voice.pieces import cut
from oggstream.voice.pools import Pool
from oggstream.voice.registry import engine_info
from oggstream.voice.speech import MOST_SECONDS, UNSPEAKABLE
from oggstream.voice.wire import RATE

from .voice import LONGEST, make_text

LONG_ONES = 50
ONE_PIECE = 300
"""Characters of the longest of the other texts."""


class Result(NamedTuple):
    """What became of the texts of an engine: pieces spoken, seconds of sound, errors, and the slowest piece."""

    pieces: int
    sound: float
    deaths: int
    errors: dict[str, int]
    slowest: float


def run(info: EngineInfo, count: int, seed: int, seconds: float) -> tuple[int, Result]:
    """Speak ``count`` texts, or as many as ``seconds`` allow; returns how many, and the result."""
    pool, errors = Pool(info), dict[str, int]()
    pieces, sound, deaths, slowest = 0, 0.0, 0, 0.0
    began = time.monotonic()
    for number in range(count):
        if time.monotonic() - began > seconds:
            count = number
            break
        chance = random.Random(f"{seed} {number}")  # noqa: S311  # texts, no secrets
        text = make_text(chance)[: _length(chance)].translate(UNSPEAKABLE)
        before = sound
        language, voice, speed = language_of(text), chance.choice(NAMES), chance.choice((0.25, 1, 1, 1, 2, 4))
        for start, end in cut(text, info.first_piece, info.longest_piece):
            if not text[start:end].strip():
                continue
            if sound - before > MOST_SECONDS:
                break
            pieces, at = pieces + 1, time.monotonic()
            try:
                with pool.worker() as worker:
                    for item in worker.speak(Utterance(text[start:end], voice, speed, language)):
                        sound += len(item) / 2 / RATE if isinstance(item, bytes) else 0
            except OggStreamError as error:
                deaths += not worker.alive
                errors[str(error)[:100]] = errors.get(str(error)[:100], 0) + 1
            slowest = max(slowest, time.monotonic() - at)
    pool.close()
    return count, Result(pieces, sound, deaths, errors, slowest)


def main() -> None:
    """Run it from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzzing.voices", description=__doc__)
    parser.add_argument("--engine", default="espeak", help="hibari, espeak, piper or kokoro")
    parser.add_argument("--count", type=int, default=10_000, help="texts")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600, help="the longest that it may take")
    args = parser.parse_args()
    count, result = run(engine_info(args.engine), args.count, args.seed, args.seconds)
    print(f"{args.engine}: {count} texts, {result.pieces} pieces, {result.sound:.0f} s of sound")
    print(f"deaths {result.deaths}, slowest piece {result.slowest:.2f} s, errors {result.errors or 'none'}")


def _length(chance: random.Random) -> int:
    """Short texts are as frequent as longer ones, by the order of their length."""
    return LONGEST if chance.randrange(LONG_ONES) == 0 else round(ONE_PIECE ** chance.random())


if __name__ == "__main__":
    main()
