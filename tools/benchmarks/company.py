"""Measures whether speech stays intact while the process is busy: plays on a virtual sound card and records."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from . import card
from .row import Outcome, Row, Run, Skip

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from oggstream import DeviceSink
    from oggstream.audio.ring import PcmRing

RATE = 48000
SECONDS = 20
LATENCY = 0.02
SWITCH_INTERVAL = 0.0003
MARGIN_SECONDS = 1.0
IN_FLIGHT_SECONDS = 0.1
SEED = 1


class Damage(NamedTuple):
    """How a recording differs from the speech: whether it is intact, gaps, their seconds, and missing seconds."""

    whole: bool
    gaps: int
    silence: float
    missing: float

    def __str__(self) -> str:
        if self.whole:
            return "whole"
        return f"{self.gaps} gaps, {self.silence:.1f} s of silence, {self.missing:.2f} s missing"


# Competing work in the process. Each function runs until ``stop`` is set.


def spin(stop: threading.Event) -> None:
    """Spin in a loop."""
    number = 0
    while not stop.is_set():
        for _ in range(10_000):
            number += 1


def collect(stop: threading.Event) -> None:
    """Collect garbage over a million objects, again and again."""
    kept = [[number] for number in range(1_000_000)]
    while not stop.is_set():
        gc.collect()
    kept.clear()


def sort(stop: threading.Event) -> None:
    """Sort 300,000 numbers, again and again: a call that holds the interpreter's lock."""
    chance = random.Random(SEED)  # noqa: S311  # no secret
    numbers = [chance.random() for _ in range(300_000)]
    while not stop.is_set():
        sorted(numbers)


COMPANY: dict[str, list[Callable[[threading.Event], None]]] = {
    "nobody": [],  # the machine's own gaps
    "four busy threads": [spin] * 4,
    "gc.collect of 1,000,000": [collect],
    "sorted of 300,000": [sort],
}


@contextmanager
def at_work(workers: list[Callable[[threading.Event], None]]) -> Iterator[None]:
    """Run ``workers``, each in a thread."""
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,)) for work in workers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def measure_native(run: Run) -> Outcome:
    """The callback in C beside each kind of work."""
    from oggstream import DeviceSink

    os.environ.pop("OGGSTREAM_PYTHON_CALLBACK", None)
    if DeviceSink().callback != "c":
        raise Skip("the callback in C was not built: install with a C compiler")
    found = _beside_each(run)
    return _outcome(found, all(damage.whole for damage in found.values()))


def measure_python(run: Run) -> Outcome:
    """The callback in Python beside each kind of work. Nothing is promised."""
    os.environ["OGGSTREAM_PYTHON_CALLBACK"] = "1"
    return _outcome(_beside_each(run), True)


def measure_shortened(run: Run) -> Outcome:
    """The same with a shorter switch interval. Nothing is promised."""
    os.environ["OGGSTREAM_PYTHON_CALLBACK"] = "1"
    return _outcome(_beside_each(run, SWITCH_INTERVAL), True)


def _beside_each(run: Run, switch_interval: float | None = None) -> dict[str, Damage]:
    with card.plugged_in(), _quiet():
        return {name: asyncio.run(_play(run, workers, switch_interval)) for name, workers in COMPANY.items()}


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress ALSA's line for every underrun on the terminal."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


async def _play(run: Run, workers: list[Callable[[threading.Event], None]], switch_interval: float | None) -> Damage:
    """Play noise as the engine does, with a full ring, beside ``workers``, and compare the recording.

    Sound that gaps delay beyond the regular time is not waited for.
    """
    from oggstream import DeviceSink
    from oggstream.audio.ring import PcmRing

    seconds = run.seconds(SECONDS, least=0.5)
    speech = _noise(seconds)
    path = run.folder / f"company-{time.monotonic_ns()}.f32"
    sink = DeviceSink(latency=LATENCY, switch_interval=switch_interval)
    form = await sink.prepare()
    ring = PcmRing(form.channels or 2, form.rate)
    try:
        with card.recorded(path), at_work(workers), suppress(TimeoutError):
            async with asyncio.timeout(seconds + MARGIN_SECONDS):
                await _play_through(sink, ring, speech)
    finally:
        await sink.aclose()
    return damage(speech[: ring.read], path)


async def _play_through(sink: DeviceSink, ring: PcmRing, speech: NDArray[np.float32]) -> None:
    ring.write(speech)
    ring.begin()
    sink.start(ring)
    while ring.written < len(speech):
        await asyncio.sleep(0.02)
        ring.write(speech[ring.written :])
    ring.finish()
    await sink.drain()
    await asyncio.sleep(0.2)  # the sound server's own buffer


def _noise(seconds: float) -> NDArray[np.float32]:
    """Noise without a silent sample: every sample can be found again, and every silent one was inserted."""
    import numpy as np

    values = np.random.default_rng(SEED).uniform(0.1, 0.9, (round(seconds * RATE), 2))
    return values.astype(np.float32)


def damage(speech: NDArray[np.float32], path: Path) -> Damage:
    """Compare the recording in ``path`` with ``speech``, sample by sample."""
    import numpy as np

    data = path.read_bytes()
    recording = np.frombuffer(data[: len(data) // 8 * 8], np.float32).reshape(-1, 2)
    loud = np.flatnonzero(recording.any(axis=1))
    if not len(loud):
        return Damage(False, 0, 0.0, len(speech) / RATE)
    sound = recording[loud[0] : loud[-1] + 1]
    if np.array_equal(sound, speech):
        return Damage(True, 0, 0.0, 0.0)
    silent: NDArray[np.bool_] = ~np.any(sound != 0, axis=1)
    gaps = int(np.count_nonzero(silent[1:] & ~silent[:-1]))
    found = np.isin(speech[:, 0], sound[:, 0])
    found[-round(IN_FLIGHT_SECONDS * RATE) :] = True  # handed over, but perhaps not played before the stop
    return Damage(False, gaps, silent.sum() / RATE, np.count_nonzero(~found) / RATE)


def _outcome(found: dict[str, Damage], reached: bool) -> Outcome:
    words = "; ".join(f"{name}: {damage}" for name, damage in found.items())
    figures: dict[str, float] = {}
    for name, each in found.items():
        figures |= {f"{name}, {what}": float(value) for what, value in each._asdict().items()}
    return Outcome(words, reached, figures)


def measure_blocked(run: Run) -> Outcome:
    """Block the event loop in mid-speech, with all packets received: the ring must last."""
    import oggstream

    from . import material

    seconds = run.seconds(4, least=3)
    body = material.ogg_file(run.folder, seconds)
    path = run.folder / "blocked.f32"

    async def speak() -> None:
        sink = oggstream.DeviceSink(latency=LATENCY)
        loop = asyncio.get_running_loop()
        try:
            await sink.prepare()
            loop.call_later(1.0, time.sleep, 1.0)
            await oggstream.play_stream("Hello.", source=oggstream.FileSource(body), sink=sink)
            await asyncio.sleep(0.2)
        finally:
            await sink.aclose()

    with card.plugged_in(), card.recorded(path):
        asyncio.run(speak())
    found = damage(_decoded(body), path)
    return _outcome({"loop blocked for 1 s": found}, found.whole)


def _decoded(body: Path) -> NDArray[np.float32]:
    """The samples of a mono file, in two channels, from the first audible one to the last."""
    import numpy as np

    from oggstream.codec.frame_decoder import FrameDecoder
    from oggstream.opus.opus_reader import OpusReader

    reader, decoder = OpusReader(), FrameDecoder()
    items = [*reader.feed(body.read_bytes()), *reader.finish()]
    frames = [frame for item in items for frame in decoder.decode(item)] + decoder.finish()
    pcm = np.concatenate([frame.pcm for frame in frames])
    pcm = np.repeat(pcm, 2, axis=1) if pcm.shape[1] == 1 else pcm
    loud = np.flatnonzero(pcm.any(axis=1))
    return pcm[loud[0] : loud[-1] + 1]


NEEDED = ["pulseaudio", "parec"]
ROWS = [
    Row("company", "dropouts beside busy threads, callback in C, device at 20 ms", "none", measure_native, NEEDED),
    Row("python", "the same with the callback in Python", "no promise", measure_python, NEEDED),
    Row("interval", "the same with switch_interval=0.0003", "no promise", measure_shortened, NEEDED),
    Row("blocked", "dropouts when the event loop is blocked for 1 s in mid-speech", "none", measure_blocked, NEEDED),
]
