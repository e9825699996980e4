"""The mapping between samples of the speech and positions in the ring."""

from __future__ import annotations

from hypothesis import given, strategies as st

from oggstream.engine.output import positions
from oggstream.engine.output.positions import Positions


def test_without_anything_put_in_both_count_the_same() -> None:
    line = Positions()
    line.note(960, 960)
    assert (line.ring_at(500), line.speech_at(500), line.ring_at(5000)) == (500, 500, 5000)


def test_what_was_put_in_moves_all_that_follows() -> None:
    line = Positions()
    line.put_in(1000, 1000, 300)
    assert line.ring_at(999) == 999
    assert line.ring_at(1000) == 1300
    assert [line.speech_at(ring) for ring in (999, 1000, 1150, 1300, 1400)] == [999, 1000, 1000, 1000, 1100]


def test_a_stretched_block_is_spread_evenly() -> None:
    line = Positions()
    line.note(1000, 1000)
    line.note(2000, 2200)
    assert line.ring_at(1500) == 1600
    assert line.speech_at(1600) == 1500
    assert line.ring_at(3000) == 3200


def test_what_was_taken_back_is_forgotten() -> None:
    line = Positions()
    line.put_in(1000, 1000, 300)
    line.forget_from(900)
    assert line.ring_at(2000) == 2000


def test_an_hour_of_stretching_keeps_a_bounded_number_of_points() -> None:
    line = Positions()
    for block in range(30_000):
        line.note(960 * (block + 1), 1000 * (block + 1) + block % 7)
    assert len(line._points) <= positions.MAX_POINTS
    assert abs(line.ring_at(960 * 29_000) - 1000 * 29_000) < 50


@given(st.lists(st.tuples(st.integers(1, 5000), st.integers(0, 3000)), min_size=1, max_size=40))
def test_there_and_back_is_the_same_sample_and_nothing_goes_backwards(blocks: list[tuple[int, int]]) -> None:
    line = Positions()
    speech = ring = 0
    for samples, more in blocks:
        stretched = 0 if more > samples else more
        if more > samples:
            line.put_in(speech, ring, more)
            ring += more
        speech, ring = speech + samples, ring + samples + stretched
        line.note(speech, ring)
    places = [line.ring_at(sample) for sample in range(0, speech, 97)]
    assert places == sorted(places)
    for sample, place in zip(range(0, speech, 97), places, strict=True):
        assert abs(line.speech_at(place) - sample) <= 1
