"""The ring between the event loop, which writes, and the audio thread, which reads.

One writer, one reader, no lock: every attribute is written by one side only (its comment says which), positions are
counters that only grow, and the writer publishes a position after the samples that it stands for. Nothing here
allocates more than a few views per call, and nothing needs numpy: the callback of a device may call `read_into`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from typing import TYPE_CHECKING

from .frame import RATE

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

BYTES_PER_SAMPLE = 4  # float32
FADE_SECONDS = 0.005
MAX_RUNS = 10_000  # stalls that the time line keeps; past that, times are read off the latest one


class PcmRing:
    """Float32 samples of a fixed number of channels and rate, ``seconds`` long, allocated once.

    The writer calls `write`, then `begin` when sound may start, `finish` after the last sample, and `cut` to fade out
    at once. The reader calls `read_into` for every block that the device wants, with the time at which the block's
    first sample reaches the converter; from these the ring knows what has been heard, and when.
    """

    def __init__(self, channels: int, rate: int = RATE, seconds: float = 2.0) -> None:
        self.channels = channels
        self.rate = rate
        self.capacity = math.ceil(seconds * rate)
        self.frame_bytes = BYTES_PER_SAMPLE * channels
        self._store = memoryview(bytearray(self.capacity * self.frame_bytes))

        self.written = 0  # writer: samples ever written
        self.playing = False  # writer: the playout rule let go
        self.length: int | None = None  # writer: total samples, known once the stream has ended
        self.resume_fill = 0  # writer: samples needed to go on after a stall
        self.cutting = False  # writer: fade out and stay silent
        self.on_write: Callable[[], None] | None = None  # reader, before start: called by the writer after each write

        self.read = 0  # reader: samples ever handed to the device
        self.stalled = False  # reader: ran empty before the end
        self.stalls = 0  # reader: how often it did
        self.stalled_samples = 0  # reader: silence put in instead
        self.silenced = False  # reader: the fade of `cut` has been handed to the device
        self.runs: list[tuple[int, float]] = []  # reader: (position, time) where unbroken sound began

    # The writer's side.

    @property
    def fill(self) -> int:
        """Samples written and not yet read."""
        return self.written - self.read

    @property
    def space(self) -> int:
        """Samples that `write` would take now."""
        return self.capacity - self.fill

    def write(self, pcm: Buffer) -> int:
        """Copy interleaved float32 samples (C-contiguous) in, as many as there is room for; return how many."""
        source = memoryview(pcm).cast("B")
        count = min(len(source) // self.frame_bytes, self.space)
        at = self.written % self.capacity
        head = min(count, self.capacity - at)
        size = self.frame_bytes
        self._store[at * size : (at + head) * size] = source[: head * size]
        self._store[: (count - head) * size] = source[head * size : count * size]
        self.written += count
        if self.on_write is not None:
            self.on_write()
        return count

    def begin(self) -> None:
        """Let the reader have samples. Before this it gets silence, which is not a stall."""
        self.playing = True
        if self.on_write is not None:
            self.on_write()

    def finish(self) -> None:
        """Say that nothing more will be written: what follows the last sample is silence, not a stall."""
        self.length = self.written
        if self.on_write is not None:
            self.on_write()

    def cut(self) -> None:
        """Fade out over the next 5 ms of what is there, then stay silent for good."""
        self.cutting = True

    # The reader's side.

    def read_into(self, out: memoryview, at: float) -> int:
        """Fill ``out`` (a writable view of bytes, whole samples) and return how many samples are the stream's.

        ``at`` is the time, in seconds on the session's clock, at which the first sample of ``out`` reaches the
        converter. What the ring cannot give is filled with silence.
        """
        size = self.frame_bytes
        wanted = len(out) // size
        count = self._available(wanted)
        if count:
            position = self.read
            start = position % self.capacity
            head = min(count, self.capacity - start)
            out[: head * size] = self._store[start * size : (start + head) * size]
            out[head * size : count * size] = self._store[: (count - head) * size]
            if self.stalled or not self.runs:
                self._note_run(position, at)
            self.stalled = False
        if self.cutting:
            self._fade_out(out, count)
        if count < wanted:
            out[count * size : wanted * size] = bytes((wanted - count) * size)
            self._note_lack(wanted - count)
        self.read += count
        return count

    def _available(self, wanted: int) -> int:
        if not self.playing or self.silenced:
            return 0
        fill = self.written - self.read
        if self.stalled and self.length is None and fill < self.resume_fill:
            return 0
        return min(fill, wanted)

    def _note_run(self, position: int, at: float) -> None:
        if len(self.runs) >= MAX_RUNS:
            self.runs.pop()
        self.runs.append((position, at))

    def _note_lack(self, missing: int) -> None:
        """Count silence as a stall, unless it comes before the start, after the end, or was asked for."""
        if not self.playing or self.length is not None or self.cutting:
            return
        if not self.stalled:
            self.stalled = True
            self.stalls += 1
        self.stalled_samples += missing

    def _fade_out(self, out: memoryview, count: int) -> None:
        """Fade what ``out`` holds to nothing: a raised cosine over 5 ms, or over what there is of it."""
        steps = min(count, round(FADE_SECONDS * self.rate))
        samples = out[: count * self.frame_bytes].cast("f")
        for step in range(steps):
            gain = 0.5 + 0.5 * math.cos(math.pi * (step + 1) / steps)
            for index in range(step * self.channels, (step + 1) * self.channels):
                samples[index] *= gain
        rest = len(samples) - steps * self.channels
        samples[steps * self.channels :] = memoryview(array("f", bytes(rest * BYTES_PER_SAMPLE)))
        self.silenced = True

    # What has been heard; from any side.

    @property
    def done(self) -> bool:
        """The reader has everything that it will ever get."""
        return self.silenced or (self.length is not None and self.read >= self.length)

    def time_of(self, position: int) -> float | None:
        """When the sample at ``position`` reaches the converter (session's clock); None if it was not handed over."""
        if position > self.read:
            return None
        for start, at in reversed(self.runs):
            if start <= position:
                return at + (position - start) / self.rate
        return None

    def heard_at(self, now: float) -> int:
        """Samples that have reached the converter at time ``now``."""
        for start, at in reversed(self.runs):
            if at <= now:
                return min(self.read, start + int((now - at) * self.rate))
        return 0
