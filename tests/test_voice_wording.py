"""Numbers and signs as words: right where they are known, as they were where not, and each word in its place."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, strategies as st

from oggstream.voice.engine import SpokenWord
from oggstream.voice.wording import in_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("3:45 pm", "three forty-five P M"),
        ("at 9:05", "at nine oh five"),
        ("at 5:00", "at five o'clock"),
        ("at 15:00", "at fifteen hundred"),
        ("$1,299.99", "one thousand two hundred and ninety-nine dollars and ninety-nine cents"),
        ("£1", "one pound"),
        ("€5", "five euros"),
        ("$3.5 million", "three point five million dollars"),
        ("12.5 km", "twelve point five kilometers"),
        ("1 kg", "one kilogram"),
        ("-5 °C", "minus five degrees Celsius"),
        ("60 %", "sixty percent"),
        ("12.50", "twelve point five zero"),
        ("Dr. Smith", "Doctor Smith"),
        ("e.g. this", "for example this"),
        ("v2.0", "version two point zero"),
        ("2026-11-28", "November twenty-eighth, twenty twenty-six"),
        ("in 1984", "in nineteen eighty-four"),
        ("the 23rd", "the twenty-third"),
        ("#5", "number five"),
        ("007", "zero zero seven"),
        ("555-123-4567", "five five five, one two three, four five six seven"),
        ("https://www.example.com/a-b", "example dot com slash a dash b"),
        ("a.b@c.org", "a dot b at c dot org"),
        ("----------", " "),
        ("😀👍", " "),
        ("192.168.0.1", "one hundred and ninety-two point one hundred and sixty-eight point zero point one"),
        ("nothing here", "nothing here"),
        ("9999-99-99", "9999-99-99"),
        ("1" * 20, " ".join(["one"] * 20)),
    ],
)
def test_it_is_written_out(text: str, words: str) -> None:
    assert in_words(text, "en").text == words


def test_other_languages_are_left_to_the_engine() -> None:
    assert in_words("12,5 km um 3:45", "de-AT").text == "12,5 km um 3:45"


def test_without_num2words_numbers_stay_and_units_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "num2words", None)
    assert in_words("$5, 12.5 km, Dr. No, 3rd", "en").text == "$5, 12 point 5 kilometers, Doctor No, 3rd"


def test_words_keep_their_place_in_the_original() -> None:
    text = "Pay $1,299.99 now, Dr. Smith."
    worded = in_words(text, "en")
    told, at = [], 0
    for number, word in enumerate(worded.text.split(" ")):
        told.append(SpokenWord(at, at + len(word), number * 100, number * 100 + 100))
        at += len(word) + 1
    found = [item for item in worded.back(iter(told)) if isinstance(item, SpokenWord)]
    assert [text[word.start : word.end] for word in found] == ["Pay", "$1,299.99", "now,", "Dr.", "Smith."]
    assert (found[1].begins, found[1].ends) == (100, 1100)
    assert all(before.ends == after.begins for before, after in pairwise(found))


@given(st.text(max_size=200) | st.text("0123456789.,:-$€ kmpDr/@#%v", max_size=100))
def test_no_text_raises_and_every_place_is_one_of_the_text(text: str) -> None:
    worded = in_words(text, "en")
    for at in range(len(worded.text)):
        [word] = worded.back(iter([SpokenWord(at, at + 1, 0, 1)]))
        assert isinstance(word, SpokenWord)
        assert 0 <= word.start < word.end <= len(text)
