"""When a first sound is late, and the budget for extra requests."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from oggstream.playout.lateness import BUCKET, ENOUGH, FORMATS, KEPT, Lateness, Wait

waits = st.lists(st.builds(Wait, st.integers(0, 4096), st.integers(0, 60_000).map(lambda ms: ms / 1000)), max_size=9)
values = st.builds(
    Lateness,
    st.dictionaries(st.text(max_size=5), waits.map(tuple), max_size=FORMATS).map(lambda known: tuple(known.items())),
    st.integers(0, 10**6),
    st.integers(0, 100_000).map(lambda number: number / 1000),
)


def after(*seconds: float, characters: int = 50, tokens: float = BUCKET) -> Lateness:
    value = Lateness(owed=BUCKET - tokens)
    for each in seconds:
        value = value.with_wait("opus", Wait(characters, each))
    return value


@given(values)
def test_plain_data_and_back_are_the_same(value: Lateness) -> None:
    assert Lateness.from_list(json.loads(json.dumps(value.to_list()))) == value


@pytest.mark.parametrize(
    "data",
    [
        None,
        [1, 2],
        [1, -1, {}],
        [1.5, 1, {}],
        [1, float("nan"), {}],
        [1, 1, {"opus": [1]}],
        [1, 1, {"opus": [1, -2]}],
        [1, 1, {"opus": ["1", 2]}],
        [1, 1, []],
    ],
)
def test_damaged_data_are_refused(data: Any) -> None:
    with pytest.raises((ValueError, TypeError, AttributeError)):
        Lateness.from_list(data)


def test_nothing_is_late_before_enough_is_known() -> None:
    assert after(*[0.5] * (ENOUGH - 1)).late_after("opus", 50) is None
    assert after(*[0.5] * ENOUGH).late_after("opus", 50) is not None


def test_only_texts_of_a_similar_length_and_the_same_format_tell() -> None:
    value = after(*[0.5] * 20, characters=50)
    assert value.late_after("opus", 100) is not None
    assert value.late_after("opus", 101) is None
    assert value.late_after("opus", 24) is None
    assert value.late_after("pcm", 50) is None
    assert value.usual("opus", 60) == 0.5
    assert value.usual("opus", 600) == 0.0


def test_with_the_last_token_only_a_wait_longer_than_all_before_is_late() -> None:
    seconds = [0.5] * 30 + [0.7, 3.0]
    assert after(*seconds, tokens=1.0).late_after("opus", 50) == 3.0
    assert after(*seconds, tokens=0.99).late_after("opus", 50) is None


def test_a_full_bucket_calls_the_slowest_quarter_late() -> None:
    seconds = [0.1 * n for n in range(1, 41)]
    assert after(*seconds).late_after("opus", 50) == pytest.approx(3.0)
    assert after(*seconds, tokens=5.5).late_after("opus", 50) == pytest.approx(3.5)


def test_a_wait_that_is_hardly_longer_than_usual_is_never_late() -> None:
    assert after(*[0.5, 0.51, 0.52] * 10).late_after("opus", 50) == pytest.approx(1.2 * 0.51)


def test_the_share_of_extra_requests_holds_over_time() -> None:
    value, sent = Lateness(), 0
    for _ in range(2000):
        value = value.earned(0.05)
        if value.tokens >= 1:
            value, sent = value.spent(), sent + 1
    assert sent == pytest.approx(100, abs=1)
    assert sent <= 100


def test_no_more_than_a_bucket_is_saved() -> None:
    value = Lateness()
    for _ in range(1000):
        value = value.earned(0.5)
    assert value.tokens == BUCKET


def test_a_refusal_costs_all_that_was_saved() -> None:
    assert after(tokens=7.0).emptied().tokens == 0
    assert after(tokens=-1.0).emptied().tokens == -1


def test_the_oldest_waits_are_dropped() -> None:
    value = after(*[9.0] * 10, *[0.5] * KEPT)
    assert len(value.waits[0][1]) == KEPT
    assert value.quantile("opus", 50, 0.0) == pytest.approx(0.6)


def test_speeches_that_learn_at_once_are_both_kept() -> None:
    base = after(*[0.5] * 3, tokens=4.0)
    one = base.with_wait("opus", Wait(50, 0.6)).spent()
    other = base.with_wait("opus", Wait(50, 0.7)).with_wait("pcm", Wait(50, 0.2)).spent().spent()
    joined = other.joined(base, one)
    assert [wait.seconds for wait in dict(joined.waits)["opus"]] == [0.5, 0.5, 0.5, 0.6, 0.7]
    assert [wait.seconds for wait in dict(joined.waits)["pcm"]] == [0.2]
    assert joined.asked == 6
    assert joined.tokens == pytest.approx(1.0)


def test_they_may_spend_more_than_there_is_and_pay_it_back() -> None:
    base = after(tokens=1.0)
    joined = base.spent().joined(base, base.spent())
    assert joined.tokens == -1
    assert joined.late_after("opus", 50) is None


def test_joining_when_the_oldest_waits_were_dropped_adds_only_the_new_ones() -> None:
    base = after(*[0.01 * n for n in range(KEPT)])
    one = base.with_wait("opus", Wait(50, 5.0)).with_wait("opus", Wait(50, 6.0))
    joined = one.joined(base, base.with_wait("opus", Wait(50, 4.0)))
    assert [wait.seconds for wait in joined.waits[0][1]][-4:] == [pytest.approx(0.63), 4.0, 5.0, 6.0]
