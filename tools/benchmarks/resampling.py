"""Measures resampling: fidelity, delay, CPU time, and the time to the first sound of a body of samples."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from .row import Outcome, Row, Run, milliseconds
from .stats import median

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATES = ((24000, 48000), (22050, 48000), (44100, 48000), (16000, 48000), (8000, 48000), (48000, 44100))
TOP = 0.9  # of half the lower rate: up to there the filters of soxr and scipy are flat
SECONDS = 4.0


def measure_fidelity(run: Run) -> Outcome:
    """Resample sweeps in pieces of 1 to 50 ms, against soxr's best over the whole."""
    import numpy as np
    import soxr

    worst, figures = float("inf"), dict[str, float]()
    for pair in RATES:
        sound = _sweep(pair, run.seconds(SECONDS, least=0.5))
        best = soxr.resample(sound.astype(np.float64), *pair, "VHQ")
        out, held = _resample(sound, pair, np.random.default_rng(1).integers(pair[0] // 1000, pair[0] // 20, 10_000))
        ratio = float(10 * np.log10((best**2).mean() / ((out - best) ** 2).mean()))
        name = f"{pair[0]}-{pair[1]}"
        figures |= {f"{name} dB": ratio, f"{name} held": held}
        worst = min(worst, ratio)
    held = figures["24000-48000 held"]
    measured = f"{worst:.0f} dB at least; {milliseconds(held)} held back at 24 to 48 kHz"
    return Outcome(measured, worst >= 90 and held <= 0.01, figures)


def measure_first_sound(run: Run) -> Outcome:
    """From the bytes of the first 20 ms of PCM at 24 kHz to samples at 48 kHz, with everything loaded and ready."""
    pcm = bytes(960)
    _first_sound(pcm)
    times = [_first_sound(pcm) for _ in range(run.count(1000, least=20))]
    cost = _cost(run.seconds(60, least=1))
    figures = {"first": median(times), "cpu": cost}
    measured = f"{milliseconds(median(times))}; {milliseconds(cost)} of CPU a second"
    return Outcome(measured, median(times) <= 0.001 and cost <= 0.005, figures)


def _sweep(pair: tuple[int, int], seconds: float) -> NDArray[np.float32]:
    import numpy as np

    times = np.arange(int(pair[0] * seconds)) / pair[0]
    top = TOP * min(pair) / 2
    sound: NDArray[np.float32] = (
        0.5 * np.sin(2 * np.pi * (20 * times + (top - 20) / (2 * seconds) * times**2))
    ).astype(np.float32)
    return sound[:, None]


def _resample(sound: NDArray[np.float32], pair: tuple[int, int], sizes: Any) -> tuple[NDArray[np.float32], float]:
    """Return the output, and the most seconds that were held back."""
    import numpy as np

    from oggstream.audio.convert import Converter
    from oggstream.audio.frame import PcmFrame

    converter = Converter(1, pair[1])
    parts: list[NDArray[np.float32]] = []
    at = given = 0
    held = 0.0
    for size in sizes:
        new = converter.convert(PcmFrame(sound[at : at + size], 0, pair[0]))
        at, given = min(at + int(size), len(sound)), given + sum(map(len, new))
        held = max(held, at / pair[0] - given / pair[1])
        parts += new
        if at == len(sound):
            break
    return np.concatenate(parts + converter.finish()), held


def _first_sound(pcm: bytes) -> float:
    from oggstream.audio.convert import Converter
    from oggstream.body.body_reader import BodyReader

    converter = Converter(1)
    began = time.perf_counter()
    reader = BodyReader(content_type="audio/pcm", format="pcm")
    parts = [part for frame in reader.feed(pcm) for part in converter.convert(frame)]  # type: ignore[arg-type]
    taken = time.perf_counter() - began
    assert parts
    return taken


def _cost(seconds: float) -> float:
    """Return the CPU seconds that a second of PCM at 24 kHz takes, in chunks of 4 KB, to samples at 48 kHz."""
    import numpy as np

    from oggstream.audio.convert import Converter
    from oggstream.body.body_reader import BodyReader

    body = np.random.default_rng(1).integers(-9000, 9000, int(24000 * seconds)).astype("<i2").tobytes()
    reader, converter = BodyReader(content_type="audio/pcm", format="pcm"), Converter(1)
    began = time.process_time()
    for at in range(0, len(body), 4096):
        for frame in reader.feed(body[at : at + 4096]):
            converter.convert(frame)  # type: ignore[arg-type]
    return (time.process_time() - began) / seconds


ROWS = [
    Row(
        "resampler",
        "sweeps to 0.9 of the band at six pairs of rates, in pieces, against soxr's best; sound held back",
        ">= 90 dB, <= 10 ms",
        measure_fidelity,
    ),
    Row(
        "samples",
        "20 ms of PCM at 24 kHz, from bytes to 48 kHz, ready for the ring; CPU for a second of it",
        "<= 1 ms, <= 5 ms",
        measure_first_sound,
    ),
]
