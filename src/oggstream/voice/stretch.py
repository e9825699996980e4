"""Slower or faster speech at the same pitch.

Waveform-similarity overlap-add (WSOLA; Verhelst and Roelands, ICASSP 1993).

The output is made of segments of the input that overlap by half. Each is taken from near where the stretched time
says, at the place (within the tolerance) that resembles most what would have followed the segment before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING

from .engine import Block, SpokenWord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

SEGMENT_SECONDS = 0.030
TOLERANCE_SECONDS = 0.008


class Stretcher:
    """Stretches mono 16-bit PCM of ``rate`` by ``factor`` (0.5 to 4). Fed in pieces, it holds about 60 ms back."""

    def __init__(self, rate: int, factor: float) -> None:
        import numpy as np

        self._factor = factor
        self._half = int(rate * SEGMENT_SECONDS / 2)
        self._tolerance = int(rate * TOLERANCE_SECONDS)
        self._fade = np.linspace(0, 1, self._half, endpoint=False, dtype=np.float32)
        self._input: NDArray[np.float32] = np.zeros(0, np.float32)
        self._start = 0  # position in the whole input of self._input[0]
        self._end = 0  # length of the whole input so far
        self._made = 0  # length of the whole output so far
        self._follows = 0  # where in the whole input that goes on which was written last
        self._segments: deque[tuple[int, int]] = deque()  # where each begins in input and output; for `place`

    def feed(self, samples: Samples) -> Samples:
        """Take more input, of any length; returns the output that is ready, perhaps none."""
        import numpy as np

        self._input = np.concatenate((self._input, samples.astype(np.float32)))
        self._end += len(samples)
        pieces = []
        while self._next_needs() <= self._end:
            pieces.append(self._next_half())
        self._forget()
        return _int16(pieces)

    def finish(self) -> Samples:
        """The rest: all the output is then ``round(factor * input)`` samples long."""
        import numpy as np

        total = round(self._end * self._factor)
        missing = total - self._made
        enough = self._next_needs() - self._end + int(missing / self._factor) + self._half
        silence = np.zeros(enough, np.int16)
        return self.feed(silence)[:missing]

    def place(self, position: int) -> int | None:
        """Where in the output the sample ``position`` of the input is first heard; None if it is not made yet.

        To be asked in rising order: what lies before is forgotten.
        """
        while self._segments and self._segments[0][0] + self._half <= position:
            self._segments.popleft()
        if not self._segments:
            return None
        begin, made = self._segments[0]
        return made + max(0, position - begin)

    def _next_needs(self) -> int:
        """Length of input at which the next half segment can be made."""
        return max(self._target() + self._tolerance, self._follows) + 2 * self._half

    def _target(self) -> int:
        return int(self._made / self._factor)

    def _next_half(self) -> NDArray[np.float32]:
        """Cross-fade from what follows the last segment into the segment that resembles it most."""
        import numpy as np

        follows = self._at(self._follows, self._half)
        first = max(self._start, self._target() - self._tolerance)
        choice = self._at(first, self._target() + self._tolerance - first + self._half)
        energy = np.convolve(choice * choice, np.ones(self._half, np.float32), "valid")
        likeness = np.correlate(choice, follows, "valid") / np.sqrt(np.maximum(energy, 1.0))
        best = first + int(np.argmax(likeness))
        piece = follows + self._fade * (self._at(best, self._half) - follows)
        self._follows = best + self._half
        self._segments.append((best, self._made))
        self._made += self._half
        return piece

    def _at(self, position: int, count: int) -> NDArray[np.float32]:
        return self._input[position - self._start : position - self._start + count]

    def _forget(self) -> None:
        keep = max(self._start, min(self._follows, self._target() - self._tolerance))
        self._input = self._input[keep - self._start :]
        self._start = keep


def stretched(items: Iterator[Block | SpokenWord], rate: int, factor: float) -> Iterator[Block | SpokenWord]:
    """The items of an engine, ``factor`` times as long: blocks as 16-bit samples, and words where they are heard then.

    Words wait until their sound is made.
    """
    stretcher = Stretcher(rate, factor)
    places = _Places(stretcher)
    made = 0
    for item in items:
        if isinstance(item, SpokenWord):
            places.add(item)
        else:
            block = stretcher.feed(_as_int16(item))
            made += len(block)
            if len(block):
                yield block
        yield from places.known()
    rest = stretcher.finish()
    if len(rest):
        yield rest
    yield from places.known(made + len(rest))


class _Places:
    """Words that wait for their place in the stretched sound; places are asked for in rising order, and once."""

    def __init__(self, stretcher: Stretcher) -> None:
        self._place = stretcher.place
        self._waiting: deque[SpokenWord] = deque()
        self._begins: int | None = None  # of the word that waits longest

    def add(self, word: SpokenWord) -> None:
        self._waiting.append(word)

    def known(self, total: int | None = None) -> Iterator[SpokenWord]:
        """The words whose place is known by now; all of them once the sound has ended at ``total``."""
        while self._waiting:
            word = self._waiting[0]
            if self._begins is None:
                self._begins = _or(self._place(word.begins), total)
            ends = _or(self._place(word.ends), total)
            if self._begins is None or ends is None:
                return
            self._waiting.popleft()
            yield word._replace(begins=self._begins, ends=max(self._begins, ends))
            self._begins = None


def _or(place: int | None, total: int | None) -> int | None:
    return total if place is None else place


def _as_int16(block: Block) -> Samples:
    import numpy as np

    if memoryview(block).format == "h":
        return np.frombuffer(block, np.int16)
    return _int16([np.frombuffer(block, np.float32) * 32767])


def _int16(pieces: list[NDArray[np.float32]]) -> Samples:
    import numpy as np

    if not pieces:
        return np.zeros(0, np.int16)
    return np.clip(np.rint(np.concatenate(pieces)), -32768, 32767).astype(np.int16)
