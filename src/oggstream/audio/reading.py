"""The reader's side of a ring: what a device's callback does for every block.

``sinks/callback.c`` is the same in C. The reader notifies nobody, allocates only a few views, and needs no numpy.
"""

from __future__ import annotations

import math
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from . import block as slot
from .block import SAMPLE_BYTES, Block


class Reader:
    """Takes the samples of one ring out of its ``block``."""

    def __init__(self, block: Block) -> None:
        self.turn: AbstractContextManager[Any] = nullcontext()
        """For two threads a lock, held where a block begins or samples are withdrawn (`oggstream.audio.block`, 4)."""
        self._counters = block.counters
        self._numbers = block.numbers
        self._samples = block.samples
        self._frame_bytes = SAMPLE_BYTES * block.counters[slot.CHANNELS]

    def read_into(self, out: memoryview, at: float) -> int:
        """Fill ``out`` with what is due at time ``at`` and silence; return how many samples are the stream's."""
        counters, size = self._counters, self._frame_bytes
        wanted = len(out) // size
        if not wanted:
            return 0
        with self.turn:
            counters[slot.GUARD] = max(counters[slot.GUARD], wanted)
            ended = counters[slot.LENGTH] >= 0  # before WRITTEN: once the end is known, all samples are there
            playing = bool(counters[slot.PLAYING])
            written = counters[slot.WRITTEN]
        falling = bool(counters[slot.CUTTING] or counters[slot.PAUSED])
        count = self._available(written if playing else 0, wanted, ended, falling)
        if count:
            self._place(counters[slot.READ], at)
            self._copy(out, count)
        self._shape(out[: count * size], wanted, falling)
        if count < wanted:
            out[count * size :] = bytes((wanted - count) * size)
            if playing and not ended and not falling:
                self._note_lack(wanted - count)
        counters[slot.READ] += count
        return count

    @property
    def _lacking(self) -> bool:
        return self._counters[slot.STALLS] != self._counters[slot.RESUMED]

    @property
    def _begun(self) -> bool:
        return self._counters[slot.LOG_COUNT] > 0

    def _available(self, written: int, wanted: int, ended: bool, falling: bool) -> int:
        """Samples to hand over: those of the fade when it is ``falling``."""
        counters = self._counters
        fill = written - counters[slot.READ]
        if counters[slot.SILENCED] or fill <= 0:
            return 0
        if falling and (self._lacking or (counters[slot.PAUSED] and not self._begun)):
            return 0  # silent as it is
        if self._lacking and not ended and fill < counters[slot.RESUME_FILL]:
            return 0
        return min(fill, wanted, counters[slot.LEVEL]) if falling else min(fill, wanted)

    def _copy(self, out: memoryview, count: int) -> None:
        size, whole = self._frame_bytes, self._counters[slot.SIZE]
        start = self._counters[slot.READ] % whole
        head = min(count, whole - start)
        out[: head * size] = self._samples[start * size : (start + head) * size]
        out[head * size : count * size] = self._samples[: (count - head) * size]

    # Times.

    def _place(self, position: int, at: float) -> None:
        """Note the time of ``position`` where sound begins or goes on, or is not due when the time line has it."""
        counters, numbers = self._counters, self._numbers
        if not self._begun:
            self._note(slot.BEGUN, position, at)
            numbers[slot.GAIN_NOW] = numbers[slot.GAIN]
            counters[slot.RESUMED] = counters[slot.STALLS]
        elif self._lacking:
            self._note(slot.WENT_ON, position, at)
            counters[slot.LEVEL] = 0
            counters[slot.RESUMED] = counters[slot.STALLS]
        else:
            due = numbers[slot.LINE_TIME] + (position - counters[slot.LINE_POSITION]) / counters[slot.RATE]
            if abs(due - at) * counters[slot.RATE] >= counters[slot.SLIP]:
                self._note(slot.CORRECTED, position, at)

    def _note(self, what: int, position: int, at: float) -> None:
        """Log it. With a full log the next block is not where the time line has it, and tries again."""
        counters, count = self._counters, self._counters[slot.LOG_COUNT]
        if count - counters[slot.LOG_TAKEN] >= slot.LOG_SIZE:
            return
        entry = slot.LOG + 3 * (count % slot.LOG_SIZE)
        counters[entry], counters[entry + 1], self._numbers[entry + 2] = what, position, at
        counters[slot.LINE_POSITION], self._numbers[slot.LINE_TIME] = position, at
        counters[slot.LOG_COUNT] = count + 1

    def _note_lack(self, missing: int) -> None:
        counters = self._counters
        if not self._lacking:
            counters[slot.LACK_BEFORE] = counters[slot.LACK]
            counters[slot.STALLS] += 1
        counters[slot.LACK] += missing

    # Loudness.

    def _shape(self, sound: memoryview, wanted: int, falling: bool) -> None:
        """Apply the fade and the gain to the samples in ``sound``, of the ``wanted`` ones, and move both on."""
        counters, numbers = self._counters, self._numbers
        count = len(sound) // self._frame_bytes
        level, whole = counters[slot.LEVEL], counters[slot.FADE]
        if counters[slot.CUTTING] or (falling and self._begun):
            starved = count < min(wanted, level)  # there are no more samples: the fade ends with these
            target = 0 if starved else level - count
        else:
            target = min(level + count, whole) if count else level
        if level == 0 or not count:
            numbers[slot.GAIN_NOW] = numbers[slot.GAIN]  # unheard, so at once
        if count and (min(level, target) < whole or not numbers[slot.GAIN] == numbers[slot.GAIN_NOW] == 1):
            self._multiply(sound, level, target)
        counters[slot.LEVEL] = target
        if counters[slot.CUTTING] and not target:
            counters[slot.SILENCED] = 1

    def _multiply(self, sound: memoryview, level: int, target: int) -> None:
        """Lead the fade from ``level`` to ``target``, along a raised cosine, and the gain to what it should be."""
        counters, numbers = self._counters, self._numbers
        channels, whole, step = counters[slot.CHANNELS], counters[slot.FADE], numbers[slot.GAIN_STEP]
        samples = sound.cast("f")
        count = len(samples) // channels
        steps = min(count, abs(target - level))
        now, gain = numbers[slot.GAIN_NOW], numbers[slot.GAIN]
        index = 0
        while index < count and (index < steps or now != gain):
            now = max(gain, now - step) if now > gain else min(gain, now + step)
            at = (level + (target - level) * (index + 1) / steps) / whole if index < steps else target / whole
            factor = _faded(now, at)
            for place in range(index * channels, (index + 1) * channels):
                samples[place] *= factor
            index += 1
        numbers[slot.GAIN_NOW] = now
        _scale(samples[index * channels :], _faded(now, target / whole))


def _faded(gain: float, at: float) -> float:
    """``gain`` where a fade is ``at`` 0 (silence) to 1."""
    return gain if at == 1 else gain * (0.5 - 0.5 * math.cos(math.pi * at))


def _scale(samples: memoryview[float], factor: float) -> None:
    """Multiply all ``samples``, fast if the program has numpy loaded: a callback cannot wait for that."""
    if not len(samples) or factor == 1:
        return
    if (numpy := sys.modules.get("numpy")) is not None:
        array = numpy.frombuffer(samples, numpy.float32)
        array[:] = array.astype(numpy.float64) * factor
    else:
        for place in range(len(samples)):
            samples[place] *= factor
