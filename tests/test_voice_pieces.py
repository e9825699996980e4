"""Pieces for engines: nothing left out, the first one short, none too long, nothing torn."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.voice.pieces import cut

TEXT = "Hello there, Dr. Smith. How are you? I am fine, thank you very much, and so is everybody else here."


def pieces(text: str, first: int = 30, longest: int = 60) -> list[str]:
    return [text[start:end] for start, end in cut(text, first, longest, "en")]


def test_the_first_piece_ends_at_the_last_sentence_that_is_near() -> None:
    assert pieces(TEXT)[0] == "Hello there, Dr. Smith. "


def test_without_a_sentence_the_first_piece_ends_at_a_clause() -> None:
    assert pieces(TEXT, first=20)[0] == "Hello there, "


def test_later_pieces_end_at_sentences_then_clauses_then_words() -> None:
    assert pieces(TEXT) == [
        "Hello there, Dr. Smith. ",
        "How are you? ",
        "I am fine, thank you very much, ",
        "and so is everybody else here.",
    ]
    assert pieces("word " * 30)[0] == "word " * 12


def test_a_short_text_is_one_piece() -> None:
    assert pieces("Yes, no.") == ["Yes, no."]


def test_a_character_is_not_torn() -> None:
    family = "👨‍👩‍👧"
    assert all(piece.replace(family, "") == "" for piece in pieces(family * 40))


@given(st.text(max_size=400), st.integers(1, 80), st.integers(1, 80))
def test_the_pieces_are_the_text(text: str, first: int, longest: int) -> None:
    found = pieces(text, first, longest)
    assert "".join(found) == text
    assert all(found)


@pytest.mark.parametrize("text", ["x" * 500, "你好" * 200, " " * 300])
def test_what_has_no_border_is_cut_all_the_same(text: str) -> None:
    assert max(map(len, pieces(text))) <= 60
