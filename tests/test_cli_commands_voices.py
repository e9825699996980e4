"""``voices`` as a command."""

from __future__ import annotations

import json
from typing import Any

import pytest

from oggstream.cli.main import run
from oggstream.cli.terminal.interrupts import Interrupts
from oggstream.voice.names import NAMES


def ran(*arguments: str) -> int:
    return run(["voices", *arguments], Interrupts())


def test_the_voices_of_this_machine_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran() == 0
    head, first, *rest = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "languages", "by", "description"]
    assert first.startswith("alloy ")
    assert "espeak" in first
    assert any(line.startswith("de ") for line in rest)


def test_as_json_they_are_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--json") == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert found["completed"] is True
    assert {"id": "de", "languages": ["de"], "description": "formant synthesis", "engine": "espeak"} in found["voices"]


def test_a_service_has_its_own(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    assert ran("--service", "openai", "--json") == 0
    assert [voice["id"] for voice in json.loads(capsys.readouterr().out)["voices"]] == list(NAMES)


def test_what_fails_is_one_line_and_in_the_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--service", "localai", "--json") == 2
    said = capsys.readouterr()
    assert json.loads(said.out)["error"]["type"] == "UsageError"
    assert said.err.startswith("oggstream: error: localai has no list of voices")


def test_a_voice_can_be_heard(capsys: pytest.CaptureFixture[str]) -> None:
    assert ran("--play", "fable", "--sink", "null", "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert report["completed"]
    assert report["segments"][0]["engine"] == "espeak"
