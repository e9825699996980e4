"""Tests of the exit status and the error line of each outcome."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli_run import finish, inside, run, shell, start
from oggstream import __main__ as entry, __version__
from oggstream.cli import main as module
from oggstream.errors import DeviceError, OutputError, ServerError, TextError, UsageError

if TYPE_CHECKING:
    from oggstream.cli.terminal.interrupts import Interrupts

VERSION = f"oggstream {__version__}\n".encode()
KEY = "sk-proj-abcdefghijklmnop"


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def command(*_: object) -> None:
        raise error

    monkeypatch.setattr(module, "_command", command)


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DeviceError("busy"), 1),
        (OutputError("full"), 1),
        (TextError("the text is empty"), 1),
        (UsageError("cannot be meant"), 2),
        (OSError(5, "odd"), 1),
        (ValueError("odd"), 1),
        (RecursionError("deep"), 1),
    ],
)
def test_a_failure_is_one_line_and_a_status(
    error: Exception, status: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, error)
    result = inside(capsys, "Hello")
    assert (result.status, result.out) == (status, b"")
    assert result.err.startswith("oggstream: error: ")
    assert result.err.count("\n") == 1


def test_an_unexpected_exception_is_named_and_says_how_to_see_more(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, ZeroDivisionError("what"))
    shown = inside(capsys, "Hello").err
    assert shown == "oggstream: error: unexpected ZeroDivisionError: what; --log-level debug shows where\n"


def test_debug_shows_the_traceback_without_credentials(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, caused(DeviceError("busy"), ValueError(f"Bearer {KEY}")))
    shown = inside(capsys, "Hello", "--log-level", "debug").err
    assert "Traceback" in shown
    assert "ValueError" in shown
    assert shown.endswith("oggstream: error: busy\n")
    assert KEY not in shown


def test_the_request_identifier_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, ServerError("it failed", status=500, request_id="req-7"))
    assert inside(capsys, "Hello").err == "oggstream: error: it failed (request req-7)\n"


@pytest.mark.parametrize("error", [BrokenPipeError(32, "x"), caused(OutputError("x"), BrokenPipeError(32, "x"))])
def test_a_reader_that_has_gone_is_no_failure(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "tolerate_closed_output", lambda: None)
    failing(monkeypatch, error)
    assert inside(capsys, "Hello") == (0, b"", "")


def test_an_interruption_is_130_and_silent(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    assert inside(capsys, "Hello") == (130, b"", "")


def test_the_collector_is_on_again_afterwards(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, DeviceError("x"))
    inside(capsys, "Hello")
    assert gc.isenabled()


def test_wrong_usage_is_status_2_and_one_line() -> None:
    result = run("--bogus")
    assert (result.status, result.out) == (2, b"")
    assert result.err.startswith("oggstream: error: ")
    assert result.err.count("\n") == 1


def test_a_credential_in_wrong_usage_is_not_echoed() -> None:
    assert KEY not in run("hello", "--api-key", KEY).err


def test_help_and_version_end_with_0() -> None:
    assert run("--version") == (0, VERSION, "")
    shown = run("--help")
    assert (shown.status, shown.err) == (0, "")
    assert b"examples:" in shown.out
    assert run("play", "--help").status == 0


def test_help_into_a_closed_pipe_ends_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = finish(start("--help", stdout=writing))
    os.close(writing)
    assert (result.status, result.err) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full on this system")
def test_help_onto_a_full_disk_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        result = finish(start("--help", stdout=full))
    assert result.status == 1
    assert result.err == "oggstream: error: cannot write to standard output: No space left on device\n"


def test_all_streams_may_be_closed() -> None:
    for closed, status in ((">&- 2>&-", 1), ("<&- 2>&-", 0), ("2>&-", 0)):
        assert shell(f"--version {closed}") == (status, b"" if status else VERSION, "")


def test_an_output_encoding_without_the_signs_is_no_failure(tmp_path: Path) -> None:
    env = {"PYTHONIOENCODING": "ascii"}
    result = run("decode", "日本.opus", "x.wav", cwd=tmp_path, env=env)
    assert result.status == 1
    assert "\\u65e5\\u672c.opus" in result.err


def test_being_interrupted_ends_the_process_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    monkeypatch.setattr(sys, "argv", ["oggstream", "--version"])
    monkeypatch.setattr(module, "run", _interrupted)
    assert entry.main() == 130
    assert ended == [130]
    assert entry.main(["--version"]) == 130
    assert ended == [130]


def _interrupted(_: list[str], interrupts: Interrupts) -> int:
    interrupts._count = 1
    raise RuntimeError("what became of KeyboardInterrupt in an import")


def test_an_exception_without_an_interruption_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise RuntimeError("no")

    monkeypatch.setattr(module, "run", broken)
    with pytest.raises(RuntimeError, match="no"):
        entry.main(["--version"])
