"""What a service tells of words becomes words of the text, however it is told."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, strategies as st

from oggstream.annotations import Word
from oggstream.sources.told_words import LONGEST_PAUSE, LONGEST_WORD, MOST_WAITING, ToldWords
from oggstream.text.told_text import words_of

RATE = 48000
Found = list[tuple[str, str, float, float]]


def each(words: str) -> list[list[tuple[str, float, float]]]:
    """A message for each word; each is spoken in a second of its own, of which it takes nine tenths."""
    return [[(word, float(at), at + 0.9)] for at, word in enumerate(words.split())]


def told(text: str, messages: list[Any]) -> tuple[list[Word], int]:
    matcher = ToldWords(text)
    words = [word for message in messages for word in matcher.words(message)]
    return [*words, *matcher.finish()], matcher.missed


def found(text: str, messages: list[Any]) -> Found:
    """Characters of the text, as which word, and from when to when."""
    words, missed = told(text, messages)
    assert not missed
    return shown(text, words)


def shown(text: str, words: list[Word]) -> Found:
    return [
        (text[word.start : word.end], word.text, round(word.start_sample / RATE, 3), round(word.end_sample / RATE, 3))
        for word in words
    ]


def spelled(text: str, chunks: list[str], *, began: float = 0.0) -> tuple[list[Word], int]:
    """The words of ``text`` told in characters, a tenth of a second each."""
    matcher = ToldWords(text)
    words: list[Word] = []
    at = 0
    for chunk in chunks:
        starts = [began + (at + number) / 10 for number in range(len(chunk))]
        words += matcher.characters(list(chunk), starts, [start + 0.1 for start in starts])
        at += len(chunk)
    return [*words, *matcher.finish()], matcher.missed


# Words


def test_words_are_found_at_their_characters_as_soon_as_they_are_told() -> None:
    matcher = ToldWords("So it is.", told_by="voice")
    [word] = matcher.words([("So", 0.25, 0.5)])
    assert word == Word(text="So", start=0, end=2, start_sample=12000, end_sample=24000, told_by="voice")
    assert [word.start for word in matcher.words([("it", 0.5, 0.6), ("is.", 0.6, 0.9)])] == [3, 6]
    assert matcher.finish() == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Hello, World!", "hello world"),
        ("He said: “No.”", 'he said "no"'),
        ("naïve Größe", "naive GRÖSSE"),
        ("off \U0001f600 now", "off now"),
        ("wait — what", "wait , what"),
        ("one one one two one", "one one one two one"),
    ],
)
def test_case_accents_and_punctuation_do_not_matter(text: str, said: str) -> None:
    words = [text[word.start : word.end] for word in words_of(text)]
    assert [word for word, *_ in found(text, each(said))] == words


@pytest.mark.parametrize(
    ("text", "said", "placed"),
    [
        ("Dr. Smith came", "Doctor Smith came", {"Dr": "Doctor"}),
        ("I paid $25 for it", "I paid twenty five dollars for it", {"$25": "twenty five dollars"}),
        ("salt & 30% pepper", "salt and thirty percent pepper", {"&": "and", "30%": "thirty percent"}),
        ("it costs 17", "it costs seventeen", {"17": "seventeen"}),
        ("at 9:30 sharp", "at nine thirty sharp", {"9:30": "nine thirty"}),
    ],
)
def test_what_is_told_in_other_words_is_placed_between_its_neighbours(
    text: str, said: str, placed: dict[str, str]
) -> None:
    words = found(text, each(said))
    assert [word for word, *_ in words] == [text[word.start : word.end] for word in words_of(text)]
    assert {word: spoken for word, spoken, *_ in words if word != spoken} == placed
    assert [begin for _, _, begin, _ in words] == sorted(begin for _, _, begin, _ in words)


def test_a_number_takes_the_time_of_all_words_in_which_it_was_told() -> None:
    words = found("I paid $25 now", each("I paid twenty five dollars now"))
    assert words[2] == ("$25", "twenty five dollars", 2.0, 4.9)


def test_a_word_told_in_parts_is_one_and_words_told_as_one_are_several() -> None:
    words = found("ice-cream isn't New York", each("ice cream is n't NewYork"))
    assert words[:2] == [("ice-cream", "ice-cream", 0.0, 1.9), ("isn't", "isn't", 2.0, 3.9)]
    assert [(word, begin, end) for word, _, begin, end in words[2:]] == [("New", 4.0, 4.386), ("York", 4.386, 4.9)]


def test_a_sentence_told_at_once_is_shared_by_its_words() -> None:
    words = found("One two. Three four.", [[("One two.", 0.0, 1.2)], [("Three four.", 1.2, 3.0)]])
    assert [begin for _, _, begin, _ in words] == [0.0, 0.6, 1.2, 2.2]


@pytest.mark.parametrize(
    ("text", "said", "placed"),
    [
        ("今日は良い天気。", ["今日は", "良い", "天気"], ["今日は", "良い", "天気"]),
        ("今天天气", ["今", "天", "天", "气"], ["今", "天", "天", "气"]),
        ("ภาษาไทย", ["ภาษา", "ไทย"], ["ภาษา", "ไทย"]),
        ("我用Python写", ["我用", "Python", "写"], ["我用", "Python", "写"]),
    ],
)
def test_scripts_without_spaces_are_told_in_words_of_any_length(text: str, said: list[str], placed: list[str]) -> None:
    messages = [[(word, float(at), at + 1.0)] for at, word in enumerate(said)]
    assert [word for word, *_ in found(text, messages)] == placed


def test_words_left_out_have_no_place_and_do_not_disturb_the_others() -> None:
    words = found("one (two three) seven eight nine", each("one seven eight nine"))
    assert [word for word, *_ in words] == ["one", "seven", "eight", "nine"]


def test_words_of_a_message_out_of_order_are_put_in_order() -> None:
    words = found("one two three", [[("two", 1.0, 2.0), ("three", 2.0, 3.0), ("one", 0.0, 1.0)]])
    assert [begin for _, _, begin, _ in words] == [0.0, 1.0, 2.0]


def test_a_word_told_late_is_counted() -> None:
    words, missed = told("first second third", [[("second", 1.0, 2.0)], [("third", 2, 3)], [("first", 0.0, 1.0)]])
    assert ([word.text for word in words], missed) == (["second", "third"], 1)


def test_a_word_without_a_time_is_counted_and_the_next_ones_are_found() -> None:
    times = [math.nan, math.inf, -1.0, None, "0.5", True, 1e300]
    for time in times:
        words, missed = told(
            "one two three four", [[("one", 0.0, 1.0)], [("two", time, 2.0)], *each("x x three four")[2:]]
        )
        assert ([word.text for word in words], missed) == (["one", "three", "four"], 1)


def test_a_word_without_an_end_or_with_one_before_its_start_takes_no_time() -> None:
    words = found("one two", [[("one", 0.5, None)], [("two", 1.0, 0.25)]])
    assert [(begin, end) for _, _, begin, end in words] == [(0.5, 0.5), (1.0, 1.0)]


def test_a_word_that_begins_before_the_last_one_ends_ends_it() -> None:
    words = found("one two", [[("one", 0.0, 1.5), ("two", 1.0, 2.0)]])
    assert [(begin, end) for _, _, begin, end in words] == [(0.0, 1.0), (1.0, 2.0)]
    words = found("one two", [[("one", 0.0, 1.03)], [("two", 1.0, 2.0)]])
    assert [(begin, end) for _, _, begin, end in words] == [(0.0, 1.03), (1.03, 2.0)]


def test_times_that_no_speech_has_are_cut_or_counted() -> None:
    words, missed = told("one two three", [[("one", 0.0, 500.0)], [("two", 10.0, 11.0)], [("three", 4000.0, 4001.0)]])
    assert [(word.text, word.end_sample / RATE) for word in words] == [("one", LONGEST_WORD), ("two", 11.0)]
    assert (missed, LONGEST_PAUSE) == (1, 60.0)


def test_words_of_another_text_are_counted_and_only_so_many_of_them_wait() -> None:
    matcher = ToldWords("nothing of this")
    for number in range(200):
        assert matcher.words([(f"alien{number}", number / 10, number / 10)]) == []
        assert len(matcher._waiting) <= MOST_WAITING
    assert matcher.missed == 200 - MOST_WAITING


def test_words_that_are_not_in_the_text_are_counted_and_the_others_are_found() -> None:
    words, missed = told("one two three four", each("one um two three four"))
    assert ([word.text for word in words], missed) == (["one", "two", "three", "four"], 1)


def test_words_beyond_the_text_are_counted() -> None:
    words, missed = told("one two", each("one two three four"))
    assert ([word.text for word in words], missed) == (["one", "two"], 2)


def test_what_is_no_word_is_no_harm() -> None:
    matcher = ToldWords("one two")
    assert matcher.words([(None, 0.0, 1.0), ({}, 0.0, 1.0), ("x" * 10**5, 0.0, 1.0), ("...", 0.0, 1.0)]) == []
    assert matcher.missed == 3
    assert [word.text for word in matcher.words([("one", 1.0, 2.0)])] == ["one"]


def test_a_service_that_tells_without_end_is_not_listened_to() -> None:
    matcher = ToldWords("a b c " * 50)
    words = matcher.words([("d", 0.0, 0.0)] * 10**5)
    words += matcher.characters(["e"] * 10**5, [0.0] * 10**5, [0.0] * 10**5)
    words += matcher.finish()
    assert matcher.missed + len(words) >= 10**5
    assert len(matcher._waiting) <= MOST_WAITING


# Characters


@pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
def test_words_told_in_characters_have_the_times_of_their_letters_wherever_they_are_cut(size: int) -> None:
    text = '"So it," is - 5%!'
    words, missed = spelled(text, [text[at : at + size] for at in range(0, len(text), size)])
    assert shown(text, words) == [
        ("So", "So", 0.1, 0.3),
        ("it", "it", 0.4, 0.6),
        ("is", "is", 0.9, 1.1),
        ("5%", "5%", 1.4, 1.6),
    ]
    assert not missed


def test_a_word_told_in_characters_is_given_when_the_next_one_begins() -> None:
    matcher = ToldWords("So it")
    assert matcher.characters(["S"], [0.0], [0.1]) == []
    assert matcher.characters(["o"], [0.1], [0.2]) == []
    assert [word.text for word in matcher.characters([" "], [0.2], [0.3])] == ["So"]
    assert [word.text for word in matcher.characters(["i", "t"], [0.3, 0.4], [0.4, 0.5])] == []
    assert [word.text for word in matcher.finish()] == ["it"]


def test_characters_written_out_are_placed_like_words() -> None:
    words, missed = spelled("I paid $25 now", ["I paid twenty fi", "ve dollars now"])
    assert shown("I paid $25 now", words)[2:] == [("$25", "twenty five dollars", 0.7, 2.6), ("now", "now", 2.7, 3.0)]
    assert not missed


def test_scripts_without_spaces_are_told_in_characters() -> None:
    words, missed = spelled("今日は、良い。", ["今日", "は、良", "い。"])
    assert [(word.text, word.start_sample // 4800) for word in words] == [
        ("今", 0),
        ("日", 1),
        ("は", 2),
        ("良", 4),
        ("い", 5),
    ]
    assert not missed


def test_characters_without_times_are_counted() -> None:
    matcher = ToldWords("So it is")
    words = matcher.characters(list("So it is"), [0.0, 0.1, 0.2], [0.1, 0.2, 0.3])
    assert [word.text for word in words] == ["So"]
    assert matcher.missed == 5


# Whatever comes


TIMES = st.one_of(st.floats(-1, 30), st.floats(), st.none(), st.integers())
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(["one", "two", "one,", "$25", "今日", "a", "b", "-", "Dr."]), max_size=12).map(" ".join),
)


@given(TEXTS, st.lists(st.lists(st.tuples(TEXTS, TIMES, TIMES), max_size=5), max_size=8))
def test_places_are_in_order_and_none_is_given_twice(text: str, messages: list[Any]) -> None:
    words, missed = told(text, messages)
    assert all(0 <= word.start < word.end <= len(text) and 0 <= word.start_sample <= word.end_sample for word in words)
    assert all(
        one.end <= other.start and one.start_sample <= other.start_sample and one.end_sample <= other.start_sample
        for one, other in pairwise(words)
    )
    assert missed >= 0


@given(TEXTS, st.lists(st.tuples(st.text(max_size=12), TIMES, TIMES), max_size=8))
def test_characters_are_no_harm_either(text: str, messages: list[Any]) -> None:
    matcher = ToldWords(text)
    words = [
        word
        for chars, start, step in messages
        for word in matcher.characters(list(chars), [start] * len(chars), [step] * len(chars))
    ]
    words += matcher.finish()
    assert all(one.end <= other.start and one.end_sample <= other.start_sample for one, other in pairwise(words))


@given(st.lists(st.sampled_from(["one", "two", "Größe,", '"a"', "今日", "(ok)", "x-y", "5%"]), min_size=1), st.data())
def test_a_text_told_as_it_is_is_found_whole(parts: list[str], data: st.DataObject) -> None:
    text = " ".join(parts)
    size = data.draw(st.integers(1, len(text)))
    words, missed = spelled(text, [text[at : at + size] for at in range(0, len(text), size)])
    expected = list(words_of(text))
    assert [(word.start, word.end) for word in words] == [(word.start, word.end) for word in expected]
    assert not missed


@given(st.lists(st.sampled_from(["one", "two", "three", "one's", "a", "la la"]), min_size=1))
def test_words_told_one_by_one_as_they_are_are_found_whole(parts: list[str]) -> None:
    text = " ".join(parts)
    words = found(text, each(text))
    assert [begin for _, _, begin, _ in words] == [float(at) for at in range(len(words))]
