"""Which differences between a text and its transcript are worth a word."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from oggstream.sources.realtime.realtime_stream import difference


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Hello, world!", "hello world"),
        ("Hello,\n\n  world.", " Hello, world. "),
        ("\u201cIt\u2019s here,\u201d she said \u2014 twice\u2026", '"It\'s here," she said - twice...'),
        ("Write an e-mail.", "Write an email."),
        ("**Bold** and `code`", "Bold and code."),
        ("STRASSE", "stra\u00dfe"),
        ("caf\u00e9", "cafe\u0301"),
        ("\u6211\u5011\u8d70\u3002", "\u6211\u5011 \u8d70"),
        ("\u0928\u092e\u0938\u094d\u0924\u0947!", "\u0928\u092e\u0938\u094d\u0924\u0947"),
        ("'quoted'", "quoted"),
        ("...", ""),
    ],
)
def test_the_same_words_are_no_difference(text: str, spoken: str) -> None:
    assert difference(text, spoken) is None


@pytest.mark.parametrize(
    ("text", "spoken", "words"),
    [
        ("I can't go.", "I cannot go.", 'said "cannot" for "can\'t"'),
        ("In 12 days.", "In twelve days.", 'said "twelve" for "12"'),
        ("50% of it", "50 percent of it", 'added "percent"'),
        ("One two three.", "One three.", 'left out "two"'),
        ("Hello.", "Sure! Hello.", 'added "sure"'),
        ("Hello there.", "Hello.", 'left out "there"'),
        ("Hello.", "", 'left out "hello"'),
        ("its", "it's", 'said "it\'s" for "its"'),
        ("go go go", "go go", 'left out "go"'),
    ],
)
def test_other_words_are_named(text: str, spoken: str, words: str) -> None:
    assert str(difference(text, spoken)) == words


def test_a_long_difference_is_cut_short() -> None:
    message = str(difference("word " * 100, "other"))
    assert message.endswith('..."')
    assert len(message) < 100


@settings(suppress_health_check=[HealthCheck.too_slow])  # on a machine that is busy
@given(st.text(), st.text())
def test_any_two_texts_can_be_compared_and_a_text_is_itself(text: str, other: str) -> None:
    assert difference(text, text) is None
    found = difference(text, other)
    assert (found is None) == (difference(other, text) is None)
    assert found is None or str(found)
