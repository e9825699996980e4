from __future__ import annotations

import itertools
import math
import sys
from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from threading import Lock
from types import FrameType
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from oggstream.audio import block as slot, timeline_of_ring as heard
from oggstream.audio.block import LOG_SIZE, WRITTEN
from oggstream.audio.ring import FADE_SECONDS, PcmRing

RATE = 48000
FADE = round(FADE_SECONDS * RATE)


def ramp(start: int, count: int, channels: int = 1) -> array[float]:
    """Samples that say which they are: the position, and the channel behind the point."""
    return array("f", [start + i + c / 8 for i in range(count) for c in range(channels)])


def level(count: int, value: float = 1.0) -> array[float]:
    return array("f", [value] * count)


def read(ring: PcmRing, count: int, at: float = 0.0) -> tuple[int, list[float]]:
    """Take a block from ``ring``, into memory that is dirty."""
    out = memoryview(array("f", [-7.0] * (count * ring.channels))).cast("B")
    taken = ring.read_into(out, at)
    return taken, list(array("f", out.tobytes()))


def at_each_step(call: Callable[[], object], meanwhile: Callable[[], object], step: int) -> bool:
    """Call ``call``, and in the middle of it ``meanwhile``, before the bytecode number ``step``; False if it has fewer.

    This is what a switch of threads does under the interpreter's lock.
    """
    left = step

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        frame.f_trace_opcodes = frame.f_code.co_filename.endswith(("audio/ring.py", "audio/reading.py"))
        if event == "opcode":
            left -= 1
            if left == -1:
                sys.settrace(None)
                meanwhile()
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return left < 0


def playing(count: int, channels: int = 1, rate: int = RATE, seconds: float = 2.0) -> PcmRing:
    ring = PcmRing(channels, rate, seconds)
    ring.write(ramp(0, count, channels))
    ring.begin()
    return ring


@dataclass
class Model:
    """What a ring should be: a queue of samples."""

    queue: deque[float] = field(default_factory=deque)
    written: int = 0
    begun: bool = False
    ended: bool = False
    lacking: int | None = None  # silence in the present lack
    stalls: list[int] = field(default_factory=list)  # silence in those that are over
    heard: bool = False
    faded_in: int = 5  # samples of the fade after a stall


class RingIsAQueue(RuleBasedStateMachine):
    """Whatever the sizes, and however the ring wraps: what is written is what is read, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.ring = PcmRing(2, 1000, 0.017)
        self.ring.resume_fill = 5
        self.model = Model()

    @rule(count=st.integers(0, 40))
    def write(self, count: int) -> None:
        if self.model.ended:
            return
        room = self.ring.capacity - len(self.model.queue)
        taken = self.ring.write(ramp(self.model.written, count, 2))
        assert taken == min(count, room)
        self.model.queue.extend(range(self.model.written, self.model.written + taken))
        self.model.written += taken

    @rule()
    def begin(self) -> None:
        self.ring.begin()
        self.model.begun = True

    @rule()
    def finish(self) -> None:
        self.ring.finish()
        self.model.ended = True

    @rule(count=st.integers(1, 30))
    def read(self, count: int) -> None:
        model = self.model
        held = model.lacking is not None and not model.ended and len(model.queue) < self.ring.resume_fill
        due = 0 if held or not model.begun else min(count, len(model.queue))
        taken, block = read(self.ring, count)
        assert taken == due
        positions = [model.queue.popleft() for _ in range(due)]
        self._account(count, due)
        sound = [(p + c / 8) * factor for p in positions for factor in [self._fade()] for c in (0, 1)]
        assert block == pytest.approx(sound + [0.0] * (2 * (count - due)))

    def _fade(self) -> float:
        self.model.faded_in = min(self.model.faded_in + 1, 5)
        return 0.5 - 0.5 * math.cos(math.pi * self.model.faded_in / 5)

    def _account(self, count: int, due: int) -> None:
        model = self.model
        if due and model.lacking is not None:
            model.stalls.append(model.lacking)
            model.lacking = None
            model.faded_in = 0 if model.heard else 5
        model.heard = model.heard or due > 0
        if due < count and model.begun and not model.ended:
            model.lacking = (model.lacking or 0) + count - due

    @invariant()
    def counts_agree(self) -> None:
        ring, model = self.ring, self.model
        ended = model.ended and not model.queue
        present = [] if model.lacking is None or ended else [model.lacking]
        assert ring.fill == len(model.queue)
        assert ring.space == ring.capacity - ring.fill
        assert ring.done == ended
        assert ring.stalled == bool(present)
        assert ring.stalls == len(model.stalls) + len(present)
        assert ring.stalled_samples == sum(model.stalls) + sum(present)


def test_what_is_written_is_what_is_read_and_silence_is_counted() -> None:
    run_state_machine_as_test(RingIsAQueue)


def test_nothing_is_heard_before_it_begins_and_that_is_no_stall() -> None:
    ring = PcmRing(1)
    ring.write(ramp(1, 100))
    assert read(ring, 50) == (0, [0.0] * 50)
    assert (ring.stalls, ring.stalled_samples, ring.read) == (0, 0, 0)


def test_a_full_ring_takes_what_there_is_room_for() -> None:
    ring = PcmRing(1, 100, 0.1)
    assert ring.write(ramp(0, 7)) == 7
    assert ring.write(ramp(7, 7)) == 3
    assert ring.write(ramp(10, 1)) == 0
    assert ring.space == 0


def test_an_array_without_samples_may_be_written() -> None:
    import numpy as np

    ring = PcmRing(2)
    assert ring.write(np.empty((0, 2), np.float32)) == 0


def test_a_two_dimensional_array_is_written_as_it_is_laid_out() -> None:
    import numpy as np

    ring = PcmRing(2)
    ring.write(np.array([[1, 2], [3, 4]], np.float32))
    ring.begin()
    assert read(ring, 2) == (2, [1.0, 2.0, 3.0, 4.0])


def test_running_dry_in_mid_speech_is_a_stall_until_enough_is_there_again() -> None:
    ring = playing(10)
    ring.resume_fill = 20
    assert read(ring, 15)[0] == 10
    assert (ring.stalled, ring.stalls, ring.stalled_samples) == (True, 1, 5)
    ring.write(ramp(10, 19))
    assert read(ring, 15)[0] == 0
    assert (ring.stalls, ring.stalled_samples) == (1, 20)
    ring.write(ramp(29, 1))
    assert read(ring, 15)[0] == 15
    assert (ring.stalled, ring.stalls, ring.stalled_samples) == (False, 1, 20)


def test_the_end_of_the_stream_ends_a_stall_however_little_is_there() -> None:
    ring = playing(10)
    ring.resume_fill = 1000
    read(ring, 20)
    ring.write(ramp(10, 1))
    ring.finish()
    assert read(ring, 5)[0] == 1
    assert ring.done
    assert ring.stalls == 1


def test_a_ring_smaller_than_its_resume_fill_goes_on_when_it_is_full() -> None:
    ring = playing(10, rate=1000, seconds=0.01)
    ring.resume_fill = 1000
    read(ring, 20)
    ring.write(ramp(10, 10))
    assert read(ring, 10)[0] == 10


def test_silence_that_proves_to_be_the_end_was_no_stall() -> None:
    ring = playing(10)
    read(ring, 30)
    assert (ring.stalls, ring.stalled_samples, ring.stalled) == (1, 20, True)
    ring.finish()
    assert (ring.stalls, ring.stalled_samples, ring.stalled) == (0, 0, False)
    assert ring.done


def test_silence_after_the_last_sample_is_no_stall() -> None:
    ring = playing(10)
    ring.finish()
    assert not ring.done
    read(ring, 30)
    read(ring, 30)
    assert ring.done
    assert (ring.stalls, ring.stalled_samples) == (0, 0)


def test_an_end_that_comes_while_a_block_is_filled_hides_no_samples() -> None:
    for step in itertools.count():
        ring = playing(4)
        got: list[Any] = []

        def end(ring: PcmRing = ring) -> None:
            ring.write(ramp(4, 4))
            ring.finish()

        reached = at_each_step(lambda ring=ring, got=got: got.append(read(ring, 8)), end, step)  # type: ignore[misc]
        taken, samples = got[0]
        assert samples[:taken] == [float(i) for i in range(taken)]
        assert (taken, ring.stalled_samples) in {(8, 0), (4, 4)}  # what is not there yet is known to be missing
        if not reached:
            return


@pytest.mark.parametrize("block", [64, 100, FADE, 480, 960])
def test_a_cut_fades_out_over_five_milliseconds_whatever_the_blocks(block: int) -> None:
    ring = PcmRing(1)
    ring.write(level(4000))
    ring.begin()
    read(ring, 100)
    ring.cut()
    heard: list[float] = []
    while not ring.done:
        heard += read(ring, block)[1]
    fade = heard[:FADE]
    assert fade == pytest.approx([0.5 + 0.5 * math.cos(math.pi * (i + 1) / FADE) for i in range(FADE)], abs=1e-6)
    assert not any(heard[FADE:])
    assert read(ring, block) == (0, [0.0] * block)


def test_a_cut_fades_all_channels_alike() -> None:
    ring = PcmRing(2)
    ring.write(level(2000))
    ring.begin()
    ring.cut()
    block = read(ring, 480)[1]
    assert block[::2] == block[1::2]
    assert block[0] > block[100] > block[300] > block[2 * FADE - 2] == 0


def test_a_cut_with_little_left_fades_over_what_there_is() -> None:
    ring = PcmRing(1)
    ring.write(level(60))
    ring.begin()
    ring.cut()
    taken, block = read(ring, 480)
    assert taken == 60
    assert block[58] < 0.001
    assert block[59:] == [0.0] * 421
    assert max(a - b for a, b in pairwise(block)) < 0.03
    assert ring.done


def test_a_fade_that_finds_nothing_more_ends_with_the_block_before() -> None:
    ring = PcmRing(1)
    ring.write(level(100))
    ring.begin()
    ring.cut()
    read(ring, 100)
    assert not ring.done
    read(ring, 100)
    assert ring.done


def test_a_cut_before_anything_is_heard_is_silence_at_once() -> None:
    ring = PcmRing(1)
    ring.write(level(1000))
    ring.cut()
    assert read(ring, 480) == (0, [0.0] * 480)
    assert ring.done
    assert ring.stalls == 0


def test_silence_after_a_cut_is_no_stall() -> None:
    ring = PcmRing(1)
    ring.write(level(10))
    ring.begin()
    ring.cut()
    read(ring, 480)
    read(ring, 480)
    assert (ring.stalls, ring.stalled_samples) == (0, 0)


def test_a_cut_in_a_stall_leaves_the_stall_counted() -> None:
    ring = playing(10)
    read(ring, 20)
    ring.cut()
    read(ring, 20)
    assert (ring.stalls, ring.stalled_samples, ring.stalled) == (1, 10, False)


def test_the_time_of_a_sample_is_that_of_its_block_and_its_place_in_it() -> None:
    ring = playing(3000)
    read(ring, 480, 5.0)
    read(ring, 480, 5.01)
    assert ring.runs == [(0, 5.0)]
    assert ring.time_of(0) == 5.0
    assert ring.time_of(720) == pytest.approx(5.015)
    assert ring.time_of(960) == pytest.approx(5.02)
    assert ring.time_of(961) is None


def test_a_sample_has_no_time_before_any_was_handed_over() -> None:
    ring = PcmRing(1)
    assert ring.time_of(0) is None
    assert ring.heard_at(9.0) == 0


def test_what_was_heard_grows_with_the_clock_up_to_what_was_handed_over() -> None:
    ring = playing(3000)
    read(ring, 480, 5.0)
    assert ring.heard_at(4.9) == 0
    assert ring.heard_at(5.0) == 0
    assert ring.heard_at(5.005) == 240
    assert ring.heard_at(6.0) == 480


def test_during_a_stall_no_more_is_heard_than_before_it() -> None:
    ring = playing(480)
    read(ring, 480, 5.0)
    read(ring, 480, 5.01)
    ring.write(ramp(480, 480))
    read(ring, 480, 5.02)
    assert ring.runs == [(0, 5.0), (480, 5.02)]
    assert ring.heard_at(5.019) == 480
    assert ring.heard_at(5.025) == 720
    assert ring.time_of(480) == 5.02
    assert ring.time_of(479) == pytest.approx(5.01 - 1 / RATE)


def test_every_sample_is_heard_when_its_time_has_come_in_spite_of_rounding() -> None:
    ring = playing(48000)
    read(ring, 48000, 86400.1)
    for position in range(0, 48000, 7):
        at = ring.time_of(position)
        assert at is not None
        assert ring.heard_at(at) == position


def test_a_device_that_slips_corrects_the_time_line_without_a_stall() -> None:
    ring = playing(4800)
    read(ring, 480, 5.0)
    read(ring, 480, 5.01 + 0.5)
    assert ring.runs == [(0, 5.0)]
    assert ring.time_of(480) == 5.51
    assert ring.time_of(479) == pytest.approx(5.01 - 1 / RATE)
    assert ring.heard_at(5.4) == 480
    assert ring.stalls == 0


def test_a_device_that_reports_with_jitter_does_not() -> None:
    ring = playing(4800)
    read(ring, 480, 5.0)
    read(ring, 480, 5.013)
    read(ring, 480, 5.017)
    assert ring.time_of(960) == pytest.approx(5.02)


def test_the_time_line_of_a_bad_network_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heard, "MAX_ENTRIES", 3)
    ring = PcmRing(1, 100, 1.0)
    ring.begin()
    for second in range(10):
        ring.write(ramp(10 * second, 10))
        read(ring, 10, float(second))
        read(ring, 10, second + 0.1)
    assert len(ring.runs) == 3
    assert ring.time_of(95) == 9.05
    assert ring.stalls == 10


def rising(count: int, start: int = 0, whole: int = FADE) -> list[float]:
    return [0.5 - 0.5 * math.cos(math.pi * min(start + i + 1, whole) / whole) for i in range(count)]


def falling(count: int, whole: int = FADE) -> list[float]:
    return [*rising(whole)[::-1][1:], 0.0][:count]


# After a stall.


def test_after_a_stall_sound_fades_in_over_five_milliseconds_whatever_the_blocks() -> None:
    ring = PcmRing(1)
    ring.write(level(100))
    ring.begin()
    assert read(ring, 200)[1] == [1.0] * 100 + [0.0] * 100
    ring.write(level(1000))
    heard = [sample for _ in range(10) for sample in read(ring, 60)[1]]
    assert heard == pytest.approx(rising(600), abs=1e-6)


def test_a_first_sample_that_came_late_is_not_faded() -> None:
    ring = PcmRing(1)
    ring.begin()
    assert read(ring, 10) == (0, [0.0] * 10)
    ring.write(level(10))
    assert read(ring, 10) == (10, [1.0] * 10)
    assert (ring.stalls, ring.stalled, ring.stalled_samples) == (1, False, 10)


def test_a_stall_in_the_middle_of_a_fade_in_begins_the_fade_again() -> None:
    ring = PcmRing(1)
    ring.write(level(10))
    ring.begin()
    read(ring, 20)
    ring.write(level(100))
    read(ring, 110)
    ring.write(level(100))
    assert read(ring, 100)[1] == pytest.approx(rising(100), abs=1e-6)


# Pauses.


@pytest.mark.parametrize("block", [64, 240, 480])
def test_a_pause_fades_out_and_back_in_and_loses_no_sample(block: int) -> None:
    ring = PcmRing(1)
    ring.write(level(4000))
    ring.begin()
    read(ring, 480)
    ring.paused = True
    out = [sample for _ in range(10) for sample in read(ring, block)[1]]
    assert out == pytest.approx(falling(FADE) + [0.0] * (10 * block - FADE), abs=1e-6)
    assert ring.read == 480 + FADE
    ring.paused = False
    back = [sample for _ in range(5) for sample in read(ring, block)[1]]
    assert back == pytest.approx(rising(5 * block), abs=1e-6)
    assert (ring.stalls, ring.stalled, ring.stalled_samples, ring.paused) == (0, False, 0, False)


def test_a_pause_is_in_the_time_line_and_is_no_run() -> None:
    ring = playing(4800)
    read(ring, 480, 5.0)
    ring.paused = True
    read(ring, 480, 5.01)
    read(ring, 480, 5.02)
    ring.paused = False
    read(ring, 480, 7.0)
    assert ring.runs == [(0, 5.0)]
    assert ring.time_of(480 + FADE) == 7.0
    assert ring.heard_at(6.0) == 480 + FADE


def test_a_pause_that_is_taken_back_in_its_fade_turns_the_fade_round() -> None:
    ring = PcmRing(1)
    ring.write(level(4000))
    ring.begin()
    read(ring, 100)
    ring.paused = True
    read(ring, 100)
    ring.paused = False
    assert read(ring, 200)[1] == pytest.approx(rising(200, start=FADE - 100), abs=1e-6)


def test_a_pause_before_the_first_sample_holds_it_back_whole() -> None:
    ring = PcmRing(1)
    ring.write(level(100))
    ring.begin()
    ring.paused = True
    assert read(ring, 50) == (0, [0.0] * 50)
    ring.paused = False
    assert read(ring, 50) == (50, [1.0] * 50)
    assert ring.stalls == 0


def test_a_pause_when_little_is_left_fades_over_what_there_is() -> None:
    ring = PcmRing(1)
    ring.write(level(60))
    ring.begin()
    read(ring, 10)
    ring.paused = True
    taken, block = read(ring, 480)
    assert taken == 50
    assert block[49:] == [0.0] * 431
    assert max(a - b for a, b in pairwise(block)) < 0.04
    assert (ring.stalls, ring.done) == (0, False)


def test_a_pause_in_a_stall_counts_no_silence() -> None:
    ring = playing(10)
    read(ring, 20)
    ring.paused = True
    ring.write(level(1000))
    assert read(ring, 480)[0] == 0
    assert (ring.stalls, ring.stalled_samples) == (1, 10)
    ring.paused = False
    assert read(ring, 480)[0] == 480
    assert [position for position, _ in ring.runs] == [0, 10]


def test_a_cut_ends_a_pause() -> None:
    ring = PcmRing(1)
    ring.write(level(1000))
    ring.begin()
    read(ring, 100)
    ring.paused = True
    read(ring, 480)
    ring.cut()
    assert read(ring, 480) == (0, [0.0] * 480)
    assert ring.done


# Loudness.


def test_a_new_gain_is_reached_in_a_straight_line_within_ten_milliseconds() -> None:
    ring = PcmRing(2)
    ring.write(level(4000))
    ring.begin()
    read(ring, 100)
    ring.gain = 0.5
    first, second = read(ring, 100)[1], read(ring, 400)[1]
    line = [max(1 - (i + 1) / 480, 0.5) for i in range(500)]
    assert (first + second)[::2] == pytest.approx(line, abs=1e-6)
    assert first[::2] == first[1::2]
    ring.gain = 1.0
    read(ring, 480)
    assert read(ring, 10)[1] == [1.0] * 20


def test_the_gain_before_the_first_sample_is_there_at_once() -> None:
    ring = PcmRing(1)
    ring.gain = 0.25
    ring.write(level(100))
    ring.begin()
    assert read(ring, 100)[1] == [0.25] * 100
    assert ring.gain == 0.25


def test_a_gain_needs_no_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "numpy", raising=False)
    ring = PcmRing(2)
    ring.gain = 0.5
    ring.write(level(200))
    ring.begin()
    assert read(ring, 100)[1] == [0.5] * 200


def test_a_cut_at_low_gain_fades_from_there() -> None:
    ring = PcmRing(1)
    ring.gain = 0.5
    ring.write(level(1000))
    ring.begin()
    read(ring, 10)
    ring.cut()
    assert read(ring, FADE)[1] == pytest.approx([0.5 * f for f in falling(FADE)], abs=1e-6)


# Taking back.


def test_what_was_not_read_can_be_taken_back_and_written_anew() -> None:
    ring = playing(1000)
    read(ring, 480)
    assert ring.withdraw(600) == 600
    assert (ring.written, ring.fill) == (600, 120)
    ring.write(ramp(5000, 10))
    assert read(ring, 130) == (130, [*range(480, 600), *range(5000, 5010)])


def test_what_was_read_stays() -> None:
    ring = playing(1000)
    read(ring, 480)
    assert ring.withdraw(100) == 480
    assert ring.withdraw(2000) == 480


def test_before_a_concurrent_reader_a_block_stays() -> None:
    ring = playing(2000)
    ring.share(Lock())
    read(ring, 480)
    read(ring, 100)
    assert ring.withdraw(0) == 580 + 480


def test_before_it_begins_all_can_be_taken_back_from_a_concurrent_reader() -> None:
    ring = PcmRing(1)
    ring.share(Lock())
    ring.write(level(100))
    read(ring, 480)
    assert ring.withdraw(0) == 0


def test_after_the_end_nothing_is_taken_back() -> None:
    ring = playing(1000)
    ring.finish()
    assert ring.withdraw(0) == 1000


def locked(ring: PcmRing) -> bool:
    assert isinstance(ring._reader.turn, type(Lock()))
    return ring._reader.turn.locked()


@pytest.mark.parametrize("blocks", [(100,), (480,), (700,), (700, 700)])
def test_blocks_in_the_middle_of_a_withdrawal_keep_what_they_took(blocks: tuple[int, ...]) -> None:
    for step in itertools.count():
        ring = playing(3000)
        ring.share(Lock())
        ring._counters[slot.FADE] = ring._counters[slot.LEVEL] = 1  # no fade after a stall
        got = read(ring, 480)[1]

        def take(ring: PcmRing = ring, got: list[float] = got) -> None:
            for count in blocks:
                if not locked(ring):  # where it is, the reader waits
                    taken, samples = read(ring, count)
                    assert taken == count or ring.written < 3000  # short only by what is withdrawn already
                    got += samples[:taken]

        reached = at_each_step(lambda ring=ring: ring.withdraw(0), take, step)  # type: ignore[misc]
        kept = ring.written
        assert kept >= len(got)
        ring.write(ramp(5000, 2000))
        got += read(ring, ring.fill)[1]
        assert got == [*range(kept), *range(5000, 7000)]
        if not reached:
            return


def test_a_withdrawal_in_the_middle_of_a_block_leaves_it_whole() -> None:
    for step in itertools.count():
        ring = playing(3000)
        ring.share(Lock())
        got = read(ring, 480)[1]

        def withdraw(ring: PcmRing = ring) -> None:
            if not locked(ring):
                ring.withdraw(0)
                ring.write(ramp(5000, 2000))

        block = bytearray(4 * 700)  # larger than the one before
        reached = at_each_step(lambda ring=ring, block=block: ring.read_into(memoryview(block), 0.0), withdraw, step)  # type: ignore[misc]
        got += memoryview(block).cast("f").tolist()
        kept = next((position for position, sample in enumerate(got) if sample >= 5000), len(got))
        assert got == [*range(kept), *range(5000, 5000 + len(got) - kept)]
        if not reached:
            return


def test_what_was_withdrawn_before_the_beginning_is_not_heard_whenever_that_comes() -> None:
    for step in itertools.count():
        ring = PcmRing(1)
        ring.share(Lock())
        ring.write(ramp(0, 1000))
        ring._counters[slot.FADE] = ring._counters[slot.LEVEL] = 1

        def begin(ring: PcmRing = ring) -> None:
            if not locked(ring):
                ring.withdraw(0)
                ring.write(ramp(5000, 100))
                ring.begin()

        block = bytearray(4 * 480)
        reached = at_each_step(lambda ring=ring, block=block: ring.read_into(memoryview(block), 0.0), begin, step)  # type: ignore[misc]
        got = memoryview(block).cast("f").tolist()
        assert got[:100] in ([0.0] * 100, ramp(5000, 100).tolist())
        if not reached:
            return


def test_a_native_reader_is_asked_for_the_withdrawal_and_for_the_order_of_all_publications() -> None:
    ring = PcmRing(1)
    seen: list[Any] = []

    class Native:
        def fence(self) -> None:
            seen.append((ring._counters[WRITTEN], ring.playing, ring.length))

        def withdraw(self, memory: bytearray, position: int) -> int:
            assert memory is ring.block.memory
            seen.append(position)
            return 7

    ring.share(Native())
    ring.write(level(10))
    assert ring.withdraw(3) == 7
    ring.begin()
    ring.finish()
    assert seen[-3:] == [3, (10, False, None), (10, True, None)]
    assert seen[0] == (0, False, None)
    del seen[:]
    assert ring.read == 0
    assert seen  # what is known of the reader is known only behind a fence


def test_times_of_another_clock_are_moved_to_the_session_s() -> None:
    ring = playing(1000)
    ring.clock_offset = -100.0
    read(ring, 480, 105.0)
    assert ring.time_of(0) == 5.0


def test_a_log_that_nobody_looks_at_goes_on_when_it_is_looked_at() -> None:
    ring = PcmRing(1, 100, 1.0)
    ring.begin()
    for second in range(LOG_SIZE + 10):
        ring.write(level(10))
        read(ring, 10, float(second))
        read(ring, 10, second + 0.1)
    assert len(ring.runs) == LOG_SIZE
    assert ring.stalls == LOG_SIZE + 10
    end = ring.read
    ring.write(level(10))
    read(ring, 10, 1000.0)
    assert ring.time_of(end) == 1000.0


def test_the_writer_tells_a_reader_that_asked_for_it() -> None:
    ring = PcmRing(1)
    told: list[tuple[int, bool, int | None]] = []
    ring.on_write = lambda: told.append((ring.written, ring.playing, ring.length))
    ring.write(ramp(0, 10))
    ring.begin()
    ring.finish()
    assert told == [(10, False, None), (10, True, None), (10, True, 10)]


# Going back.


def test_what_was_not_heard_is_read_again_and_fades_in() -> None:
    ring = PcmRing(1)
    ring.write(level(48000))
    ring.begin()
    read(ring, 9600, 5.0)
    ring.rewind(4800)
    assert ring.read == 4800
    assert read(ring, 480, 9.0)[1] == pytest.approx(rising(480), abs=1e-6)
    assert ring.time_of(4799) == pytest.approx(5.1, abs=1e-3)
    assert ring.time_of(4800) == 9.0
    assert ring.heard_at(8.0) == 4800
    assert (ring.stalls, ring.runs) == (0, [(0, 5.0)])


def test_what_may_be_overwritten_is_not_read_again() -> None:
    ring = PcmRing(1, 1000, 1.0)
    ring.begin()
    for start in range(0, 5000, 1000):
        ring.write(ramp(start, 1000))
        read(ring, 1000)
    assert ring.write(ramp(5000, 2000)) == 1000
    ring.rewind(0)
    assert ring.read == 4750
    assert read(ring, 300)[1][5:] == list(range(4755, 5050))
    ring.rewind(9999)
    assert ring.read == 5050


def test_a_cut_that_was_not_heard_ends_in_silence() -> None:
    ring = playing(4800)
    read(ring, 480)
    ring.cut()
    ring.rewind(0)
    assert read(ring, 480) == (0, [0.0] * 480)
    assert ring.done


def test_a_full_ring_that_goes_back_takes_nothing_until_it_has_room() -> None:
    ring = PcmRing(1, 1000, 0.1)
    ring.begin()
    ring.write(ramp(0, 100))
    read(ring, 50)
    ring.write(ramp(100, 50))
    ring.rewind(0)
    assert (ring.space, ring.write(ramp(150, 10))) == (0, 0)
    assert read(ring, 150)[0] == 150
