"""Words and phrases are found whole, the longest first, and held back only while more text decides."""

from __future__ import annotations

from unicodedata import normalize

import pytest

from oggstream.text.replacing.whole_words import WholeWords


def found(keys: str, text: str, *, final: bool = True, blank: bool = False) -> str | None:
    """What of the text is the first of ``keys``, which are parted by strokes."""
    place = WholeWords(keys.split("|")).find(text, 0, final=final, blank=blank)
    return text[place[0] : place[1]] if place else None


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("HVAC", "the HVAC unit"),
        ("HVAC", "HVAC"),
        ("HVAC", "an (HVAC)-unit"),
        ("HVAC", "our HVAC's noise"),
        ("New York", "in New York today"),
        ("New York", "in New\nYork today"),
        ("New  York", "in New York today"),
        ("C++", "write C++, please"),
        (".NET", "use .NET here"),
        ("%", "5%"),
        ("AT&T", "at AT&T today"),
        ("重庆", "我在重庆工作"),
        ("ไทย", "ภาษาไทยง่าย"),
        ("नमस्ते", "वह नमस्ते कहता है"),
        ("caf\u00e9", normalize("NFD", "the caf\u00e9 here")),
        (normalize("NFD", "caf\u00e9"), "the caf\u00e9 here"),
        ("שלום", "אמר שלום לכולם"),
        ("🙂", "fine 🙂 so"),
        ("x_y", "let x_y be"),
    ],
)
def test_a_word_is_found(keys: str, text: str) -> None:
    here = found(keys, text)
    assert here is not None
    assert normalize("NFC", here.replace("\n", " ")) == normalize("NFC", " ".join(keys.split()))


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ("HVAC", "the HVACs"),
        ("HVAC", "an XHVAC"),
        ("HVAC", "HVAC2"),
        ("HVAC", "_HVAC"),
        ("HVAC", "hvac"),
        ("New York", "New Yorker"),
        ("New York", "New\n\nYork"),
        ("C", "C_"),
        ("cafe", normalize("NFD", "caf\u00e9")),
        ("नमस", "नमस्ते"),
        ("🙂", "🙂\u200d↔"),
    ],
)
def test_a_part_of_a_word_is_not_found(keys: str, text: str) -> None:
    assert found(keys, text) is None


def test_the_longest_word_that_fits_is_found() -> None:
    assert found("New|New York|New York City", "New York City!") == "New York City"
    assert found("New|New York City", "New York!") == "New"
    assert found("New York City|New", "New York Cities") == "New"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        ("the H", "H"),
        ("the HVAC", "HVAC"),
        ("go to New", "New"),
        ("go to New ", "New "),
        ("go to New Yo", "New Yo"),
        ("the HVACs", None),
        ("the HX", None),
        ("the XH", None),
        ("the", None),
        ("go to New Z", None),
    ],
)
def test_text_is_held_back_only_while_it_may_become_a_word(text: str, held: str | None) -> None:
    place = WholeWords(["HVAC", "New York"]).find(text, 0, final=False, blank=False)
    assert (place and (text[place[0] :], place[1])) == (held and (held, -1))


def test_a_blank_that_is_known_to_follow_ends_a_word() -> None:
    assert found("HVAC|New York", "the HVAC", final=False, blank=True) == "HVAC"
    assert WholeWords(["New York"]).find("to New", 0, final=False, blank=True) == (3, -1, "")


def test_the_key_is_given_as_it_was_written() -> None:
    assert WholeWords(["  New   York "]).find("New York", 0, final=True, blank=False) == (0, 8, "  New   York ")
