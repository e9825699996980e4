"""`record` on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cli_run import inside, names
from oggstream.errors import SourceBrokenError
from oggstream.sources import resolve_source as select
from oggstream.sources.captures.capture import ARRIVALS, load
from scripted import Arrival, ScriptedSource, pages, spoken

BODY = spoken(3.0)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, which is the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def speaking(monkeypatch: pytest.MonkeyPatch, *arrivals: Arrival) -> ScriptedSource:
    source = ScriptedSource(arrivals)

    def default_source(**settings: Any) -> ScriptedSource:
        return source

    monkeypatch.setattr(select, "default_source", default_source)
    return source


def test_a_speech_becomes_a_capture_without_being_played(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = speaking(monkeypatch, *[(0.05 * n, page) for n, page in enumerate(pages(BODY))])
    done = inside(capsys, "record", "Hello there.", "hello", "--voice", "nova", "--json")
    assert done.status == 0
    assert done.report["completed"]
    assert done.report["sink"] == "capture"
    assert done.report["timing"]["end"] < 3.0  # not in real time
    assert source.texts == ["Hello there."]
    assert names(folder) == [f"hello{ARRIVALS}", "hello.ogg"]
    capture = load("hello")
    assert capture.body == BODY
    assert len(capture.arrivals) == len(pages(BODY))
    assert capture.request == {"input": "Hello there.", "voice": "nova"}
    assert "recorded hello" in done.err


def test_what_is_recorded_can_be_replayed(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    speaking(monkeypatch, (0.0, BODY))
    assert inside(capsys, "record", "Hello there.", "hello", "--quiet").err == ""
    report = inside(capsys, "replay", "hello", "--sink", "null", "--json").report
    assert report["audio"]["seconds"] == 3.0
    assert report["text_chars"] == 12


def test_it_may_be_heard_as_well(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    speaking(monkeypatch, (0.0, BODY))
    done = inside(capsys, "record", "Hello.", "hello", "--sink", "wav:hello.wav", "--save", "kept.opus", "--json")
    assert done.report["sink"] == "wav"
    assert names(folder) == [f"hello{ARRIVALS}", "hello.ogg", "hello.wav", "kept.opus"]
    assert load("hello").body == BODY


def test_a_failure_keeps_what_came(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first = b"".join(pages(BODY)[:4])
    speaking(monkeypatch, (0.0, first), (0.0, SourceBrokenError("cut")))
    done = inside(capsys, "record", "Hello there.", "hello")
    assert done.status == 1
    assert "recorded hello" in done.err
    assert done.err.splitlines()[-1] == "oggstream: error: cut (request req-1)"
    capture = load("hello")
    assert capture.body.startswith(first)
    assert capture.broken == "cut"


def test_a_place_that_cannot_be_written_is_told_before_anything_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = speaking(monkeypatch, (0.0, BODY))
    done = inside(capsys, "record", "Hello there.", "none/hello")
    assert done.status == 1
    assert "cannot write none/hello: there is no folder none" in done.err
    assert not source.opened


def test_text_and_name_are_both_needed(capsys: pytest.CaptureFixture[str]) -> None:
    done = inside(capsys, "record", "Hello there.")
    assert done.status == 2
    assert "NAME" in done.err


def test_the_help_says_what_is_written_and_that_nothing_is_heard(capsys: pytest.CaptureFixture[str]) -> None:
    told = " ".join(inside(capsys, "record", "--help").out.decode().split())
    assert "Nothing is played unless --sink or --device says where" in told
    assert "NAME.arrivals.jsonl" in told
