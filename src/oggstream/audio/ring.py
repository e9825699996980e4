"""The ring between the event loop, which writes, and the audio thread, which reads.

One writer and one reader. Samples and counters lie in one block of memory, which a callback in Python
(`oggstream.audio.reading`) or one in C reads. What the two sides may assume of each other is written down in
`oggstream.audio.block`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from . import block as slot
from .block import FADE_SECONDS, SAMPLE_BYTES, Block
from .frame import RATE
from .reading import Reader
from .timeline_of_ring import TimeLine

if TYPE_CHECKING:
    from collections.abc import Buffer  # type: ignore[attr-defined]  # Python 3.12

__all__ = ["FADE_SECONDS", "PcmRing"]

QUIET = 10 ** (-50 / 20)  # below which a sample is not audible
QUIET_STRIDE = 7
KEPT_SECONDS = 0.25  # of what was read, for `rewind`


class NativeReader(Protocol):
    """A reader that does not take the interpreter's lock: what the writer needs to be in order with it."""

    def fence(self) -> None:
        """Order the memory accesses before the call and after it."""
        ...

    def withdraw(self, memory: bytearray, position: int) -> int:
        """`PcmRing.withdraw`, on the ``memory`` of a ring's block."""
        ...


class SharedCounters:
    """The counters that the reader uses too, in the order that the protocol demands (see `oggstream.audio.block`).

    ``native``: the reader is on another thread and in C, where the order has to be asked for.
    """

    def __init__(self, block: Block) -> None:
        self.native: NativeReader | None = None
        self._counters = block.counters

    def publish(self, place: int, value: int) -> None:
        """Set the slot at ``place`` after everything that was written so far: a release."""
        if self.native is not None:
            self.native.fence()
        self._counters[place] = value

    def seen(self, place: int) -> int:
        """A counter of the reader's, and from then on what it stands for: an acquire."""
        value = self._counters[place]
        if self.native is not None:
            self.native.fence()
        return value


class PcmRing:
    """Float32 samples of a fixed number of channels and rate, ``seconds`` long, allocated once.

    The writer calls `write`, then `begin` when sound may start, `finish` after the last sample, and `cut` to fade out
    at once; it may `withdraw` what is not yet due, change the `gain`, and set `paused`. The reader calls `read_into`
    for every block that the device wants, with the time at which the block's first sample reaches the converter; from
    these the ring knows what has been heard, and when. All but `read_into` belongs to the writer's thread.

    Positions count samples at ``rate``, per channel, from the first one written.
    """

    def __init__(self, channels: int, rate: int = RATE, seconds: float = 2.0) -> None:
        self.channels = channels
        self.rate = rate
        self.capacity = math.ceil(seconds * rate)
        self.frame_bytes = SAMPLE_BYTES * channels
        self.broken = False
        """The stream ended prematurely."""
        self.concurrent = False
        """The reader is on another thread, and may be in the middle of a block at any time: see `share`."""
        self.on_write: Callable[[], None] | None = None
        """Called after each write; set by a reader on the writer's own thread, before it starts."""
        self._size = self.capacity + math.ceil(KEPT_SECONDS * rate)
        self.block = Block(channels, rate, self._size)
        self._counters = self.block.counters
        self._samples = self.block.samples
        self._shared = SharedCounters(self.block)
        self._reader = Reader(self.block)
        self._times = TimeLine(self.block, self._shared.seen, self._shared.publish)

    def share(self, order: NativeReader | AbstractContextManager[Any]) -> None:
        """Let the reader be on another thread: a native one, or one in Python with a lock that is for this ring alone.

        Call it before the reader gets the ring.
        """
        self.concurrent = True
        if isinstance(order, AbstractContextManager):
            self._reader.turn = order
        else:
            self._shared.native = order

    @property
    def native(self) -> NativeReader | None:
        """The reader, where it is a native one."""
        return self._shared.native

    # The writer's side.

    @property
    def written(self) -> int:
        """Samples ever written, but for those withdrawn."""
        return self._counters[slot.WRITTEN]

    @property
    def fill(self) -> int:
        """Samples written and not yet read."""
        return self._counters[slot.WRITTEN] - self.read

    @property
    def space(self) -> int:
        """Samples that `write` would take now."""
        return max(self.capacity - self.fill, 0)  # after `rewind` there may be more in it

    @property
    def playing(self) -> bool:
        """Whether `begin` was called."""
        return bool(self._counters[slot.PLAYING])

    @property
    def length(self) -> int | None:
        """Total samples, known once the stream has ended."""
        length = self._counters[slot.LENGTH]
        return None if length < 0 else length

    @property
    def cutting(self) -> bool:
        """Whether `cut` was called."""
        return bool(self._counters[slot.CUTTING])

    @property
    def resume_fill(self) -> int:
        """Samples needed to go on after a stall; may be changed at any time."""
        return self._counters[slot.RESUME_FILL]

    @resume_fill.setter
    def resume_fill(self, samples: int) -> None:
        self._counters[slot.RESUME_FILL] = min(samples, self.capacity)

    @property
    def gain(self) -> float:
        """What the samples are multiplied by, 0 to 1. A change is reached within 10 ms."""
        return self.block.numbers[slot.GAIN]

    @gain.setter
    def gain(self, factor: float) -> None:
        self.block.numbers[slot.GAIN] = factor

    @property
    def paused(self) -> bool:
        """Fade out within 5 ms and wait, which is no stall; when it is cleared, fade in within 5 ms and go on."""
        return bool(self._counters[slot.PAUSED])

    @paused.setter
    def paused(self, value: bool) -> None:
        self._counters[slot.PAUSED] = value

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
        at = self.written % self._size
        head = min(count, self._size - at)
        self._samples[at * size : (at + head) * size] = source[: head * size]
        self._samples[: (count - head) * size] = source[head * size : count * size]
        self._shared.publish(slot.WRITTEN, self.written + count)
        self._tell()
        return count

    def withdraw(self, position: int) -> int:
        """Take back what was written at ``position`` and later; return the new `written`, where `write` goes on.

        What was read stays, and before a `concurrent` reader also as much as a block that it may be copying. After
        `finish` nothing is taken back.
        """
        was = self.written
        if self.length is not None:
            return was
        if self.native is not None:
            return self.native.withdraw(self.block.memory, position)
        with self._reader.turn:
            guard = self._counters[slot.GUARD] if self.concurrent and self.playing else 0
            self._counters[slot.WRITTEN] = min(was, max(position, self.read + guard))
        return self.written

    def is_quiet(self, seconds: float) -> bool:
        """Whether so much of what is read next is silence, or the ring is not being heard anyway."""
        if not self.playing or self.paused or self.stalled:
            return True
        begin, count = self.read % self._size, min(round(seconds * self.rate), self._size)
        if self.fill < count:
            return False
        ahead = self._samples.cast("f")  # every seventh value will do: it is of each channel in turn
        head = ahead[begin * self.channels : (begin + count) * self.channels : QUIET_STRIDE]
        tail = ahead[: max(0, begin + count - self._size) * self.channels : QUIET_STRIDE]
        return max(map(abs, (*head, *tail)), default=0.0) < QUIET

    def begin(self) -> None:
        """Let the reader have samples. Before this it gets silence, which is not a stall."""
        self._shared.publish(slot.PLAYING, 1)
        self._tell()

    def finish(self, *, broken: bool = False) -> None:
        """Say that nothing more will be written: what follows the last sample is silence, not a stall.

        ``broken``: more was expected, and the listener waited for it: silence until now stays a stall.
        """
        self.broken = broken
        self._shared.publish(slot.LENGTH, self.written)
        self._tell()

    def cut(self) -> None:
        """Fade out over the next 5 ms of what is there, then stay silent for good."""
        self._counters[slot.CUTTING] = 1

    def _tell(self) -> None:
        if self.on_write is not None:
            self.on_write()

    # The reader's side.

    def read_into(self, out: memoryview, at: float) -> int:
        """Fill ``out`` (a writable view of bytes, whole samples) and return how many samples are the stream's.

        ``at`` is the time, in seconds on the session's clock less `clock_offset`, at which the first sample of ``out``
        reaches the converter. What the ring cannot give is filled with silence.
        """
        return self._reader.read_into(out, at)

    def rewind(self, position: int) -> None:
        """Go back to ``position``, at most 0.25 s, from where sound fades in: what was handed over was not heard.

        Only while no reader is at work. Where a cut was under way, silence is all that is left, from any position on.
        """
        kept = 0 if self.cutting else max(self.read - (self._size - self.capacity), 0)
        self._counters[slot.READ] = min(max(position, kept), self.read)
        self._counters[slot.LEVEL] = 0

    # What has been heard.

    @property
    def clock_offset(self) -> float:
        """Seconds from the clock of the times that the reader gives to the session's."""
        return self._times.clock_offset

    @clock_offset.setter
    def clock_offset(self, seconds: float) -> None:
        self._times.clock_offset = seconds

    @property
    def read(self) -> int:
        """Samples ever handed to the device."""
        return self._shared.seen(slot.READ)

    @property
    def silenced(self) -> bool:
        """The fade of `cut` has been handed to the device, to its end."""
        return bool(self._shared.seen(slot.SILENCED))

    @property
    def done(self) -> bool:
        """Whether the reader has everything that it will ever get."""
        return self.silenced or self._ended

    @property
    def _ended(self) -> bool:
        return 0 <= self._counters[slot.LENGTH] <= self.read

    @property
    def _ended_well(self) -> bool:
        return self._ended and not self.broken

    @property
    def _lacking(self) -> bool:
        """Whether the ring ran empty and nothing was handed over since."""
        return self._shared.seen(slot.STALLS) != self._shared.seen(slot.RESUMED)

    @property
    def stalled(self) -> bool:
        """The ring ran empty before the end, and silence is played for now."""
        return self._lacking and not self.done

    @property
    def stalls(self) -> int:
        """How often the ring ran empty with more to come; a present lack counts until it proves to be the end."""
        return self._shared.seen(slot.STALLS) - (self._lacking and self._ended_well)

    @property
    def stalled_samples(self) -> int:
        """Samples of silence that stalls put in."""
        return self._counters[slot.LACK_BEFORE if self._lacking and self._ended_well else slot.LACK]

    @property
    def runs(self) -> list[tuple[int, float]]:
        """(position, time) where sound began and went on after stalls."""
        return self._times.runs()

    @property
    def _line(self) -> list[tuple[int, float]]:
        return self._times.line()

    def time_of(self, position: int) -> float | None:
        """When the sample at ``position`` reaches the converter (session's clock); None if it was not handed over.

        ``time_of(read)`` is the end of what was handed over.
        """
        return self._times.time_of(position)

    def heard_at(self, now: float) -> int:
        """Samples that have reached the converter at time ``now``."""
        return self._times.position_at(now)
