from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.text.plain import PlainText, columns, spoken_length

LONG = "a line that is so long that the next word did not fit"


def read(*portions: str) -> PlainText:
    plain = PlainText()
    for portion in portions:
        plain.feed(portion)
    plain.feed("", final=True)
    return plain


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello there.", "Hello there."),
        ("  tabs\tand   blanks \v here ", "tabs and blanks here"),
        ("nul\0 bell\a del\x7f\x9f soft\xadhyphen \ufeffmark", "nul bell del softhyphen mark"),
        ("left\u200e right\u200f zero\u200bwidth \u2066isolated\u2069", "left right zerowidth isolated"),
        ("a\xa0b", "a\xa0b"),
        ("short\nline", "short\nline"),
        ("one\n\ntwo\n\n\n \nthree", "one\n\ntwo\n\nthree"),
        ("\n\n first", "first"),
        ("one\r\ntwo", "one\ntwo"),
        (f"{LONG}\ncould be here", f"{LONG} could be here"),
        (f"{LONG}\n\nNew", f"{LONG}\n\nNew"),
        ("line\u2028separated\u2029both", "line\nseparated\nboth"),
        ("\ud83d\ude00 ok", "\U0001f600 ok"),
        ("\ud83d ok", "\ufffd ok"),
        ("\ude00 ok\ud83d", "\ufffd ok\ufffd"),
        ("\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        ("", ""),
    ],
)
def test_only_what_can_be_spoken_is_left(text: str, spoken: str) -> None:
    assert read(text).text.rstrip("\n") == spoken
    assert read(*text).text.rstrip("\n") == spoken


def test_the_end_of_a_short_line_is_told_at_once() -> None:
    plain = PlainText()
    plain.feed("Hello\n")
    assert plain.text == "Hello\n"
    assert plain.word_ended


def test_a_word_ends_with_a_blank() -> None:
    plain = PlainText()
    plain.feed("Hel")
    assert not plain.word_ended
    plain.feed("lo ")
    assert plain.word_ended
    plain.feed("you")
    assert not plain.word_ended


def test_half_a_character_waits_for_the_other_half() -> None:
    plain = PlainText()
    plain.feed("a \ud83d")
    assert plain.text == "a"
    plain.feed("\ude00")
    assert plain.text == "a \U0001f600"
    assert plain.map.end(3) == 4


@given(st.text(st.sampled_from("ab \n\r\t\0\ud83d\ude00\u2028\U0001f600"), max_size=80), st.data())
def test_any_portions_give_the_same(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=20)))
    portions = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    whole, cut = read(text), read(*portions)
    assert whole.text == cut.text
    assert [whole.map.end(at) for at in range(len(whole.text) + 1)] == [
        cut.map.end(at) for at in range(len(cut.text) + 1)
    ]


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_characters_keep_their_positions(text: str) -> None:
    plain = read(text)
    for at, character in enumerate(plain.text):
        if character not in " \n\ufffd":
            assert text[plain.map.end(at + 1) - 1] == character


def test_wide_characters_take_two_columns_and_three_letters_of_time() -> None:
    assert (columns("ab"), columns("a\xe9"), columns("a\u597d")) == (2, 2, 3)
    assert (spoken_length("ab"), spoken_length("a\xe9"), spoken_length("a\u597d")) == (2, 2, 4)
