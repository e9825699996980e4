"""Measures the CPU time of ``decode``, as a whole process, against ffmpeg and opusdec."""

from __future__ import annotations

from functools import partial

from . import material
from .process import US, measure
from .row import Outcome, Row, Run
from .stats import alternate

BEST_OF = 5


def measure_decode(run: Run) -> Outcome:
    """Decode ten minutes to 16 bits with each program in turn."""
    stream = str(material.ogg_file(run.folder, run.seconds(600, least=2)))
    out = str(run.folder / "decoded.wav")
    commands = [
        [*US, "decode", stream, out, "--quiet"],
        ["ffmpeg", "-nostdin", "-v", "error", "-y", "-c:a", "opus", "-i", stream, "-c:a", "pcm_s16le", out],
        ["opusdec", "--quiet", "--force-wav", "--rate", "48000", stream, out],
    ]
    taken = alternate(run.count(BEST_OF), *(partial(measure, command) for command in commands))
    ours, ffmpeg, opusdec = (min(usage.cpu for usage in usages) for usages in taken)
    against = {"ffmpeg": ours / ffmpeg, "opusdec": ours / opusdec}
    return Outcome(
        f"{against['ffmpeg']:.2f} x, {against['opusdec']:.2f} x ({ours:.2f} s, {ffmpeg:.2f} s, {opusdec:.2f} s)",
        against["ffmpeg"] <= 1.3 and against["opusdec"] <= 0.6,
        {**against, "ours": ours, "ffmpeg_cpu": ffmpeg, "opusdec_cpu": opusdec},
    )


ROWS = [
    Row(
        "decode",
        "`decode` of 10 minutes of mono speech to 16 bits, whole process: CPU against ffmpeg (its own decoder) and "
        "opusdec, best of five",
        "<= 1.3 x, <= 0.6 x",
        measure_decode,
        programs=["ffmpeg", "opusdec"],
    )
]
