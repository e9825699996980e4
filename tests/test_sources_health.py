from __future__ import annotations

import pytest

from oggstream.sources import health
from oggstream.sources.health import FailureKind, Health


def test_one_passing_failure_changes_nothing_and_two_in_a_row_give_a_rest() -> None:
    one = Health()
    one.failed(FailureKind.PASSING, 100.0)
    assert one.fit(100.0)
    one.failed(FailureKind.PASSING, 101.0)
    assert not one.fit(110.9)
    assert one.fit(111.0)


def test_failures_with_a_success_between_them_are_not_in_a_row() -> None:
    one = Health()
    for _ in range(5):
        one.failed(FailureKind.PASSING, 0.0)
        one.delivered()
    assert one.fit(0.0)


def test_rests_in_a_row_double_up_to_a_limit() -> None:
    one, now, rests = Health(), 0.0, []
    for _ in range(8):
        one.failed(FailureKind.BROKEN, now)
        began, now = now, next(now + second for second in range(1000) if one.fit(now + second))
        rests.append(now - began)
        one.asked()
    assert rests == [10, 20, 40, 80, 160, 300, 300, 300]


def test_lasting_failure_gives_the_longest_rest_at_once() -> None:
    one = Health()
    one.failed(FailureKind.LASTING, 0.0)
    assert not one.fit(health.LONGEST_REST - 1)
    assert one.fit(health.LONGEST_REST)


def test_after_a_rest_one_piece_tries_it() -> None:
    one = Health()
    one.failed(FailureKind.BROKEN, 0.0)
    one.asked()
    assert not one.fit(1000.0)
    one.answered(0.1, 10)
    assert one.fit(0.0)


def test_trial_that_fails_even_in_passing_gives_the_next_rest() -> None:
    one = Health()
    one.failed(FailureKind.BROKEN, 0.0)
    one.asked()
    one.failed(FailureKind.PASSING, 10.0)
    assert not one.fit(29.0)
    assert one.fit(30.0)


def test_trial_that_nobody_waited_for_leaves_the_next_one_free() -> None:
    one = Health()
    one.failed(FailureKind.BROKEN, 0.0)
    one.asked()
    one.left()
    assert one.fit(10.0)
    assert not one.fit(9.0)


def test_parallel_failures_are_one_rest_after_the_other_not_shorter() -> None:
    one = Health()
    one.failed(FailureKind.LASTING, 0.0)
    one.failed(FailureKind.PASSING, 1.0)
    assert not one.fit(health.LONGEST_REST - 1)


@pytest.mark.parametrize(
    ("answers", "characters", "patience"),
    [
        ([], 50, 5.0),
        ([(0.01, 50)], 50, 0.4),
        ([(1.0, 50)], 50, 1.5),
        ([(1.0, 50), (0.2, 300)], 300, 1.5),
        ([(1.0, 50)], 200, 6.0),
        ([(9.0, 50)], 50, 10.0),
        ([(3.0, 50)] + [(0.4, 50)] * 8, 50, 0.6),
    ],
)
def test_patience_is_what_the_last_answers_explain(
    answers: list[tuple[float, int]], characters: int, patience: float
) -> None:
    one = Health()
    for answer in answers:
        one.answered(*answer)
    assert one.patience(characters) == pytest.approx(patience)


def test_one_that_never_answered_is_given_little_time_after_a_rest() -> None:
    one = Health()
    one.failed(FailureKind.BROKEN, 0.0)
    assert one.patience(50) == health.TRIAL_PATIENCE
