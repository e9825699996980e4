"""Where a piece continues after its connection was lost."""

from __future__ import annotations

from oggstream.annotations import Word
from oggstream.engine.requests.mending import Continuation, behind_a_word, continuation

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


def told(*words: tuple[str, float, float]) -> list[Word]:
    found, at = [], 0
    for text, start, end in words:
        at = TEXT.index(text, at)
        begins, ends = round(start * RATE), round(end * RATE)
        found.append(Word(text=text, start=at, end=at + len(text), start_sample=begins, end_sample=ends))
        at += len(text)
    return found


WORDS = told(("The", 0.0, 0.2), ("first", 0.3, 0.6), ("clause", 0.7, 1.1), ("goes", 1.3, 1.6))


def test_it_goes_on_behind_the_last_word_that_came_whole_where_words_are_told() -> None:
    place = behind_a_word(TEXT, WORDS, 0, round(1.4 * RATE))
    assert place == Continuation(round(1.2 * RATE), TEXT.index("goes"))


def test_behind_the_last_word_that_was_told_all_other_sound_is_dropped() -> None:
    place = behind_a_word(TEXT, WORDS[:2], 0, round(3.0 * RATE))
    assert place == Continuation(round(0.6 * RATE), TEXT.index("clause"))


def test_a_word_that_was_heard_in_part_is_no_place_to_go_on_from() -> None:
    assert behind_a_word(TEXT, WORDS, round(1.35 * RATE), round(1.4 * RATE)) is None


def test_there_is_no_such_place_without_words_or_behind_the_last_word_of_the_text() -> None:
    assert behind_a_word(TEXT, [], 0, RATE) is None
    assert behind_a_word("The.", WORDS[:1], 0, RATE) is None
