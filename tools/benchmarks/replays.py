"""Replays for the rows on playout: seeded services, their captures, and their playback in virtual time."""

from __future__ import annotations

import functools
import math
import random
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from oggstream.lab.network import Network, Rates
from oggstream.lab.replaying import Job, Run as Replay, play, shaped
from oggstream.lab.virtual_clock import VirtualLoop
from oggstream.options import PlaybackOptions
from oggstream.sinks.null_sink import NullSink
from tools import make_captures
from tools.simulation.synthesis import CHARACTERS_PER_SECOND, Progress, Server

if TYPE_CHECKING:
    from oggstream.sources.captures.capture import Capture
    from tools.make_captures import Layout

    from .row import Run

T = TypeVar("T")
BLOCK = 0.1  # seconds of audio that a service makes at a time
UNEVENNESS = 0.3
FIRST_SEED = 70_000  # not used by tools/fit
LESSONS = 10
LENGTHS = (4.0, 7.0, 11.0)
THIN = 0.256  # Mbit/s of a thin link
FIRST = 1.07  # seconds from a request to the first audio
PAGES = PlaybackOptions(history=None, early=False, start_buffer=0.0, resume_buffer=0.0, slowest=1.0, conceal=False)
"""A player that plays each page as soon as it is complete."""


@functools.cache
def form(name: str) -> Layout:
    """The layout ``name`` of `make_captures`, with its bodies cached."""
    made = make_captures.layout(name)
    return made._replace(body=functools.cache(made.body))


def capture(name: str, seconds: float, layout: str, progress: Progress, *, model: str = "") -> Capture:
    """Speech of so many ``seconds``, made at the pace of ``progress``."""
    text = make_captures.words(seconds * CHARACTERS_PER_SECOND)
    return make_captures.capture(name, make_captures.said(seconds), text, form(layout), progress, model=model or name)


def fast(layout: str, seed: int, number: int, *, family: str = "fast") -> Capture:
    """Utterance ``number`` of a fast service, or of another ``family``."""
    seconds = LENGTHS[number % len(LENGTHS)]
    progress = Server(family, seed).utterance(number, seconds).progress
    return capture(f"{family}-{layout}-{number}", seconds, layout, progress, model=f"{family}-{layout}-{seed}")


def lessons(run: Run) -> int:
    """How many utterances are learnt from: all that the habits keep, fewer only in the smallest runs."""
    return min(LESSONS, run.count(10 * LESSONS, least=2))


def history(run: Run, name: str) -> Path:
    """The path of a new, empty history file."""
    return run.folder / f"history-{name}-{time.monotonic_ns()}.json"


def uneven(rate: float, seconds: float, seed: str, unevenness: float = UNEVENNESS) -> Progress:
    """A service at ``rate`` times real time on average, with a different time for each block."""
    chance = random.Random(seed)  # noqa: S311  # a model, not a secret
    points = [(0.0, FIRST)]
    while points[-1][0] < seconds - 1e-9:
        audio, at = points[-1]
        block = min(BLOCK, seconds - audio)
        factor = math.exp(chance.gauss(-unevenness * unevenness / 2, unevenness))
        points.append((audio + block, at + block / rate * factor))
    return Progress(points)


def link(rate: float) -> Network:
    """A link of ``rate`` Mbit/s."""
    return Rates([(0.0, rate), (1.0, rate)])


def umts(seed: int, *, rate: float = 0.128, rounds: int = 40) -> Network:
    """A UMTS bearer of ``rate`` Mbit/s with outages of 1 to 3 s, each after 1 to 5 s."""
    chance = random.Random(f"umts/{seed}")  # noqa: S311  # a model, not a secret
    steps, at = [], 0.0
    for _ in range(rounds):
        steps.append((at, rate))
        at += chance.uniform(1, 5)
        steps.append((at, 0.0))
        at += chance.uniform(1, 3)
    return Rates([*steps, (at, rate), (at + 1, rate)])


def entered(made: Capture, network: Network, seed: str) -> Capture:
    """``made`` as it arrives through ``network``, from a moment that ``seed`` picks."""
    chance = random.Random(seed)  # noqa: S311  # a model, not a secret
    return shaped(made, network, chance.uniform(0, network.period))


def replay(made: Capture, options: PlaybackOptions, sink: NullSink | None = None) -> Replay:
    """Play a capture in virtual time. Raises the error that ends it early."""
    done = run(play(Job(made, 1), sink or NullSink(), options=options))
    if done.error is not None:
        raise done.error
    return done


def learnt(taught: Sequence[Capture], file: Path) -> PlaybackOptions:
    """The options of a player that has learnt from ``taught``; it continues to learn."""
    options = PlaybackOptions(history=file)
    for lesson in taught:
        replay(lesson, options)
    return options


def since_request(done: Replay, name: str) -> float:
    """When a moment of the report was, in seconds since the request."""
    timing: dict[str, Any] = done.report["timing"]
    return float(timing[name] - (timing["request_sent"] or 0.0))


def start_delay(done: Replay) -> float:
    """Seconds from the first packet to the start of playback."""
    return since_request(done, "start") - since_request(done, "first_packet")


def first_sound(done: Replay) -> float:
    """When the first sample was heard, in seconds since the request."""
    return since_request(done, "first_sample")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in virtual time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(main)
    finally:
        loop.close()
