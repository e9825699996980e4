from __future__ import annotations

import copy
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from clicks import RATE, Cut, Samples, click_db, speech
from oggstream.playout.seams import SILENCE, Joiner, cross_fade, fade_in, fade_out, faded_tail, merge

SPEECHES = ("generation_a.opus", "generation_b.opus", "restart.opus")
MS = RATE // 1000


def cuts() -> list[tuple[Samples, Cut]]:
    return [(pcm, cut) for pcm, places in map(speech, SPEECHES) for cut in places]


def percentile(percent: float, measure: Callable[[Samples, Cut], float]) -> float:
    """Of ``measure`` over all cuts in the speech of the fixtures."""
    return float(np.percentile([measure(pcm, cut) for pcm, cut in cuts()], percent))


def constant(samples: int, value: float = 0.5, channels: int = 1) -> Samples:
    return np.full((samples, channels), value, np.float32)


def tone(samples: int, hz: float = 150.0, phase: float = 0.0) -> Samples:
    wave = 0.5 * np.sin(2 * np.pi * hz * np.arange(samples) / RATE + phase)
    return wave.astype(np.float32)[:, None]


# The measure itself.


def test_sound_cut_off_clicks_as_the_measure_has_it() -> None:
    def cut_off(pcm: Samples, cut: Cut) -> float:
        broken = pcm.copy()
        broken[cut.at :] = 0
        return click_db(broken, pcm, cut.at, RATE)

    assert percentile(50, cut_off) > 4
    assert percentile(95, cut_off) > 25


def test_unbroken_sound_is_0_db() -> None:
    pcm, places = speech()
    assert click_db(pcm, pcm, places[0].at, RATE) == 0


def test_the_edge_may_be_at_an_end_and_silence_is_measured_against_the_floor() -> None:
    silence = np.zeros(100, np.float32)
    assert click_db(silence, silence, 0, RATE) == 0
    assert click_db(silence, silence, 100, RATE) == 0


# Fades.


def test_a_fade_in_comes_up_from_silence_and_leaves_the_rest() -> None:
    pcm = constant(500, channels=2)
    faded = fade_in(pcm, 240)
    assert abs(faded[0]).max() < 1e-4
    assert (np.diff(faded[:240, 0]) > 0).all()
    assert np.array_equal(faded[240:], pcm[240:])
    assert (pcm == 0.5).all()


def test_a_fade_out_goes_down_to_silence_and_leaves_the_rest() -> None:
    pcm = constant(500, channels=2)
    faded = fade_out(pcm, 240)
    assert np.array_equal(faded[:260], pcm[:260])
    assert np.array_equal(faded[::-1], fade_in(pcm, 240))


def test_what_is_shorter_than_the_fade_is_faded_over_its_length() -> None:
    assert np.array_equal(fade_in(constant(10), 240), fade_in(constant(10), 10))
    assert np.array_equal(fade_out(constant(10), 240), fade_out(constant(10), 10))
    assert len(fade_in(constant(0), 240)) == len(fade_out(constant(0), 0)) == 0


def test_a_resume_with_a_fade_in_does_not_click() -> None:
    def resumed(pcm: Samples, cut: Cut) -> float:
        broken = np.concatenate((np.zeros_like(pcm[: cut.at]), fade_in(pcm[cut.at :], 5 * MS)))
        return click_db(broken, pcm, cut.at, RATE)

    assert percentile(95, resumed) < -15


# Tails.


def test_a_tail_keeps_its_level_then_fades_and_is_silent() -> None:
    tail = faded_tail(constant(80 * MS), RATE)
    assert (tail[: 15 * MS] == 0.5).all()
    assert (np.diff(tail[15 * MS : 60 * MS, 0]) <= 0).all()
    assert not tail[60 * MS :].any()
    assert len(tail) == 80 * MS


@pytest.mark.parametrize("milliseconds", [60, 40, 20, 5])
def test_a_tail_of_any_length_ends_in_silence(milliseconds: int) -> None:
    assert abs(faded_tail(constant(milliseconds * MS), RATE)[-1]).max() < 1e-3


def test_nothing_has_no_tail() -> None:
    assert len(faded_tail(constant(0), RATE)) == 0


def test_speech_that_ends_in_a_tail_does_not_click() -> None:
    def ended(pcm: Samples, cut: Cut) -> float:
        tail = faded_tail(cut.concealed, RATE)
        end = np.concatenate((pcm[: cut.at], tail, np.zeros((480, 1), np.float32)))
        return click_db(end, pcm, cut.at + len(tail), RATE)

    assert percentile(95, ended) < -21


# Cross-fades.


def test_a_cross_fade_begins_with_the_old_and_goes_on_with_the_new() -> None:
    old, new = constant(300, 0.1), constant(500, 0.4)
    joined = cross_fade(old, new, 240)
    assert joined[0, 0] == pytest.approx(0.1, abs=1e-3)
    assert joined[239, 0] == pytest.approx(0.4, abs=1e-3)
    assert np.array_equal(joined[240:], new[240:])


def test_a_cross_fade_of_equal_signals_changes_nothing() -> None:
    pcm = tone(500)
    assert np.allclose(cross_fade(pcm, pcm, 240), pcm, atol=1e-6)


def test_a_cross_fade_of_unlike_signals_keeps_the_power() -> None:
    random = np.random.default_rng(1)
    old, new = random.normal(0, 0.1, (2, 48000, 1)).astype(np.float32)
    middle = cross_fade(old, new, 48000)[20000:28000]
    assert float(np.std(middle)) == pytest.approx(0.1, rel=0.05)


def test_an_old_signal_that_ends_early_is_silent_from_there_on() -> None:
    joined = cross_fade(constant(100), constant(500), 240)
    assert joined.shape == (500, 1)
    assert np.array_equal(joined[240:], constant(260))


def test_where_there_is_less_new_sound_the_cross_fade_is_as_long_as_it() -> None:
    assert len(cross_fade(constant(500), constant(100), 240)) == 100
    assert len(cross_fade(constant(500), constant(0), 240)) == 0


@pytest.mark.parametrize("late", [2, 5, 10, 20, 40])
def test_a_late_packet_is_joined_without_a_click(late: int) -> None:
    """High frequencies never exceed those of the louder of the two signals, and a hard splice is far above."""

    def joined(pcm: Samples, cut: Cut) -> float:
        edge, tail, heard = _joined(pcm, cut, late * MS)
        return min(click_db(heard, pcm[cut.at - edge + late * MS :], edge, RATE), click_db(heard, tail, edge, RATE))

    assert percentile(95, joined) < 1


def _joined(pcm: Samples, cut: Cut, late: int) -> tuple[int, Samples, Samples]:
    """Where a late packet begins, how the tail would have gone on, and the packet joined to it."""
    tail = np.concatenate((pcm[cut.at - 960 : cut.at], faded_tail(cut.concealed, RATE)))
    edge = 960 + late
    return edge, tail, np.concatenate((tail[:edge], cross_fade(tail[edge:], pcm[cut.at :], 360)))


# Merging in phase.


def test_a_voice_is_met_in_phase() -> None:
    old, new = tone(2000), tone(1000, phase=2.5)
    merged = merge(old, new, RATE)
    extra = len(merged) - len(new)
    assert 0 < extra < RATE / 150
    assert np.allclose(merged[: extra + 300], old[: extra + 300], atol=0.02)  # goes on as if nothing had happened
    assert np.array_equal(merged[extra + 360 :], new[360:])


def test_a_merge_in_phase_has_neither_dip_nor_bulge() -> None:
    merged = merge(tone(2000), tone(1000, phase=3.1), RATE)
    peaks = [abs(merged[at : at + 320]).max() for at in range(0, 960, 160)]
    assert min(peaks) > 0.49
    assert max(peaks) < 0.51


def test_the_speech_of_the_fixtures_is_met_in_phase_mostly() -> None:
    def likeness(pcm: Samples, cut: Cut) -> float:
        late = 10 * MS
        tail = faded_tail(cut.concealed, RATE)[late:]
        extra = len(merge(tail, pcm[cut.at :], RATE)) - len(pcm[cut.at :])
        return float(np.corrcoef(tail[extra : extra + 360, 0], pcm[cut.at : cut.at + 360, 0])[0, 1])

    assert percentile(50, likeness) > 0.7  # without it about 0


def test_what_has_no_phase_is_joined_at_once() -> None:
    random = np.random.default_rng(1)
    old, new = random.normal(0, 0.1, (2, 1500, 2)).astype(np.float32)
    assert np.array_equal(merge(old, new, RATE), cross_fade(old, new, 360))


def test_what_is_over_is_faded_from_at_once() -> None:
    assert np.array_equal(merge(tone(100), tone(500), RATE), cross_fade(tone(100), tone(500), 360))
    assert np.array_equal(merge(np.zeros((960, 1), np.float32), tone(500), RATE)[360:], tone(500)[360:])
    assert len(merge(tone(100), tone(0), RATE)) == 0


# Joins.

PAUSE = 0.1
SPOKEN = tone(4000)
QUIET = np.float32(1e-3)


def silence(samples: int) -> Samples:
    return np.random.default_rng(samples).uniform(-QUIET, QUIET, (samples, 1)).astype(np.float32)


def piece(before: int, after: int) -> Samples:
    spoken = np.where(abs(SPOKEN) < SILENCE, np.float32(SILENCE), SPOKEN)  # its zero crossings are not silence
    return np.concatenate((silence(before), spoken, silence(after)))


def join(joiner: Joiner, *pieces: Samples, block: int = 960) -> Samples:
    parts = []
    for index, pcm in enumerate(pieces):
        if index:
            parts += joiner.end_piece()
        for at in range(0, len(pcm), block):
            parts += joiner.feed(pcm[at : at + block])
    return np.concatenate([*parts, *joiner.finish()])


def silences(pcm: Samples) -> list[int]:
    """Lengths of the silences at the start, between sounds and at the end."""
    loud = np.flatnonzero(abs(pcm[:, 0]) >= SILENCE)
    gaps = np.diff(loud) - 1
    return [int(loud[0]), *map(int, gaps[gaps > 0]), len(pcm) - int(loud[-1]) - 1]


@settings(max_examples=50)
@given(after=st.integers(0, 9600), before=st.integers(0, 9600), block=st.integers(90, 5000))
def test_the_silence_between_two_pieces_becomes_the_pause_exactly(after: int, before: int, block: int) -> None:
    first, second = piece(500, after), piece(before, 700)
    joined = join(Joiner(RATE, PAUSE), first, second, block=block)
    gap = round(PAUSE * RATE)
    assert len(joined) == 500 + 4000 + gap + 4000 + 700
    assert np.array_equal(joined[:4500], first[:4500])
    assert np.array_equal(joined[4500 + gap :], second[before:])
    loud_decay = 96 if after == 0 else 0  # a piece that is cut off in sound dies away within 2 ms
    assert (abs(joined[4500 + loud_decay : 4500 + gap]) < SILENCE).all()


def test_a_pause_that_is_right_already_is_untouched() -> None:
    first, second = piece(0, 3000), piece(1800, 0)
    assert np.array_equal(join(Joiner(RATE, PAUSE), first, second), np.concatenate((first, second)))


def test_no_pause_joins_sound_to_sound() -> None:
    joined = join(Joiner(RATE, 0.0), piece(100, 2000), piece(3000, 100))
    assert silences(joined) == [100, 100]


def test_of_long_silence_its_ends_are_kept_and_faded_at_the_cut() -> None:
    first, second = piece(0, 9600), piece(9600, 0)
    joined = join(Joiner(RATE, PAUSE), first, second)
    start, end, onset = 4000, 4000 + 4800, 480
    cut = end - onset
    assert np.array_equal(joined[start : cut - 96], first[start : cut - 96])
    assert np.array_equal(joined[cut + 96 : end], second[9600 - onset + 96 : 9600])
    assert abs(joined[cut - 5 : cut + 5]).max() < 0.1 * QUIET


def test_silence_within_a_piece_and_before_the_first_and_after_the_last_sound_is_untouched() -> None:
    whole = np.concatenate((piece(30000, 20000), piece(0, 40000)))
    assert np.array_equal(join(Joiner(RATE, PAUSE), whole), whole)


def test_the_first_silence_is_not_waited_for() -> None:
    assert [len(part) for part in Joiner(RATE, PAUSE).feed(silence(960))] == [960]


def test_sound_is_never_held_back_and_silence_only_beyond_the_pause() -> None:
    joiner = Joiner(RATE, PAUSE)
    assert sum(map(len, joiner.feed(piece(0, 0)))) == 4000
    given = sum(sum(map(len, joiner.feed(silence(960)))) for _ in range(20))
    assert given == 4800 - 480 - 96


def test_silent_pieces_count_as_the_silence_between_those_that_sound() -> None:
    joined = join(Joiner(RATE, PAUSE), piece(0, 100), silence(7000), silence(90000), piece(200, 0))
    assert silences(joined) == [0, 4800, 0]


def test_silent_pieces_at_the_start_are_played() -> None:
    assert silences(join(Joiner(RATE, PAUSE), silence(700), piece(300, 0)))[0] == 1000


def test_a_piece_that_is_silent_for_seconds_is_not_held_for_ever() -> None:
    joiner = Joiner(RATE, PAUSE)
    joiner.feed(piece(0, 0))
    given = sum(len(part) for _ in range(600) for part in joiner.feed(silence(960)))
    assert given > 600 * 960 - 5.1 * RATE
    joiner.end_piece()
    assert sum(map(len, joiner.feed(piece(5000, 0)))) == 4000  # the pause was over long ago


def test_without_a_pause_everything_passes_as_it_is() -> None:
    joiner = Joiner(RATE, None)
    first = piece(100, 5000)
    assert joiner.feed(first)[0] is first
    assert joiner.end_piece() == []
    assert joiner.piece_start == len(first)
    assert joiner.finish() == []


@pytest.mark.parametrize(
    ("after", "before", "kept"),
    [(0, 0, 0), (9000, 50, 50), (50, 9000, 4750), (9000, 9000, 480), (2400, 2400, 2400), (100, 200, 200)],
)
def test_the_joiner_says_where_a_piece_begins(after: int, before: int, kept: int) -> None:
    joiner = Joiner(RATE, PAUSE)
    joined = join(joiner, piece(0, after), piece(before, 0))
    assert joiner.piece_start == 4000 + 4800 - kept
    assert joiner.given == len(joined)


def test_silence_within_a_piece_does_not_count_for_the_pause_after_it() -> None:
    first = np.concatenate((piece(0, 3000), piece(0, 1000)))
    assert silences(join(Joiner(RATE, PAUSE), first, piece(9000, 0))) == [0, 3000, 4800, 0]


def test_a_piece_of_endless_silence_takes_no_endless_memory() -> None:
    joiner = Joiner(RATE, PAUSE)
    joiner.feed(piece(0, 0))
    joiner.end_piece()
    for _ in range(100):
        assert joiner.feed(silence(960)) == []
    assert joiner._leading is not None
    assert sum(map(len, joiner._leading)) <= 4801


def test_a_piece_that_is_cut_off_in_sound_dies_away() -> None:
    loud = constant(2000)
    joined = join(Joiner(RATE, PAUSE), loud, loud)
    broken = np.concatenate((loud, np.zeros((4800, 1), np.float32), loud))
    assert click_db(joined, broken, 2000, RATE) < -30
    assert len(joined) == len(broken)


def test_a_copy_comes_back_to_its_place() -> None:
    joiner, other = Joiner(RATE, PAUSE), Joiner(RATE, PAUSE)
    for each in (joiner, other):
        each.feed(piece(0, 4300))
    kept = copy.copy(joiner)
    joiner.feed(silence(2000))  # proves to be damaged
    for each in (kept, other):
        each.end_piece()
    assert np.array_equal(np.concatenate(kept.feed(SPOKEN)), np.concatenate(other.feed(SPOKEN)))


def test_joins_keep_all_channels() -> None:
    stereo = np.repeat(piece(2000, 3000), 2, axis=1)
    stereo[: 2000 + 4000, 1] = 0
    joined = join(Joiner(RATE, PAUSE), stereo, stereo)
    assert joined.shape == (2000 + 4000 + 4800 + 4000 + 3000, 2)


def test_speech_is_joined_without_a_click() -> None:
    pcm, places = speech()
    marks = places[:: len(places) // 12]
    for cut in marks:  # the service cuts its piece off anywhere
        joiner = Joiner(RATE, PAUSE)
        joined = join(joiner, pcm[: cut.at], pcm)
        assert click_db(joined, pcm, cut.at, RATE) < 6
