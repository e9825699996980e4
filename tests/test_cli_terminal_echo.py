"""Tests of printing the text while it is heard."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.cli.terminal import echo as transcript
from oggstream.cli.terminal.echo import Transcript
from oggstream.cli.terminal.width import cells
from oggstream.errors import OutputError

TEXT = "The sky is blue.\n\n  Because of  the scattering, which is a word.\n"


def grow(lines: Transcript, text: str) -> None:
    """Show ``text`` word by word."""
    for at, sign in enumerate(text):
        if sign == " ":
            lines.show(text[:at])
    lines.show(text)


def test_in_a_pipe_the_text_is_written_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Transcript(wraps=False)
    grow(lines, TEXT)
    lines.break_row()
    lines.finish(TEXT)
    lines.finish("Next")
    assert capsys.readouterr().out == f"{TEXT}Next\n"


def test_what_was_shown_is_not_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Transcript(wraps=False)
    lines.show("One two three")
    lines.show("One")
    lines.finish("One two")
    assert capsys.readouterr().out == "One two three\n"


def test_a_text_of_which_nothing_is_shown_leaves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    for wraps in (True, False):
        Transcript(wraps=wraps).finish("")
    assert capsys.readouterr().out == ""


def test_on_a_terminal_rows_end_between_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "_columns", lambda: 18)
    lines = Transcript(wraps=True)
    grow(lines, TEXT)
    lines.finish(TEXT)
    assert capsys.readouterr().out == "The sky is blue.\n\n  Because of the\nscattering, which\nis a word.\n"


def test_a_row_that_is_left_goes_on_in_the_next_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript, "_columns", lambda: 18)
    lines = Transcript(wraps=True)
    lines.break_row()
    lines.show("The sky")
    lines.break_row()
    lines.break_row()
    lines.finish("The sky is blue.")
    assert capsys.readouterr().out == "The sky\nis blue.\n"


def test_nothing_in_a_text_acts_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Transcript(wraps=True).finish("a\x1b[2Jb\rc")
    assert capsys.readouterr().out == "a\\x1b[2Jb c\n"


@given(st.text(alphabet="ab何 \n", max_size=60), st.integers(6, 20))
def test_no_row_is_too_long_and_no_word_is_lost(text: str, columns: int) -> None:
    written: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcript, "_columns", lambda: columns)
        patch.setattr(transcript, "show", lambda text, end="\n": written.append(text + end))
        lines = Transcript(wraps=True)
        grow(lines, text)
        lines.finish(text)
    rows = "".join(written).split("\n")
    assert " ".join("".join(written).split()) == " ".join(text.split())
    longest = max(map(cells, text.split()), default=0)
    assert all(cells(row) < columns or len(row.split()) == 1 or longest >= columns for row in rows)


def test_a_closed_output_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdout", None)
    with pytest.raises(OutputError, match="closed"):
        Transcript(wraps=False).show("One")
