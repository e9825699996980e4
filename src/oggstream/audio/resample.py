"""Another sample rate, with the sound of soxr and a tenth of its delay.

soxr filters by Fourier transforms of whole blocks and gives nothing until one is full: 20 to 170 ms at the rates of
speech. Its filter itself is 2 to 5 ms long on either side. So that filter is taken from soxr once, as the response to
single impulses, and applied in the time domain, where an output sample waits for no more than its own inputs.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

QUALITY = "VHQ"
"""soxr's best: flat to 0.91 of the lower rate's half."""
SIDE = 112
"""Samples of the lower rate on either side of the filter's middle; the rest of it holds less than -120 dB."""
MOST_TERMS = 1024
"""Ratios of greater numbers, of rates that nobody uses, are left to soxr: a table of their filter would be large."""

KEPT = 8
"""Filters that are kept for the next time."""

_BLOCK = 128  # inputs per product of matrices, at least: few enough calls, and little that is multiplied by 0


class Resampler(Protocol):
    """One stream from one rate to another: float32 of shape (samples, channels) in and out, aligned in time."""

    def feed(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """What can be told from the samples up to here; maybe none."""
        ...

    def finish(self) -> NDArray[np.float32]:
        """The rest; in all, the input's length at the new rate, to the sample. Nothing may follow."""
        ...


def resampler(input_rate: int, rate: int, channels: int) -> Resampler:
    """Return one for these rates (Hz). Its filter is made at the first call with them, in 0.2 to 4 ms."""
    common = gcd(input_rate, rate)
    up, down = rate // common, input_rate // common
    if max(up, down) > MOST_TERMS:
        return _Soxr(input_rate, rate, channels)
    return _Direct(_filter(up, down), channels)


class _Filter(NamedTuple):
    """``matrix`` makes a block of ``block`` inputs and what lies around them into up / down times as many outputs."""

    up: int
    down: int
    block: int
    side: int  # inputs that an output needs before, and after, the one at its time
    matrix: NDArray[np.float32]


class _Direct:
    """The filter in the time domain."""

    def __init__(self, given: _Filter, channels: int) -> None:
        import numpy as np

        self._filter = given
        self._inputs = np.zeros((given.side, channels), np.float32)  # from the first that is still needed on
        self._row = 0  # of the matrix, for the next output
        self._taken = 0
        self._given = 0

    def feed(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        self._taken += len(pcm)
        out = self._advance(pcm)
        self._given += len(out)
        return out

    def finish(self) -> NDArray[np.float32]:
        import numpy as np

        up, down, _, side, _ = self._filter
        total = (2 * self._taken * up + down) // (2 * down)  # rounded
        silence = np.zeros((side + 1, self._inputs.shape[1]), np.float32)
        return self._advance(silence)[: total - self._given]

    def _advance(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        import numpy as np

        up, down, block, side, matrix = self._filter
        inputs = np.concatenate((self._inputs, pcm))
        parts = []
        at, row = 0, self._row
        while True:
            there = inputs[at : at + matrix.shape[1]]
            # An output at the time of input i, or later, needs those up to i + 2 * side, counted in ``there``.
            end = min(len(matrix), max(row, -(-(len(there) - 2 * side) * up // down)))
            parts.append(matrix[row:end, : len(there)] @ there)
            row = end
            if end < len(matrix):
                break
            at, row = at + block, 0
        self._inputs, self._row = inputs[at:].copy(), row
        return np.concatenate(parts) if len(parts) > 1 else parts[0]


class _Soxr:
    """soxr's own stream."""

    def __init__(self, input_rate: int, rate: int, channels: int) -> None:
        import soxr

        self._channels = channels
        self._stream: Any = soxr.ResampleStream(input_rate, rate, channels, "float32", "HQ")

    def feed(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        out: NDArray[np.float32] = self._stream.resample_chunk(pcm)
        return out

    def finish(self) -> NDArray[np.float32]:
        import numpy as np

        out: NDArray[np.float32] = self._stream.resample_chunk(np.empty((0, self._channels), np.float32), last=True)
        return out


@lru_cache(maxsize=KEPT)
def _filter(up: int, down: int) -> _Filter:
    """The matrix of a whole number of periods: row by row the response of each phase, where its inputs are."""
    import numpy as np

    side = -(-SIDE * max(up, down) // up)
    periods = -(-_BLOCK // down)
    block = periods * down
    phases = _phases(up, down, side)
    matrix = np.zeros((periods * up, block + 2 * side), np.float32)
    for row in range(len(matrix)):
        first, phase = divmod(row * down, up)
        matrix[row, first : first + 2 * side + 1] = phases[phase]
    return _Filter(up, down, block, side, matrix)


def _phases(up: int, down: int, side: int) -> NDArray[np.float64]:
    """How much of the inputs from -side to side an output holds, by how far (in 1 / up) it comes after input 0.

    Impulses that are a filter's length apart, each at another phase of the period, show all of it at once.
    """
    import numpy as np
    import soxr

    step = -(-(2 * side + 2) // down) * down + 1
    places = 2 * side + step * np.arange(down)
    impulses = np.zeros(places[-1] + 2 * side)
    impulses[places] = 1
    answer = soxr.resample(impulses, down, up, QUALITY)
    inputs, phases = np.divmod(np.arange(len(answer)) * down, up)
    shares = np.zeros((up, 2 * side + 1))
    for place in places:
        near = slice(-((side - place) * up // down), -((-side - 1 - place) * up // down))
        shares[phases[near], place + side - inputs[near]] = answer[near]
    return shares
