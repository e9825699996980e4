"""Tests of the output to standard error and standard output."""

from __future__ import annotations

import contextlib
import io
import subprocess
import sys

import pytest

from oggstream.cli.terminal import console
from oggstream.cli.terminal.console import Console
from oggstream.errors import OutputError

KEY = "sk-proj-abcdefghijklmnop"


class Broken(io.StringIO):
    """A stream whose reader has gone, or whose disk is full."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self._error = error

    def write(self, text: str) -> int:
        raise self._error


def test_lines_go_to_standard_error_with_the_name_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    Console().note("one")
    Console().warn("two")
    Console().error("three")
    Console().log("info", "four")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.splitlines() == [
        "oggstream: one",
        "oggstream: warning: two",
        "oggstream: error: three",
        "oggstream: info: four",
    ]


def test_quiet_leaves_errors_only(capsys: pytest.CaptureFixture[str]) -> None:
    quiet = Console(quiet=True)
    quiet.note("one")
    quiet.warn("two")
    quiet.error("three")
    assert capsys.readouterr().err == "oggstream: error: three\n"


def test_warnings_may_be_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    chosen = Console()
    chosen.warnings = False
    chosen.warn("one")
    chosen.note("two")
    assert capsys.readouterr().err == "oggstream: two\n"


def test_a_warning_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    talking = Console()
    talking.warn("one")
    talking.warn("one")
    assert capsys.readouterr().err.count("one") == 1


def test_an_error_is_one_line_whatever_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    Console().error("first\nsecond\r\n  third")
    Console().error("")
    assert capsys.readouterr().err == "oggstream: error: first second third\noggstream: error: unknown\n"


def test_control_characters_never_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    Console().note("a\x1b[31mb\x07")
    Console().block("x\x1by\nz")
    assert capsys.readouterr().err == "oggstream: a\\x1b[31mb\\x07\nx\\x1by\nz\n"


def test_credentials_are_struck_out(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "not-shaped-like-a-key-at-all")
    Console().error(f"no {KEY}, no not-shaped-like-a-key-at-all, no https://me:secret@host/")
    Console().block(f"Authorization: Bearer {KEY}")
    shown = capsys.readouterr().err
    assert KEY not in shown
    assert "shaped" not in shown
    assert "secret" not in shown
    assert "***" in shown


def test_a_live_line_is_cleared_before_each_line() -> None:
    cleared: list[str] = []
    talking = Console()
    talking.before = lambda: cleared.append("cleared")
    talking.note("one")
    talking.clear()
    assert cleared == ["cleared", "cleared"]


@pytest.mark.parametrize("stream", [None, Broken(BrokenPipeError()), Broken(OSError(28, "full"))])
def test_nobody_reading_standard_error_does_no_harm(
    stream: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", stream)
    Console().error("one")


def test_results_go_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    console.show("one\ntwo")
    assert capsys.readouterr() == ("one\ntwo\n", "")


def test_a_full_disk_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(OSError(28, "No space left on device")))
    with pytest.raises(OutputError, match="cannot write to standard output: No space left on device"):
        console.show("one")


def test_a_closed_standard_output_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OutputError, match="closed"):
        console.show("one")


def test_a_closed_file_is_no_terminal() -> None:
    closed = io.StringIO()
    closed.close()
    assert not console.is_terminal(closed)
    assert not console.is_terminal(None)
    assert not console.is_terminal(io.StringIO())


def test_text_that_the_terminal_cannot_show_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, "ascii"))
    console.tolerate_any_text()
    console.show("日")
    assert raw.getvalue() == b"\\u65e5\n"


def test_streams_that_cannot_be_changed_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    monkeypatch.setattr(sys, "stderr", None)
    console.tolerate_any_text()
    console.tolerate_closed_output()


def test_what_is_written_while_descriptor_2_leads_elsewhere_is_not_lost() -> None:
    program = (
        "import os, sys\n"
        "from oggstream.cli.terminal.console import Console, own_standard_error\n"
        "with own_standard_error():\n"
        "    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # as sounddevice does while it loads PortAudio\n"
        "    Console().note('still here')\n"
        "print(sys.stderr.fileno())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("2\n", "oggstream: still here\n")


def test_standard_error_that_is_somebodys_own_stays_as_it_is() -> None:
    with contextlib.redirect_stderr(io.StringIO()) as own, console.own_standard_error():
        assert sys.stderr is own
