"""Measures the clicks where sound stops because a packet is late, and where it resumes."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from . import replays
from .row import Outcome, Row, Run
from .stats import percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from oggstream.options import PlaybackOptions
    from oggstream.sources.captures.capture import Capture
    from tools.simulation.synthesis import Progress

    Samples = NDArray[np.float32]

RATE = 48000
SECONDS = 60.0
WINDOW = 0.002  # seconds on each side of an edge
CLICK_HZ = 8000  # speech has little above; a broken wave has much
FLOOR = 1e-6  # rms that counts as silence
AUDIBLE = 10 ** (-40 / 20)  # least rms of speech in which a click can be measured
NEAR = 0.005  # seconds on each side in which there must be speech
FADED = 0.02  # seconds after which every fade is over
SILENT = 0.001  # shortest silence, in seconds
SAME = 480  # samples that identify a place in the speech


class Edge(NamedTuple):
    """A place at which the sound changes, as a sample of the recording and of the expected speech.

    ``kind``: "cut": it falls silent; "resume": it resumes; "seam": concealment begins, or ends without silence.
    """

    kind: str
    recorded: int
    spoken: int


def measure_clicks(run: Run) -> Outcome:
    """Play speech whose packets are late by 20 to 500 ms, and examine every edge in the recording."""
    from oggstream.options import PlaybackOptions

    seconds = run.seconds(SECONDS, least=12)
    options = PlaybackOptions(history=None, slowest=1.0, start_buffer=0.0, resume_buffer=0.0)
    found: dict[str, list[float]] = {"cut": [], "resume": [], "seam": []}
    for seed in range(3):
        made = replays.capture(f"clicks-{seed}", seconds, "20ms", _faltering(seconds, seed))
        speech, recording = _decoded(made.body), _recorded(made, options)
        for edge in edges(recording, speech):
            if _sounds(speech, edge.spoken):
                found[edge.kind].append(click_db(recording, speech, edge))
    figures = {f"{kind}_p{share}": percentile(found[kind], share) for kind in found for share in (50, 95)}
    words = ", ".join(f"{kind} {figures[f'{kind}_p95']:.1f} dB ({len(values)})" for kind, values in found.items())
    return Outcome(words, figures["cut_p95"] <= -5 and figures["resume_p95"] <= -5, figures)


def _faltering(seconds: float, seed: int) -> Progress:
    """A real-time service that pauses every 0.4 to 1.2 s, for 20 to 500 ms."""
    from tools.simulation.synthesis import Progress

    chance = random.Random(f"clicks/{seed}")  # noqa: S311  # a model, not a secret
    audio, at = 0.0, replays.FIRST
    points = [(audio, at)]
    while audio < seconds:
        run = min(chance.uniform(0.4, 1.2), seconds - audio)
        audio, at = audio + run, at + run
        points.append((audio, at))
        at += chance.uniform(0.02, 0.5)
        points.append((audio, at))
    return Progress(points)


def _recorded(made: Capture, options: PlaybackOptions) -> Samples:
    from oggstream.sinks.null_sink import NullSink

    sink = NullSink(channels=1, record=True)
    replays.replay(made, options, sink)
    return sink.recording[:, 0]


def _decoded(body: bytes) -> Samples:
    import numpy as np

    from oggstream.codec.frame_decoder import FrameDecoder
    from oggstream.opus.opus_reader import OpusReader

    reader, decoder = OpusReader(), FrameDecoder()
    items = [*reader.feed(body), *reader.finish()]
    frames = [frame for item in items for frame in decoder.decode(item)] + decoder.finish()
    return np.concatenate([frame.pcm for frame in frames])[:, 0]


def edges(recording: Samples, speech: Samples) -> Iterator[Edge]:
    """Compare both: where the recording leaves the speech, concealment begins; later it returns to the speech.

    The speech continues with the sample at which it was left, under a fade that ends within `FADED`.
    """
    import numpy as np

    heard = _find(recording, speech[:SAME], 0)
    spoken = 0
    ahead = round(FADED * RATE)
    while heard is not None:
        length = min(len(recording) - heard, len(speech) - spoken)
        differs = np.flatnonzero(recording[heard : heard + length] != speech[spoken : spoken + length])
        if not len(differs):
            return
        heard, spoken = heard + int(differs[0]), spoken + int(differs[0])
        again = _find(recording, speech[spoken + ahead : spoken + ahead + SAME], heard)
        if again is None:
            return
        yield from _between(recording, Edge("seam", heard, spoken), again - ahead)
        heard, spoken = again, spoken + ahead


def _between(recording: Samples, left: Edge, resumed: int) -> Iterator[Edge]:
    """The edges between the place where the speech was left and the one where it is ``resumed``."""
    import numpy as np

    loud = np.flatnonzero(recording[left.recorded : resumed])
    lasts = int(loud[-1]) + 1 if len(loud) else 0
    silent = resumed - left.recorded - lasts >= SILENT * RATE
    if lasts:
        yield left
    if silent:
        yield Edge("cut", left.recorded + lasts, left.spoken + lasts)
    yield Edge("resume" if silent else "seam", resumed, left.spoken)


def _find(recording: Samples, pattern: Samples, begin: int) -> int | None:
    """The next position of ``pattern``, which is not silent."""
    import numpy as np

    peak = int(np.argmax(np.abs(pattern))) if len(pattern) else 0
    if not len(pattern) or not pattern[peak]:
        return None
    places = np.flatnonzero(recording[begin + peak :] == pattern[peak]) + begin
    for at in places:
        if np.array_equal(recording[at : at + len(pattern)], pattern):
            return int(at)
    return None


def click_db(recording: Samples, speech: Samples, edge: Edge) -> float:
    """Energy above 8 kHz near an edge, in dB relative to the unbroken speech at the same place.

    At a seam, relative to the loudest of that and of the sound just before and after.
    """
    import numpy as np

    unbroken = [_high_energy(speech, edge.spoken)]
    if edge.kind == "seam":
        beside = round(2 * WINDOW * RATE)
        unbroken += [_high_energy(recording, edge.recorded - beside), _high_energy(recording, edge.recorded + beside)]
    return 10 * float(np.log10(_high_energy(recording, edge.recorded) / max(unbroken)))


def _high_energy(signal: Samples, edge: int) -> float:
    import numpy as np

    half = round(WINDOW * RATE)
    window = np.hanning(2 * half + 1)[:-1]
    part = np.pad(signal, half)[edge : edge + 2 * half]
    spectrum = np.fft.rfft(part * window)
    high = np.fft.rfftfreq(2 * half, 1 / RATE) >= CLICK_HZ
    floor = FLOOR**2 * float(window @ window) * int(high.sum())
    return float((np.abs(spectrum[high]) ** 2).sum()) + floor


def _sounds(speech: Samples, at: int) -> bool:
    import numpy as np

    near = speech[max(0, at - round(NEAR * RATE)) : at + round(NEAR * RATE)]
    return float(np.sqrt(np.mean(near * near))) > AUDIBLE


ROWS = [
    Row(
        "clicks",
        "energy above 8 kHz at cuts and resumes against the unbroken speech, p95",
        "<= -5 dB; seams: no promise",
        measure_clicks,
    )
]
