"""Tests of lines that are typed key by key."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.cli.terminal.keyboard import LineBuffer


@pytest.mark.parametrize(
    ("keys", "lines", "left"),
    [
        ("Hello.\n", ["Hello."], ""),
        ("one\rtwo\nthr", ["one", "two"], "thr"),
        ("\n", [""], ""),
        ("Helo\x7flo\b\b.\x7f\n", ["Hel"], ""),
        ("\x7f\x7fa", [], "a"),
        ("one two\x17three", [], "one three"),
        ("one two  \x17\x17\x17", [], ""),
        ("gone\x15here", [], "here"),
        ("a\tb\x07\x0cc\x1b", [], "a bc"),
        ("a\x1b[A\x1b[1;5C\x1bOHb\x1bxc\x1b[3~", [], "abc"),
        ("größer 何ですか 👩‍🚀\n", ["größer 何ですか 👩‍🚀"], ""),
    ],
)
def test_keys_make_lines(keys: str, lines: list[str], left: str) -> None:
    buffer = LineBuffer()
    assert buffer.feed(keys) == lines
    assert (buffer.text, buffer.ended) == (left, False)


@pytest.mark.parametrize("end", ["\x04", "\x00"])
def test_ctrl_d_hands_a_line_over_and_ends_on_an_empty_one(end: str) -> None:
    buffer = LineBuffer()
    assert buffer.feed(f"half{end}") == ["half"]
    assert not buffer.ended
    assert buffer.feed(f"{end}more\n") == []
    assert buffer.ended
    assert buffer.feed("more\n") == []


@given(st.text())
def test_whatever_is_typed_is_no_failure_and_nothing_that_acts_on_a_terminal(keys: str) -> None:
    buffer = LineBuffer()
    lines = buffer.feed(keys)
    assert all(line.replace("\u200d", "").isprintable() for line in [*lines, buffer.text])
