from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import Any

import pytest

from cli_run import inside, run
from oggstream.cli.arguments import parse
from oggstream.cli.foreseen import foreseen
from oggstream.history import History
from oggstream.playout.habits import Habits
from oggstream.sources.http import direct
from scripted import spoken
from speech_server import serving, speaking

HERE = "http://127.0.0.1:9/v1"


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bytes of requests on lines that were dialled ahead."""
    requests: list[bytes] = []
    ask = direct.ask

    def noted(line: Any, request: bytes, *rest: Any) -> Any:
        requests.append(request)
        return ask(line, request, *rest)

    monkeypatch.setattr(direct, "ask", noted)
    return requests


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        ("Hello.", {}),
        ("Hello, you there.", {"OPENAI_API_KEY": " key ", "OPENAI_ORG_ID": "org", "OPENAI_PROJECT_ID": "one"}),
        ("'Grüße, 世界 \U0001f600' --language de", {}),
        ("Hello. --voice ash --model tts-1 --instructions 'Speak slowly.' --speed 1.5", {}),
        ("Hello. --format wav", {}),
        ("Hello. --format pcm:24000", {}),
        ("Hello. --history none --requests 2 --hedge 0.1", {}),
        ("Hello. --service openai --pause 0.2 --volume 0.5", {}),
    ],
)
async def test_request_that_is_foreseen_is_the_one_that_is_asked(
    words: str,
    variables: dict[str, str],
    asked: list[bytes],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    async with serving(speaking(spoken(0.1))) as service:
        arguments = [*shlex.split(words), "--base-url", service.base, "--sink", "null"]
        seen = foreseen(parse(arguments))
        await asyncio.to_thread(inside, capsys, *arguments)
        assert len(service.received) == 1
    assert [seen] == asked


@pytest.mark.parametrize("known", [Habits(), Habits().with_refused("opus"), Habits().with_given("opus")])
async def test_what_the_history_says_of_the_format_is_foreseen(
    known: Habits, asked: list[bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with serving(speaking(spoken(0.1))) as service:
        path = str(tmp_path / "history.json")
        History(path).put(f"{service.place}|gpt-4o-mini-tts|coral|1", known)
        arguments = ["Hello.", "--base-url", service.base, "--sink", "null", "--history", path]
        seen = foreseen(parse(arguments))
        await asyncio.to_thread(inside, capsys, *arguments)
    assert [seen] == asked
    assert (b'"opus"' in asked[0]) is not known.refuses("opus")


@pytest.mark.parametrize(
    "words",
    [
        "Hello. --sink wav:x.wav",
        "Hello. --device 3",
        "Hello. --save x.opus",
        "Hello. -o x.wav",
        "Hello. --captions x.vtt",
        "Hello. --speakable",
        "'<speak>Hello.</speak>'",
        "'Hello.\n\nYou there.'",
        "' '",
        f"'{'Hello. ' * 40}'",
        "-",
        "Hello. --base-url http://user:password@127.0.0.1:9/v1",
    ],
)
def test_nothing_is_foreseen_where_more_decides(words: str) -> None:
    assert foreseen(parse(["--base-url", HERE, *shlex.split(words)])) is None


def test_nothing_is_foreseen_where_words_are_replaced(tmp_path: Path) -> None:
    arguments = ["Hello.", "--base-url", HERE]
    assert foreseen(parse(arguments)) is not None
    folder = tmp_path / "oggstream"
    folder.mkdir()
    (folder / "words.toml").write_text("")
    assert foreseen(parse(arguments)) is None


@pytest.mark.parametrize("variables", [{}, {"OPENAI_API_KEY": "a\nb"}])
def test_nothing_is_foreseen_that_would_be_refused_here(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert foreseen(parse(["Hello."])) is None


async def test_cold_process_asks_once_and_before_it_has_loaded_the_rest() -> None:
    async with serving(speaking(spoken(0.1))) as service:
        result = await asyncio.to_thread(
            run, "Hello.", "--base-url", service.base, "--sink", "null", "--json", "--quiet"
        )
        assert len(service.received) == 1
    assert result.report["completed"] is True
    assert result.report["timing"]["process_start"] < result.report["timing"]["request_sent"] < 0
