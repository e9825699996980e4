from __future__ import annotations

import math
from array import array
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from oggstream.audio import ring as ring_module
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
        assert block == [p + c / 8 for p in positions for c in (0, 1)] + [0.0] * (2 * (count - due))
        self._account(count, due)

    def _account(self, count: int, due: int) -> None:
        model = self.model
        if due and model.lacking is not None:
            model.stalls.append(model.lacking)
            model.lacking = None
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
    assert read(ring, 15) == (15, list(range(10, 25)))
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
    ring = playing(4)

    class Late(PcmRing):
        """Gets its last samples and its end between the look at the end and the look at the fill."""

        def _available(self, wanted: int, ended: bool) -> int:
            self.write(ramp(4, 4))
            self.finish()
            return super()._available(wanted, ended)

    ring.__class__ = Late
    assert read(ring, 8) == (8, [float(i) for i in range(8)])


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
    monkeypatch.setattr(ring_module, "MAX_RUNS", 3)
    ring = PcmRing(1, 100, 1.0)
    ring.begin()
    for second in range(10):
        ring.write(ramp(10 * second, 10))
        read(ring, 10, float(second))
        read(ring, 10, second + 0.1)
    assert len(ring.runs) == 3
    assert ring.time_of(95) == 9.05
    assert ring.stalls == 10


def test_the_writer_tells_a_reader_that_asked_for_it() -> None:
    ring = PcmRing(1)
    told: list[tuple[int, bool, int | None]] = []
    ring.on_write = lambda: told.append((ring.written, ring.playing, ring.length))
    ring.write(ramp(0, 10))
    ring.begin()
    ring.finish()
    assert told == [(10, False, None), (10, True, None), (10, True, 10)]
