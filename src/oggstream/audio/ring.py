"""The ring between the event loop, which writes, and the audio thread, which reads.

One writer, one reader, no lock: every attribute is written by one side only (its comment says which), positions are
counters that only grow, and the writer publishes a position after the samples that it stands for. Nothing here
allocates more than a few views per call, and nothing needs numpy: the callback of a device may call `read_into`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from .frame import RATE

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

BYTES_PER_SAMPLE = 4  # float32
FADE_SECONDS = 0.005
SLIP_SECONDS = 0.01  # a block this far from where the time line has it corrects the line: the device slipped or drifted
MAX_RUNS = 10_000  # what a time line keeps; past that, its latest entry is replaced
ROUNDING = 1e-3  # samples; far above the rounding of a clock's floats, far below a sample


class PcmRing:
    """Float32 samples of a fixed number of channels and rate, ``seconds`` long, allocated once.

    The writer calls `write`, then `begin` when sound may start, `finish` after the last sample, and `cut` to fade out
    at once. The reader calls `read_into` for every block that the device wants, with the time at which the block's
    first sample reaches the converter; from these the ring knows what has been heard, and when.

    Positions count samples at ``rate``, per channel, from the first one written.
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
        self.broken = False  # writer: it ended before its time
        self.resume_fill = 0  # writer: samples needed to go on after a stall
        self.cutting = False  # writer: fade out and stay silent
        self.on_write: Callable[[], None] | None = None  # reader, before start: called by the writer after each write

        self.read = 0  # reader: samples ever handed to the device
        self.silenced = False  # reader: the fade of `cut` has been handed to the device, to its end
        self.runs: list[tuple[int, float]] = []  # reader: (position, time) where sound began and went on after stalls
        self._line: list[tuple[int, float]] = []  # reader: those, and where the device's clock left what they foretell
        self._faded = 0  # reader: samples of the fade handed to the device
        self._lacking = False  # reader: ran empty, and nothing was handed over since
        self._lack = 0  # reader: silence put in while lacking
        self._past_stalls = 0  # reader: stalls that are over
        self._past_lack = 0  # reader: silence put in by them

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
        """Copy interleaved float32 samples (C-contiguous) in, as many as there is room for; return how many.

        Raises what the sink's ``on_write`` raises (`OutputError`); the samples are counted as written then.
        """
        view = memoryview(pcm)
        if not view.nbytes:  # a view without elements cannot be cast
            return 0
        source = view.cast("B")
        size = self.frame_bytes
        count = min(len(source) // size, self.space)
        at = self.written % self.capacity
        head = min(count, self.capacity - at)
        self._store[at * size : (at + head) * size] = source[: head * size]
        self._store[: (count - head) * size] = source[head * size : count * size]
        self.written += count
        self._tell()
        return count

    def begin(self) -> None:
        """Let the reader have samples. Before this it gets silence, which is not a stall."""
        self.playing = True
        self._tell()

    def finish(self, *, broken: bool = False) -> None:
        """Say that nothing more will be written: what follows the last sample is silence, not a stall.

        ``broken``: more was expected, and the listener waited for it: silence until now stays a stall.
        """
        self.broken = broken
        self.length = self.written
        self._tell()

    def cut(self) -> None:
        """Fade out over the next 5 ms of what is there, then stay silent for good."""
        self.cutting = True

    def _tell(self) -> None:
        if self.on_write is not None:
            self.on_write()

    # The reader's side.

    def read_into(self, out: memoryview, at: float) -> int:
        """Fill ``out`` (a writable view of bytes, whole samples) and return how many samples are the stream's.

        ``at`` is the time, in seconds on the session's clock, at which the first sample of ``out`` reaches the
        converter. What the ring cannot give is filled with silence.
        """
        size = self.frame_bytes
        wanted = len(out) // size
        ended = self.length is not None  # looked at before the fill, so that it never comes with samples missing
        count = self._available(wanted, ended)
        if count:
            self._place(self.read, at)
            start = self.read % self.capacity
            head = min(count, self.capacity - start)
            out[: head * size] = self._store[start * size : (start + head) * size]
            out[head * size : count * size] = self._store[: (count - head) * size]
        if self.cutting and not self.silenced:
            self._fade_out(out[: count * size], last=count < wanted)
        if count < wanted:
            out[count * size :] = bytes((wanted - count) * size)
            self._note_lack(wanted - count, ended)
        self.read += count
        return count

    def _available(self, wanted: int, ended: bool) -> int:
        if not self.playing or self.silenced:
            return 0
        fill = self.written - self.read
        if self._lacking and not ended and fill < min(self.resume_fill, self.capacity):
            return 0
        return min(fill, wanted)

    def _place(self, position: int, at: float) -> None:
        """Note the time of ``position`` where sound begins or goes on, or is not due when the time line has it."""
        if self._lacking or not self.runs:
            _note(self.runs, position, at)
            _note(self._line, position, at)
            self._past_stalls += self._lacking
            self._past_lack += self._lack
            self._lacking = False
            self._lack = 0
            return
        start, begun = self._line[-1]
        if abs(begun + (position - start) / self.rate - at) >= SLIP_SECONDS:
            _note(self._line, position, at)

    def _note_lack(self, missing: int, ended: bool) -> None:
        """Count silence, unless it comes before the start, after the end, or was asked for."""
        if self.playing and not ended and not self.cutting:
            self._lacking = True
            self._lack += missing

    def _fade_out(self, out: memoryview, *, last: bool) -> None:
        """Lower the stream's samples in ``out`` along a raised cosine of 5 ms that may go over several blocks.

        With ``last`` there are no more of them, and the fade ends with these.
        """
        count = len(out) // self.frame_bytes
        whole = round(FADE_SECONDS * self.rate)
        steps = min(count, whole - self._faded)
        begin = self._faded / whole
        end = 1.0 if last else (self._faded + steps) / whole
        if steps:
            samples = out.cast("f")
            for step in range(steps):
                gain = 0.5 + 0.5 * math.cos(math.pi * (begin + (end - begin) * (step + 1) / steps))
                for index in range(step * self.channels, (step + 1) * self.channels):
                    samples[index] *= gain
        out[steps * self.frame_bytes :] = bytes((count - steps) * self.frame_bytes)
        self._faded += steps
        self.silenced = last or self._faded >= whole

    # What has been heard; from any side.

    @property
    def done(self) -> bool:
        """The reader has everything that it will ever get."""
        return self.silenced or self._ended

    @property
    def _ended(self) -> bool:
        return self.length is not None and self.read >= self.length

    @property
    def _ended_well(self) -> bool:
        return self._ended and not self.broken

    @property
    def stalled(self) -> bool:
        """The ring ran empty before the end, and silence is played for now."""
        return self._lacking and not self.done

    @property
    def stalls(self) -> int:
        """How often the ring ran empty with more to come; a present lack counts until it proves to be the end."""
        return self._past_stalls + (self._lacking and not self._ended_well)

    @property
    def stalled_samples(self) -> int:
        """Samples of silence that stalls put in."""
        return self._past_lack + (0 if self._ended_well else self._lack)

    def time_of(self, position: int) -> float | None:
        """When the sample at ``position`` reaches the converter (session's clock); None if it was not handed over.

        ``time_of(read)`` is the end of what was handed over.
        """
        if position > self.read:
            return None
        for start, at in reversed(self._line):
            if start <= position:
                return at + (position - start) / self.rate
        return None

    def heard_at(self, now: float) -> int:
        """Samples that have reached the converter at time ``now``."""
        end = self.read
        for start, at in reversed(self._line):
            if at <= now:
                return min(end, start + int((now - at) * self.rate + ROUNDING))
            end = start
        return 0


def _note(line: list[tuple[int, float]], position: int, at: float) -> None:
    if len(line) >= MAX_RUNS:
        line.pop()
    line.append((position, at))
