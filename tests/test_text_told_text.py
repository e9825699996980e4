"""The words of a text in the form in which told ones are compared with them."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from oggstream.text.told_text import letters_of, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"Hello," said Dr. Smith - (really)!', ["Hello", "said", "Dr", "Smith", "really"]),
        ("ice-cream isn't $25 & 30%", ["ice-cream", "isn't", "$25", "&", "30%"]),
        ("off \U0001f600 now … ok", ["off", "now", "ok"]),
        ("今日は「コーヒー」を", ["今", "日", "は", "コーヒー", "を"]),
        ("น้ำเย็น", ["น้ำ", "เย็", "น"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        (" - ", []),
        ("", []),
    ],
)
def test_words_stand_without_the_punctuation_around_them(text: str, words: list[str]) -> None:
    assert [text[word.start : word.end] for word in words_of(text)] == words


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("Größe", "grosse"),
        ("naïve,", "naive"),
        ("Don't", "dont"),
        ("\uff21\uff11", "a1"),
        ("C++ & 5 %", "c++&5%"),
        ("…", ""),
    ],
)
def test_letters_are_left_without_case_accents_and_punctuation(text: str, letters: str) -> None:
    assert letters_of(text) == letters


@given(st.text())
def test_words_follow_each_other_and_have_something_to_say(text: str) -> None:
    words = list(words_of(text))
    assert all(0 <= word.start < word.end <= len(text) and word.letters for word in words)
    assert all(one.end <= other.start for one, other in pairwise(words))
