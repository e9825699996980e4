"""Writing a speech into a ring: concealment tails, withdrawal, and positions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from oggstream.audio.ring import PcmRing
from oggstream.engine.output.ring_writer import RingWriter
from oggstream.playout.stretch import PreemptiveExpander

RATE = 48000
Pcm = np.ndarray[Any, np.dtype[np.float32]]


def ramp(samples: int, start: int = 0) -> Pcm:
    """Samples that are all different, so that each can be told."""
    return (np.arange(start, start + samples, dtype=np.float32) / 1e6).reshape(-1, 1)


class Listener:
    """Reads the ring as a device would."""

    def __init__(self, ring: PcmRing) -> None:
        self.ring = ring
        self.heard: list[float] = []

    def read(self, samples: int) -> None:
        block = bytearray(4 * samples)
        self.ring.read_into(memoryview(block), len(self.heard) / RATE)
        self.heard += np.frombuffer(block, np.float32).tolist()


@pytest.fixture
def writer() -> RingWriter:
    ring = PcmRing(1, RATE, 1.0)
    ring.resume_fill = 1
    return RingWriter(ring, PreemptiveExpander(1, RATE))


@pytest.fixture
def listener(writer: RingWriter) -> Listener:
    return Listener(writer.ring)


def test_a_tail_is_not_heard_when_the_next_samples_come_in_time(writer: RingWriter, listener: Listener) -> None:
    writer.write(ramp(1000))
    writer.ring.begin()
    writer.cover(np.full((500, 1), 0.5, np.float32))
    assert (writer.covered, writer.end, writer.unread) == (True, 1000, 1000)
    listener.read(800)
    writer.write(ramp(1000, 1000))
    listener.read(1200)
    assert listener.heard == ramp(2000).ravel().tolist()
    assert writer.concealed == 0
    assert writer.positions.ring_at(1500) == 1500


def test_a_late_packet_is_faded_into_from_the_tail_and_all_of_it_is_heard(
    writer: RingWriter, listener: Listener
) -> None:
    writer.write(ramp(1000))
    writer.ring.begin()
    writer.cover(np.zeros((2000, 1), np.float32))
    listener.read(1200)
    assert writer.unread == 0
    writer.write(ramp(4000, 1000))
    assert writer.concealed >= 200
    assert writer.positions.ring_at(1000) == 1000 + writer.concealed
    listener.read(3000)
    late = writer.positions.ring_at(2000)
    assert listener.heard[late] == pytest.approx(ramp(1, 2000)[0, 0])  # behind the fade it is the speech itself
    assert writer.ring.stalls == 0


def test_a_tail_that_was_heard_to_its_end_is_a_stall_and_what_follows_is_whole(
    writer: RingWriter, listener: Listener
) -> None:
    writer.write(ramp(1000))
    writer.ring.begin()
    writer.cover(np.zeros((500, 1), np.float32))
    listener.read(2000)
    assert writer.ring.stalled
    writer.write(ramp(1000, 1000))
    assert (writer.concealed, writer.ring.stalls) == (500, 1)
    assert writer.speech == 2000
    assert writer.positions.speech_at(1500) == 1000


def test_the_end_takes_the_tail_back(writer: RingWriter, listener: Listener) -> None:
    writer.write(ramp(1000))
    writer.ring.begin()
    writer.cover(np.full((500, 1), 0.5, np.float32))
    assert writer.finish(broken=False)
    listener.read(2000)
    assert listener.heard == [*ramp(1000).ravel().tolist(), *[0.0] * 1000]


def test_what_is_void_and_unheard_leaves_no_trace(writer: RingWriter, listener: Listener) -> None:
    writer.write(ramp(1000))
    writer.ring.begin()
    mark = writer.mark()
    writer.write(np.full((800, 1), 0.5, np.float32))
    assert writer.take_back(mark) == (800, 0)
    writer.write(ramp(1000, 1000))
    listener.read(2000)
    assert listener.heard == ramp(2000).ravel().tolist()
    assert writer.speech == 2000


def test_void_samples_that_were_heard_take_the_place_of_made_up_ones(writer: RingWriter, listener: Listener) -> None:
    writer.write(ramp(1000))
    writer.ring.begin()
    mark = writer.mark()
    writer.write(np.full((800, 1), 0.5, np.float32))
    listener.read(1200)
    assert writer.take_back(mark) == (600, 200)
    writer.write(np.full((960, 1), 0.25, np.float32), concealed=True)
    writer.write(ramp(3000, 1960))
    assert writer.speech == 4960  # not 200 more
    assert abs(writer.positions.ring_at(1960) - 1960) <= 0.015 * RATE  # but for meeting it in phase


def test_void_samples_that_were_heard_are_not_owed_by_what_is_real(writer: RingWriter, listener: Listener) -> None:
    writer.write(ramp(1000))
    writer.ring.begin()
    mark = writer.mark()
    writer.write(np.full((800, 1), 0.5, np.float32))
    listener.read(1200)
    writer.take_back(mark)
    writer.write(ramp(3000, 1000))
    assert writer.speech == 1200 + 3000


def test_what_has_no_room_waits_and_can_be_taken_back_too(writer: RingWriter) -> None:
    mark = writer.mark()
    writer.write(ramp(RATE + 5000))
    assert writer.pending
    assert writer.end == RATE + 5000
    assert not writer.flush()
    assert writer.take_back(mark) == (RATE + 5000, 0)
    assert (writer.end, writer.pending) == (0, False)


def test_what_has_no_room_is_cut_to_the_sample(writer: RingWriter) -> None:
    writer.write(ramp(RATE + 5000))
    writer.cut_back(RATE + 1000)
    assert (writer.end, writer.speech) == (RATE + 1000, RATE + 1000)
    writer.cut_back(1000)
    assert (writer.end, writer.ring.written, writer.pending) == (1000, 1000, False)


def test_times_are_those_of_the_samples_wherever_they_lie(writer: RingWriter, listener: Listener) -> None:
    writer.write(ramp(1000))
    writer.ring.begin()
    writer.cover(np.zeros((500, 1), np.float32))
    listener.read(2000)
    writer.write(ramp(1000, 1000))
    listener.read(1000)
    assert writer.time_of(999) == pytest.approx(999 / RATE)
    assert writer.time_of(1000) == pytest.approx(2000 / RATE)
    assert writer.time_of(1000, end=True) == pytest.approx(1000 / RATE)
    assert writer.time_of(2001) is None
    assert writer.heard(2500 / RATE) == 1500
