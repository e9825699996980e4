"""Tests of the width of a text in terminal cells."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.cli.terminal.width import cells, fitted, one_line


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("", 0),
        ("abc", 3),
        ("naïve", 5),
        ("日本語", 6),
        ("ﾊﾝｶｸ", 4),  # half-width by its nature
        ("\uff37\uff49\uff44\uff45", 8),  # full-width letters
        ("e\u0301", 1),  # a combining accent goes onto the letter
        ("👋", 2),
        ("👩\u200d👩", 4),  # joined by a mark of no width; shown in two cells by some terminals, four by others
        ("❤\ufe0f", 2),  # made an emoji by a mark
    ],
)
def test_cells_of_a_text(text: str, width: int) -> None:
    assert cells(text) == width


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("Hello there", 11, "Hello there"),
        ("Hello there", 10, "Hello t..."),
        ("Hello there", 9, "Hello..."),
        ("Hello there", 6, "Hello"),
        ("日本語", 6, "日本語"),
        ("日本語", 5, "日本"),
        ("日本語日本語", 9, "日本語..."),
        ("Hello", 0, ""),
    ],
)
def test_a_long_text_ends_in_an_ellipsis_if_there_is_room_for_one(text: str, width: int, shown: str) -> None:
    assert fitted(text, width) == shown


@given(st.text(), st.integers(0, 40))
def test_what_is_fitted_never_takes_more_cells_than_there_are(text: str, width: int) -> None:
    assert cells(fitted(text, width)) <= width


def test_white_space_becomes_single_spaces() -> None:
    assert one_line("  one\n\ttwo\u3000three ") == "one two three"


@given(st.text())
def test_nothing_that_acts_on_a_terminal_is_left(text: str) -> None:
    assert one_line(text).replace("\u200d", "").isprintable()


def test_escape_sequences_and_changes_of_direction_are_taken_out() -> None:
    assert one_line("a\x1b[2Jb\u202ec") == "a[2Jbc"
