"""Where words end, with spaces between them and without."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from oggstream.text.word_borders import ends_word, word_end_before, word_end_from, word_start


def cut(text: str) -> list[str]:
    places = [0, *(at for at in range(1, len(text) + 1) if ends_word(text, at))]
    return [text[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("So it is.", ["So", " it", " is."]),
        ("Two  blanks\nand a line", ["Two", "  blanks", "\nand", " a", " line"]),
        ("今天天气很好。", ["今", "天", "天", "气", "很", "好。"]),
        ("我用Python写代码。", ["我", "用", "Python", "写", "代", "码。"]),
        ("今日はコーヒーを飲んだ。", ["今", "日", "は", "コーヒー", "を", "飲", "ん", "だ。"]),
        ("ちょっと待って", ["ちょっ", "と", "待っ", "て"]),
        ("「はい」と言う", ["「は", "い」", "と", "言", "う"]),
        ("ภาษาไทย", ["ภา", "ษา", "ไท", "ย"]),
        ("น้ำเย็น", ["น้ำ", "เย็", "น"]),
        ("한국어는 띄어 쓴다", ["한국어는", " 띄어", " 쓴다"]),
        ("2026年11月28日", ["2026", "年", "11", "月", "28", "日"]),
        ("", []),
    ],
)
def test_words_end_at_spaces_and_between_characters_of_scripts_without_them(text: str, words: list[str]) -> None:
    assert cut(text) == words


@given(st.text(), st.integers(0, 30))
def test_a_place_is_between_its_neighbours(text: str, at: int) -> None:
    at = min(at, len(text))
    assert 0 <= word_end_before(text, at) <= at
    assert at <= word_end_from(text, at, len(text)) <= len(text)
    assert 0 <= word_start(text, at) <= at


@pytest.mark.parametrize(
    ("text", "at", "start"),
    [
        ("One two three", 7, 4),
        ("One two three", 13, 8),
        ("One", 3, 0),
        ("One two ", 8, 4),
        ("今天天气", 3, 2),
        ("今天。天气", 3, 1),
        ("", 0, 0),
        ("  ", 2, 2),
    ],
)
def test_the_last_word_begins_behind_the_one_before_it(text: str, at: int, start: int) -> None:
    assert word_start(text, at) == start
