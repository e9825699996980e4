"""The memory that the two sides of a ring share, laid out so that a callback written in C can read the same ring.

A head of 8-byte slots, a short log, and the samples. A counter is a signed 64-bit integer, a factor or time a double;
both are stored whole, so that the other side sees the old or the new value. The same numbers stand in
``sinks/callback.c``; whoever changes one raises `LAYOUT` in both.

What the two sides, the writer (the event loop) and the reader (the audio thread), may assume of each other:

1. Each slot has one side that writes it, as grouped below. The one exception is the mark in `WRITTEN`, see 4.
2. *Publishing.* The writer stores samples, then `WRITTEN`, then `LENGTH` or `PLAYING`; the reader stores the entries of
   the log before `LOG_COUNT`, and `READ` last of all. Stores release, loads acquire: who sees a position sees what it
   stands for. So the reader looks at `LENGTH` and `PLAYING` before `WRITTEN`: a known end never comes with samples
   missing, and a beginning never with samples that were withdrawn before it, which `GUARD` does not protect. The
   writer loads `READ` before it overwrites the samples in front of it. In Python, acquire and release are a call of
   `NativeReader.fence`; between two threads under the interpreter's lock, the lock is enough.
3. *A block.* The reader stores `GUARD` if the block is the largest so far, then looks at `WRITTEN` once, and takes no
   more than this block: samples from `READ` up to `READ` + `GUARD`, and below what `WRITTEN` was. It never goes back.
4. *A withdrawal* lowers `WRITTEN`, but never below `READ` + `GUARD`, and only between two blocks. The writer sets
   `MARK` in `WRITTEN`, loads `READ` and `GUARD`, and replaces the marked value by the lower one if the mark is still
   there. Looking at `WRITTEN` (3) takes the mark away, in one atomic step. A block that begins in between therefore
   sees the old value and makes the replacement fail; the writer then tries again with the new `READ`. If the
   replacement succeeds, blocks that began before the mark end within `READ` + `GUARD` as they were loaded, and blocks
   that begin later see the lower value. These four accesses are sequentially consistent. Neither side ever waits: the
   reader takes one step, and the writer one more attempt for each block that begins meanwhile.
   A reader in Python has no such atomic step; it and the writer hold a lock for these few instructions.
5. *Going back* (`READ` lowered by the writer) only while no reader is at work.

Positions stay below 2**62: at 192 kHz, 700 000 years.
"""

from __future__ import annotations

LAYOUT = 2

# Fixed when the ring is made.
CHANNELS, RATE, SIZE = range(3)  # SIZE: samples that there is memory for, per channel
FADE, SLIP = 3, 4  # samples of a fade; samples off the time line that correct it
GAIN_STEP = 5  # double: by how much the gain may change from one sample to the next
BEFORE = 6  # for a callback in C: the address of the block whose fade out comes first, or 0

# The writer's.
WRITTEN = 8  # samples ever written; goes back in `withdraw` only. With MARK while that is under way
LENGTH = 9  # total samples, known once the stream has ended; -1 before
PLAYING = 10  # the playout rule let go
RESUME_FILL = 11  # samples needed to go on after a stall
CUTTING = 12  # fade out and stay silent
PAUSED = 13  # fade out and wait
GAIN = 14  # double: what the samples are multiplied by
LOG_TAKEN = 15  # entries of the log that were looked at

# The reader's.
READ = 16  # samples ever handed to the device
GUARD = 17  # the largest block that was ever asked for
SILENCED = 18  # the fade of a cut has been handed over, to its end
LEVEL = 19  # samples of a fade above silence: FADE is full sound
GAIN_NOW = 20  # double: where the gain is on its way to GAIN
STALLS = 21  # how often the ring ran empty
RESUMED = 22  # how often it went on; one behind STALLS while it is empty
LACK = 23  # samples of silence put in by stalls
LACK_BEFORE = 24  # the same when the latest stall began
LINE_POSITION = 25  # the latest entry of the time line
LINE_TIME = 26  # double
LOG_COUNT = 27  # entries ever logged

LOG = 32  # the first of LOG_SIZE entries of three slots: what, position, time (double)
LOG_SIZE = 256
SAMPLES = LOG + 3 * LOG_SIZE  # the slot where the float32 samples begin

MARK = 1 << 62  # set by the writer, in C only; taken away by the reader

# What an entry of the log says.
BEGUN, WENT_ON, CORRECTED = range(3)  # sound began; went on after a stall; is not due when the time line had it

SLOT_BYTES = 8
SAMPLE_BYTES = 4

FADE_SECONDS = 0.005
RAMP_SECONDS = 0.01  # in which the gain goes from 0 to 1
SLIP_SECONDS = 0.01  # a block this far from where the time line has it corrects the line: the device slipped or drifted


class Block:
    """The shared memory of one ring: ``memory`` as a whole, and views of its parts."""

    __slots__ = ("counters", "memory", "numbers", "samples")

    def __init__(self, channels: int, rate: int, size: int) -> None:
        self.memory = bytearray(SAMPLES * SLOT_BYTES + size * channels * SAMPLE_BYTES)
        view = memoryview(self.memory)
        head = view[: SAMPLES * SLOT_BYTES]
        self.counters = head.cast("q")
        self.numbers = head.cast("d")
        self.samples = view[SAMPLES * SLOT_BYTES :]
        self.counters[CHANNELS], self.counters[RATE], self.counters[SIZE] = channels, rate, size
        self.counters[FADE] = self.counters[LEVEL] = max(round(FADE_SECONDS * rate), 1)
        self.counters[SLIP] = max(round(SLIP_SECONDS * rate), 1)
        self.numbers[GAIN_STEP] = 1 / max(round(RAMP_SECONDS * rate), 1)
        self.numbers[GAIN] = self.numbers[GAIN_NOW] = 1.0
        self.counters[LENGTH] = -1
