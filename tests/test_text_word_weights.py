"""The words of a text and their weights."""

from __future__ import annotations

import pytest

from oggstream.text.word_weights import CLAUSE, SENTENCE, weighed


def words(text: str) -> list[str]:
    return [text[word.start : word.end] for word in weighed(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Hello, world!", ["Hello", "world"]),
        ("(She said: “No.”)", ["She", "said", "No"]),
        ("It's well-known - 25 % off", ["It's", "well-known", "25", "%", "off"]),
        ("3.50 at 9:30", ["3.50", "at", "9:30"]),
        ("今日は、雨", ["今", "日", "は", "雨"]),
        ("Привет  мир\n", ["Привет", "мир"]),
        ("café naïve", ["café", "naïve"]),
        ("2 + 3 **bold** `code` $5", ["2", "+", "3", "bold", "code", "$5"]),
        ("... — !", []),
        ("", []),
    ],
)
def test_words_are_without_the_punctuation_around_them(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_borders_are_where_a_clause_or_a_sentence_ends() -> None:
    text = "Well, yes. One\ntwo - three (four) five"
    assert [word.border for word in weighed(text)] == [CLAUSE, SENTENCE, SENTENCE, CLAUSE, 0, CLAUSE, SENTENCE]


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [("a", "the"), ("of", "forest"), ("12", "1250"), ("cab", "25"), ("not", "BBC"), ("or", "%"), ("はい", "東京")],
)
def test_what_takes_longer_to_say_weighs_more(shorter: str, longer: str) -> None:
    assert weighed(shorter)[0].weight < weighed(longer)[0].weight


def test_the_last_word_of_a_clause_is_drawn_out() -> None:
    drawn, plain = weighed("one, one two")[:2]
    assert drawn.weight > plain.weight


def test_a_long_text_is_weighed_in_time_that_grows_with_it() -> None:
    assert len(weighed("word, " * 20_000)) == 20_000
