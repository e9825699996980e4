"""Which pause of a sound is which border of its text."""

from __future__ import annotations

import pytest

from oggstream.engine.pause_matching import Anchor, Pause, matched

RATE = 48000
WEIGHTS = [0.0, *(5.0 * at for at in range(1, 41))]  # forty words, a quarter of a second each
WORD = RATE // 4
CLAUSE, SENTENCE = 1, 2


def pause(at_word: float, seconds: float = 0.3) -> Pause:
    return Pause(round(at_word * WORD), round(seconds * RATE), 0)


def anchors(pauses: list[Pause], borders: list[tuple[int, int]]) -> list[tuple[float, int]]:
    found = matched(Anchor(0, 0), Anchor(40 * WORD, 40), pauses, borders, WEIGHTS)
    return [(anchor.sounded / WORD, anchor.word) for anchor in found]


def test_each_pause_is_the_border_near_to_it() -> None:
    assert anchors([pause(9), pause(21)], [(10, CLAUSE), (20, SENTENCE)]) == [(9, 10), (21, 20)]


def test_a_border_without_a_pause_is_left_out() -> None:
    assert anchors([pause(21)], [(10, CLAUSE), (20, SENTENCE), (30, CLAUSE)]) == [(21, 20)]


def test_a_pause_without_a_border_is_left_out() -> None:
    assert anchors([pause(5, 0.1), pause(20)], [(20, SENTENCE)]) == [(20, 20)]


def test_of_two_pauses_near_a_border_the_one_that_fits_is_taken() -> None:
    assert anchors([pause(16, 0.1), pause(20.5)], [(20, SENTENCE)]) == [(20.5, 20)]


def test_a_voice_that_slows_down_moves_all_that_follows() -> None:
    found = anchors([pause(13), pause(24), pause(32)], [(10, SENTENCE), (20, SENTENCE), (30, SENTENCE)])
    assert [word for _, word in found] == [10, 20, 30]


@pytest.mark.parametrize(("pauses", "borders"), [([], [(10, CLAUSE)]), ([pause(10)], []), ([], [])])
def test_without_pauses_or_borders_there_is_nothing_to_match(
    pauses: list[Pause], borders: list[tuple[int, int]]
) -> None:
    assert anchors(pauses, borders) == []
