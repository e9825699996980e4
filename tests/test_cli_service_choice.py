"""Tests of who speaks where no service is named."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from cli_run import run
from oggstream.cli.service_choice import A_DAY, default_source, first_today
from oggstream.cli.terminal.console import Console
from oggstream.sources.offline_voice import OfflineVoice
from oggstream.sources.openai_source import OpenAISource
from oggstream.sources.services.service_source import ServiceSource
from oggstream.sources.sockets.or_http import SocketOrHttp

SETTINGS: dict[str, Any] = {"base_url": None, "connect_timeout": 5.0}


def marks() -> list[Path]:
    return sorted(Path(os.environ["XDG_CACHE_HOME"], "oggstream").glob("told-*"))


def test_the_only_service_whose_key_is_there_speaks_and_that_is_told_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "abc")
    for _ in range(2):
        source = default_source(Console(), **SETTINGS)
        assert isinstance(source, SocketOrHttp)
        assert "deepgram" in repr(source)
    shown = capsys.readouterr().err
    assert shown.count("DEEPGRAM_API_KEY is set: deepgram speaks") == 1
    assert "abc" not in shown


def test_a_key_without_what_else_the_service_needs_is_no_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_SPEECH_KEY", "abc")
    assert isinstance(default_source(Console(), **SETTINGS), OfflineVoice)
    monkeypatch.setenv("AZURE_SPEECH_REGION", "westeurope")
    assert isinstance(default_source(Console(), **SETTINGS), ServiceSource)


def test_between_the_keys_of_two_services_the_user_chooses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "abc")
    monkeypatch.setenv("ELEVEN_API_KEY", "def")
    assert isinstance(default_source(Console(), **SETTINGS), OfflineVoice)
    assert "there are keys of deepgram, elevenlabs: choose with --service" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["OPENAI_API_KEY", "OPENAI_BASE_URL"])
def test_openais_own_variables_go_before_all_others(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "abc")
    monkeypatch.setenv(name, "http://localhost:1/v1")
    assert isinstance(default_source(Console(), **SETTINGS), OpenAISource)


def test_so_does_a_base_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPGRAM_API_KEY", "abc")
    given = SETTINGS | {"base_url": "http://localhost:1/v1"}
    assert isinstance(default_source(Console(), **given), OpenAISource)


def test_the_hint_about_keys_comes_once_a_day_and_stays_in_the_report(tmp_path: Path) -> None:
    first, second = (run("Hi.", "--sink", "wav:x.wav", "--json", cwd=tmp_path) for _ in range(2))
    assert first.err.count("neither OPENAI_API_KEY") == 1
    assert second.err == ""
    assert second.report["stream"]["warnings"] == first.report["stream"]["warnings"] != []


def test_a_day_later_it_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [first_today("x"), first_today("x"), first_today("y")] == [True, False, True]
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + A_DAY + 60)
    assert first_today("x")


def test_where_nothing_can_be_kept_it_is_told_each_time(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert [first_today("x"), first_today("x")] == [True, True]
