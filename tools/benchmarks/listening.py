"""Records the output of a player from the virtual sound card, on the clock of this machine."""

from __future__ import annotations

import subprocess
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RATE = 48000
FRAME_BYTES = 8  # float32 in two channels
BLOCK = 0.005  # seconds over which loudness is measured
SILENT = 10 ** (-68 / 20)  # rms below which it is silent: the speech has a noise floor of -48 dBFS
SHORTEST = 0.02  # seconds of silence that count as a gap
COMMAND = ["parec", "--raw", "--device=SINK.monitor", "--format=float32le", "--rate=48000", "--channels=2"]


class Heard(NamedTuple):
    """The content of a recording, in seconds: the first sound (CLOCK_MONOTONIC), gaps after it, and all sound."""

    first: float
    gaps: int
    silence: float
    sound: float


class Recorder:
    """Records what the card plays, from `start` to `stop`, and knows when each sample was played.

    Samples come in chunks, each a little after it was played; the promptest chunks give the start of the recording, to
    the length of one of the server's blocks, which is 10 ms at most and the same for all players.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._zero = float("inf")

    def start(self) -> None:
        """Start recording; return when it runs."""
        self._process = subprocess.Popen(
            [*COMMAND, "--latency-msec=10"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        while not self._size:
            time.sleep(0.005)

    def stop(self) -> None:
        """End the recording."""
        self._process.terminate()
        self._process.wait()
        self._thread.join()

    def samples(self) -> tuple[NDArray[np.float32], float]:
        """The samples of both channels, and when the first one was played."""
        import numpy as np

        data = b"".join(self._pieces)
        whole = len(data) // FRAME_BYTES * FRAME_BYTES
        return np.frombuffer(data[:whole], np.float32).reshape(-1, 2), self._zero

    def _read(self) -> None:
        assert self._process.stdout is not None
        while piece := self._process.stdout.read(1 << 16):
            now = time.monotonic()
            self._pieces.append(piece)
            self._size += len(piece)
            self._zero = min(self._zero, now - self._size / FRAME_BYTES / RATE)


def heard(samples: NDArray[np.float32], zero: float) -> Heard | None:
    """Analyse a recording; None if it is silent."""
    import numpy as np

    size = round(BLOCK * RATE)
    blocks = samples[: len(samples) // size * size, 0].reshape(-1, size)
    loud = np.sqrt(np.mean(blocks * blocks, axis=1)) > SILENT
    places = np.flatnonzero(loud)
    if not len(places):
        return None
    begin = places[0] * size
    exact = int(np.flatnonzero(np.abs(samples[begin : begin + size, 0]) > SILENT)[0])
    gaps = _runs(~loud[places[0] : places[-1] + 1])
    silence = sum(gaps)
    return Heard(zero + (begin + exact) / RATE, len(gaps), silence, (places[-1] + 1 - places[0]) * BLOCK - silence)


def _runs(silent: NDArray[np.bool_]) -> list[float]:
    """Seconds of each silence of `SHORTEST` or more."""
    import numpy as np

    edges = np.flatnonzero(np.diff(np.concatenate([[False], silent, [False]]).astype(np.int8)))
    lengths = (edges[1::2] - edges[::2]) * BLOCK
    return [float(length) for length in lengths if length >= SHORTEST - BLOCK / 2]
