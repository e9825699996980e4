"""The kinds of service and network for the comparison of players, as captures in both formats."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from oggstream.sources.traits import SourceTraits

from . import replays

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from oggstream import ByteStream, SpeechOptions
    from oggstream.lab.network import Network
    from oggstream.sources.captures.capture import Capture
    from tools.simulation.synthesis import Progress

LESSONS = 10
SEED = 80_000
FLOOR = 0.004  # rms of the noise under the speech, -48 dBFS: any silence in a recording was inserted by the player
RATE = 6.5  # times real time, of a fast service


class Race(NamedTuple):
    """A kind of service: so many ``seconds`` of speech in a ``layout`` at the pace of ``progress``, over ``network``.

    ``progress`` is a function of an utterance's number and seconds, ``network`` of its number: number 0 is the race,
    the others are for learning.
    """

    name: str
    title: str
    seconds: float
    layout: str
    progress: Callable[[int, float], Progress]
    network: Callable[[int], Network] | None = None


def _steady(rate: float, first: float = replays.FIRST) -> Callable[[int, float], Progress]:
    from tools.simulation.synthesis import steady

    return lambda number, seconds: steady(rate, seconds, first=first)  # noqa: ARG005  # all are alike


def _sentences(number: int, seconds: float) -> Progress:
    from tools.simulation.synthesis import Server

    return Server("sentences", SEED).utterance(number, seconds).progress


def _umts(number: int) -> Network:
    """Another section of the same network for each number."""
    return replays.umts(SEED + number)


RACES = (
    Race("fast-a", "fast, generation A", 6, "a", _steady(RATE)),
    Race("fast-b", "fast, generation B", 6, "b", _steady(RATE)),
    Race("rate-1.3", "1.3 x", 8, "b", _steady(1.3)),
    Race("rate-0.9", "0.9 x", 12, "b", _steady(0.9)),
    Race("sentences", "sentence bursts", 10, "b", _sentences),
    Race("local", "local, 20 ms pages", 4, "20ms", _steady(20, 0.05)),
    Race("umts", "UMTS, outages of 1-3 s", 10, "b", _steady(RATE), _umts),
    Race("thin", "256 kbit/s", 6, "b", _steady(RATE), lambda _: replays.link(0.256)),
)


@functools.cache
def floored(seconds: float) -> bytes:
    """Speech over a noise floor, 24 kHz, 16 bits."""
    import numpy as np

    from tools import make_captures

    speech = np.frombuffer(make_captures.said(seconds), np.int16).astype(np.float64)
    noise = np.random.default_rng(SEED).normal(0, FLOOR * 32768, len(speech))
    loud: bytes = np.clip(0.8 * speech + noise, -32768, 32767).astype("<i2").tobytes()
    return loud


def capture(race: Race, layout: str, number: int, *, seconds: float | None = None) -> Capture:
    """Utterance ``number`` of a race, in its own layout or as "pcm"."""
    from oggstream.lab.replaying import shaped
    from tools import make_captures
    from tools.simulation.synthesis import CHARACTERS_PER_SECOND

    seconds = seconds or race.seconds
    text = make_captures.words(seconds * CHARACTERS_PER_SECOND)
    form = replays.form(layout)
    made = make_captures.capture(
        race.name, floored(seconds), text, form, race.progress(number, seconds), model=race.name
    )
    return shaped(made, race.network(number)) if race.network else made


def save(race: Race, folder: Path, *, seconds: float | None = None) -> str:
    """Write the race's capture in both formats, and return the text."""
    from oggstream.sources.captures.capture import save as write

    for layout, name in ((race.layout, "opus"), ("pcm", "pcm")):
        made = capture(race, layout, 0, seconds=seconds)
        write(made._replace(name=str(folder / f"{race.name}-{name}")))
    return made.text


def first_audio(race: Race, *, seconds: float | None = None) -> tuple[float, float]:
    """When the first packet in Opus, and the first page with sound, had arrived, in seconds since the request."""
    made = capture(race, race.layout, 0, seconds=seconds)
    from oggstream.lab.clairvoyant import packets
    from tools.simulation.shaping import ogg_pieces

    page = ogg_pieces(made.body)[0].size
    arrived = 0
    for at, size in made.arrivals:
        arrived += size
        if arrived >= page:
            return packets(made)[0].at, at
    raise ValueError("the capture has no page with sound")


class Teacher:
    """A source that answers with a race's utterances, one after the other, in the requested format.

    Its ``name`` and ``identity`` are those of the service that it replaces.
    """

    def __init__(self, race: Race, key: str) -> None:
        self._race = race
        self.traits = SourceTraits(name="openai", whole=True, formats=("opus", "pcm"), samples_known=True, identity=key)
        self.number = 0

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Answer with the next utterance."""
        from oggstream.sources.captures.replay_source import ReplaySource

        layout = "pcm" if getattr(options, "format", "") == "pcm" else self._race.layout
        return ReplaySource(capture(self._race, layout, self.number)).open(text, options)


def teach(race: Race, key: str, history: Path) -> None:
    """Speak a race's other utterances in virtual time, to fill ``history`` for ``key``."""
    from oggstream import play_stream
    from oggstream.options import PlaybackOptions
    from oggstream.sinks.null_sink import NullSink

    teacher = Teacher(race, key)
    for number in range(1, LESSONS + 1):
        teacher.number = number
        text = capture(race, race.layout, number).text
        replays.run(
            play_stream(text, source=teacher, sink=NullSink(), options=PlaybackOptions(history=history), format="auto")
        )
