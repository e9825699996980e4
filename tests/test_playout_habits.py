"""The habits of a service, learnt from earlier utterances."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from oggstream.playout.habits import KEPT, Habits, Utterance
from oggstream.playout.lateness import Lateness, Wait
from oggstream.playout.margins import MARGINS

ONE = Utterance(0.25, 0.5, 0.1, 13.0)
numbers = st.floats(0, 1e6).map(lambda number: round(number, 4))
habits = st.builds(
    Habits,
    st.lists(st.builds(Utterance, numbers, numbers, numbers, numbers), max_size=KEPT).map(tuple),
    st.integers(0, 10**6),
    st.dictionaries(st.text(max_size=8), numbers, max_size=8).map(lambda known: tuple(known.items())),
    numbers.map(lambda number: round(number, 1)),
    st.dictionaries(st.text(max_size=8), st.integers(0, 10**6), max_size=8).map(lambda known: tuple(known.items())),
    st.integers(0, 10),
    st.integers(0, 10**6),
    st.just(Lateness().with_wait("auto", Wait(54, 0.512))),
    st.just(()) | st.tuples(*[numbers] * len(MARGINS)),
)


@given(habits)
def test_plain_data_and_back_are_the_same_habits(value: Habits) -> None:
    assert Habits.from_dict(json.loads(json.dumps(value.to_dict()))) == value


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"utterances": None},
        {"utterances": [[1, 2, 3]]},
        {"utterances": [[1, 2, 3, 4, 5]]},
        {"utterances": [[1, 2, 3, -4]]},
        {"utterances": [[1, 2, 3, float("nan")]]},
        {"utterances": [[1, 2, 3, float("inf")]]},
        {"utterances": [[1, 2, 3, True]]},
        {"utterances": [[1, 2, 3, 10**400]]},
        {"utterances": 3},
        {"seen": "many"},
        {"first_packet": []},
        {"link": None},
    ],
)
def test_damaged_data_are_no_habits(change: dict[str, Any]) -> None:
    data = Habits().with_utterance(ONE).to_dict()
    assert Habits.from_dict(data) is not None
    assert Habits.from_dict(data | change) is None


@pytest.mark.parametrize("data", [None, 3, "text", [], {}])
def test_anything_else_is_no_habits(data: object) -> None:
    assert Habits.from_dict(data) is None


def test_the_oldest_utterances_are_forgotten() -> None:
    value = Habits()
    for number in range(KEPT + 3):
        value = value.with_utterance(ONE._replace(pace=float(number)))
    assert [utterance.pace for utterance in value.utterances] == list(range(3, KEPT + 3))
    assert value.seen == KEPT + 3


def test_the_speed_of_the_voice_is_the_median_of_what_is_known() -> None:
    value = Habits(tuple(ONE._replace(characters=rate) for rate in (0.0, 12.0, 14.0, 90.0)))
    assert value.characters_per_second(13.6) == 14
    assert Habits((ONE._replace(characters=0.0),)).characters_per_second(13.6) == 13.6


def test_the_first_packet_is_remembered_per_format_and_smoothed() -> None:
    value = Habits().with_first_packet("opus", 1.0).with_first_packet("pcm", 0.5).with_first_packet("opus", 2.0)
    assert dict(value.first_packet) == {"opus": 1.25, "pcm": 0.5}


def test_the_link_is_remembered_and_smoothed() -> None:
    assert Habits().with_link(1000).with_link(2000).link == 1250


def test_costs_of_other_margins_than_todays_are_dropped() -> None:
    data = Habits().with_costs((1.0,) * len(MARGINS)).to_dict()
    assert Habits.from_dict(data | {"costs": [1.0, 2.0]}) == Habits()
