from __future__ import annotations

import numpy as np
import pytest

from oggstream.audio.ring import PcmRing
from oggstream.sinks.telephone.playing import (
    FRAME,
    FRAME_SECONDS,
    LEAST_AHEAD,
    MOST_AHEAD,
    MOST_MARKS,
    RATE,
    RESERVE,
    Frame,
    Line,
    Playing,
)


def ring_of(seconds: float, *, ended: bool = True) -> PcmRing:
    ring = PcmRing(1, RATE, 10.0)
    ring.write(np.full(round(seconds * RATE), 0.5, np.float32))
    ring.begin()
    if ended:
        ring.finish()
    return ring


def sent(playing: Playing, now: float) -> list[Frame]:
    """All that is due."""
    frames = []
    while (frame := playing.due(now)) is not None:
        frames.append(frame)
    return frames


def sound(frames: list[Frame]) -> int:
    """How many of them have sound."""
    return sum(bool(np.frombuffer(frame.samples, np.float32).any()) for frame in frames)


def test_as_much_is_sent_ahead_as_the_far_end_may_have_and_then_a_frame_each_frame() -> None:
    playing = Playing(ring_of(2.0), Line())
    assert len(sent(playing, 5.0)) * FRAME_SECONDS == pytest.approx(MOST_AHEAD + FRAME_SECONDS)
    assert playing.wait(5.0) == pytest.approx(FRAME_SECONDS)
    assert not sent(playing, 5.01)
    assert len(sent(playing, 5.02)) == 1


def test_what_the_engine_covers_late_packets_with_stays_in_the_ring() -> None:
    ring = ring_of(2 * RESERVE, ended=False)
    playing = Playing(ring, Line())
    assert sound(sent(playing, 0.0)) == RESERVE / FRAME_SECONDS
    assert ring.fill == RESERVE * RATE
    assert playing.wait(0.0) == pytest.approx(RESERVE - LEAST_AHEAD)


def test_a_frame_that_is_not_full_is_only_sent_when_the_far_end_has_nothing_more() -> None:
    ring = ring_of(1.25 * FRAME_SECONDS, ended=False)
    playing = Playing(ring, Line())
    assert len(sent(playing, 0.0)) == 1
    assert ring.stalls == 0
    assert playing.wait(0.0) == pytest.approx(FRAME_SECONDS)
    ring.write(np.full(FRAME, 0.5, np.float32))
    assert len(sent(playing, 0.0)) == 1  # now it is


def test_a_ring_that_runs_empty_is_silence_in_real_time_and_one_stall() -> None:
    ring = ring_of(FRAME_SECONDS, ended=False)
    playing, frames = Playing(ring, Line()), []
    for tick in range(50):
        frames += sent(playing, tick / 50)
    assert (sound(frames), len(frames)) == (1, 50)
    assert ring.stalls == 1
    assert ring.stalled_samples / RATE == pytest.approx(0.98)


def test_the_last_frame_is_held_back_and_has_a_mark() -> None:
    playing = Playing(ring_of(0.1), Line())
    first = sent(playing, 0.0)
    assert sound(first) == 4
    last = sent(playing, 0.1 - FRAME_SECONDS - LEAST_AHEAD)
    assert sound(last) == 1
    assert [frame.mark is not None for frame in first + last] == [False, False, False, False, True]
    assert playing.ring.done
    assert not playing.heard_all
    playing.played(last[0].mark or "", 0.13)
    assert playing.heard_all


def test_what_was_heard_is_what_marks_said_and_the_time_since_but_no_more_than_the_next_mark() -> None:
    playing = Playing(ring_of(2.0), Line())
    marks = [frame.mark for frame in sent(playing, 0.0) if frame.mark] + [
        frame.mark for frame in sent(playing, 0.06) if frame.mark
    ]
    assert len(marks) == 2
    assert playing.heard(0.1) == 0
    playing.played(marks[0], 0.15)
    assert playing.heard(0.15) == 5 * FRAME
    assert playing.heard(0.20) == 5 * FRAME + 400
    assert playing.heard(0.90) == 10 * FRAME
    playing.played("of another ring", 0.2)
    assert playing.heard(0.15) == 5 * FRAME


def test_the_round_trip_is_the_shortest_that_a_mark_took() -> None:
    line = Line()
    playing = Playing(ring_of(2.0), line)
    marks = [frame.mark for at in (0.0, 0.06, 0.12, 0.18) for frame in sent(playing, at) if frame.mark]
    for mark, at in zip(marks, (0.18, 0.25), strict=False):
        playing.played(mark, at)
    assert line.round_trip == pytest.approx(0.05)
    assert line.delay == pytest.approx(0.025)


def test_what_is_cut_counts_from_what_was_heard_and_is_silent() -> None:
    playing = Playing(ring_of(5.0), Line())
    marks = []
    for tick in range(100):  # a far end that is one second behind: more than a device may have
        marks += [frame.mark for frame in sent(playing, tick / 50) if frame.mark]
    playing.played(marks[0], 1.98)
    playing.cut(1.98)
    assert playing.ring.read == 5 * FRAME
    assert playing.ring.silenced
    assert playing.heard_all
    assert not sent(playing, 2.0)


def test_a_carrier_that_never_answers_costs_a_bounded_number_of_marks() -> None:
    ring = ring_of(0.02, ended=False)
    playing = Playing(ring, Line())
    for tick in range(5 * MOST_MARKS + 500):
        sent(playing, tick / 50)
    assert len(playing._marks) == MOST_MARKS
