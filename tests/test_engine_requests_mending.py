"""Where a piece continues after its connection was lost."""

from __future__ import annotations

from oggstream.engine.requests.mending import continuation

TEXT = "The first clause goes here, the second one follows it; and a third one ends the sentence that was asked for."
RATE = 48000


def sound(*parts: float, frame: float = 0.02) -> list[tuple[int, int]]:
    """Loudness of seconds of speech and seconds of silence in turn."""
    loudness = []
    total = audible = 0
    for index, seconds in enumerate(parts):
        for _ in range(round(seconds / frame)):
            total += round(frame * RATE)
            audible += round(frame * RATE) * (index % 2 == 0)
            loudness.append((total, audible))
    return loudness


def test_it_goes_on_behind_the_last_clause_that_came_whole() -> None:
    place = continuation(TEXT, sound(1.9, 0.2, 1.9, 0.2, 0.5), earliest=0, rate=13.6)
    assert place is not None
    assert TEXT[place.chars :].startswith("and a third")
    assert place.samples == round((1.9 + 0.2 + 1.9 + 0.1) * RATE)


def test_what_was_heard_already_is_not_dropped() -> None:
    place = continuation(TEXT, sound(1.9, 0.2, 1.9, 0.2, 0.5), earliest=round(4.15 * RATE), rate=13.6)
    assert place is None


def test_a_pause_where_no_clause_ends_is_none_to_go_on_from() -> None:
    assert continuation(TEXT, sound(0.6, 0.2, 0.3), earliest=0, rate=13.6) is None


def test_without_a_pause_there_is_no_place() -> None:
    assert continuation(TEXT, sound(3.0), earliest=0, rate=13.6) is None
    assert continuation(TEXT, [], earliest=0, rate=13.6) is None


def test_a_text_of_one_clause_has_no_place() -> None:
    assert continuation("Only one clause without an end", sound(1.0, 0.5, 1.0), earliest=0, rate=13.6) is None


def test_the_silence_in_which_it_was_cut_is_a_pause_too() -> None:
    place = continuation(TEXT, sound(1.9, 0.3), earliest=0, rate=13.6)
    assert place is not None
    assert TEXT[place.chars :].startswith("the second")


def test_marks_of_chinese_end_clauses_without_a_space() -> None:
    text = "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u5427\u3002\u597d\u7684"
    place = continuation(text, sound(1.4, 0.2, 0.4), earliest=0, rate=4.5)
    assert place is not None
    assert place.chars == 7
