"""Measures how whole speech stays on a machine with far more to do than it has cores, beside other players."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from . import card
from .process import US
from .row import Outcome, Row, Run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 48000
SECONDS = 12
LOOPS = 8  # processes that do nothing but count, at the usual priority
ROUNDS = 3
BLOCK = 96  # samples of the recording that are judged together: 2 ms
SILENT = 1e-4
OURS, ADAPTING = "oggstream", "oggstream, first time"
OTHERS = {
    "mpv": ["mpv", "--no-config", "--no-video", "--no-terminal", "--ao=pulse"],
    "paplay": ["paplay"],
}


class Gaps(NamedTuple):
    """Of a recorded tone: how often it was silent, and for how many seconds in all."""

    number: int
    seconds: float


def measure_busy(run: Run) -> Outcome:
    """Play a tone beside busy loops: with us once, to find the latency, then with us and the others in turn."""
    tone = run.folder / "tone.wav"
    _write_tone(tone, run.seconds(SECONDS, least=0.5))
    players = {OURS: [*US, "play", "--quiet"]}
    players |= {name: command for name, command in OTHERS.items() if shutil.which(name)}
    with card.plugged_in(), busy(run.count(LOOPS)):
        found = {ADAPTING: [_play(run, players[OURS], tone)]}
        found |= {name: [] for name in players}
        for _ in range(run.count(ROUNDS)):
            for name, command in players.items():
                found[name].append(_play(run, command, tone))
        load = os.getloadavg()[0]
    return _outcome(found, load)


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    """Keep so many processes busy."""
    processes = [subprocess.Popen([sys.executable, "-S", "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def _write_tone(path: Path, seconds: float) -> None:
    import numpy as np

    pcm = np.rint(8000 * np.sin(2764.6 * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm.tobytes())


def _play(run: Run, command: list[str], tone: Path) -> Gaps:
    """Play the tone and judge the recording. What a run of ours learns is kept in the folder of the row."""
    path = run.folder / "busy.f32"
    environment = {**os.environ, "XDG_CACHE_HOME": str(run.folder / "cache")}
    with card.recorded(path):
        subprocess.run([*command, str(tone)], env=environment, stderr=subprocess.DEVNULL, check=True)
    import numpy as np

    data = path.read_bytes()
    return gaps(np.frombuffer(data[: len(data) // 8 * 8], np.float32).reshape(-1, 2)[:, 0])


def gaps(samples: NDArray[np.float32]) -> Gaps:
    """The silences between the first sound and the last."""
    import numpy as np

    loud = np.flatnonzero(np.abs(samples) > SILENT)
    if not len(loud):
        return Gaps(1, len(samples) / RATE)
    sound = samples[loud[0] : loud[-1] + 1]
    silent = np.abs(sound[: len(sound) // BLOCK * BLOCK].reshape(-1, BLOCK)).max(axis=1, initial=0) <= SILENT
    begins = np.count_nonzero(silent[1:] & ~silent[:-1])
    return Gaps(int(begins), float(silent.sum() * BLOCK / RATE))


class _Total(NamedTuple):
    number: int
    seconds: float
    runs: int


def _total(runs: list[Gaps]) -> _Total:
    return _Total(sum(each.number for each in runs), sum(each.seconds for each in runs), len(runs))


def _outcome(found: dict[str, list[Gaps]], load: float) -> Outcome:
    totals = {name: _total(runs) for name, runs in found.items()}
    words = [f"{name} {total.number} in {total.runs} runs ({total.seconds:.2f} s)" for name, total in totals.items()]
    figures = {f"{name}, gaps": float(total.number) for name, total in totals.items()} | {"load": load}
    reached = "mpv" not in totals or totals[OURS].number <= totals["mpv"].number
    return Outcome(f"gaps: {'; '.join(words)}; load {load:.0f}", reached, figures)


ROWS = [
    Row(
        "busy",
        f"gaps in a tone of {SECONDS} s beside {LOOPS} busy loops, once the latency is found",
        "not more than mpv's",
        measure_busy,
        ["pulseaudio", "parec"],
    ),
]
