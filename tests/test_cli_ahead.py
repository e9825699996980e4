from __future__ import annotations

import os

import pytest

from oggstream.cli import ahead
from oggstream.cli.arguments import parse
from oggstream.sources.http import dialling
from oggstream.voice import pools

OPENAI = "https://api.openai.com/v1/audio/speech"


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Where a connection is begun to, and the seconds that it may take."""
    calls: list[tuple[str, float]] = []
    monkeypatch.setattr(dialling, "dial", lambda url, timeout: calls.append((url, timeout)))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return calls


@pytest.fixture(autouse=True)
def prepared(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The engines whose process is started, in an environment without keys."""
    engines: list[str] = []
    monkeypatch.setattr(pools.Pool, "prepare", lambda pool: engines.append(pool.info.name))
    for name in [name for name in os.environ if name.endswith(("_KEY", "_TOKEN", "OPENAI_BASE_URL"))]:
        monkeypatch.delenv(name)
    return engines


@pytest.mark.parametrize(
    ("words", "variables", "url"),
    [
        ("Hello. --base-url http://here:1/v1", {}, "http://here:1/v1/audio/speech"),
        ("Hello. --service openai --base-url http://here:1/v1", {}, "http://here:1/v1/audio/speech"),
        ("Hello.", {"OPENAI_BASE_URL": " http://there/v1/ "}, "http://there/v1/audio/speech"),
        ("Hello.", {"OPENAI_API_KEY": "key"}, OPENAI),
        ("play http://here/x.opus", {}, "http://here/x.opus"),
        ("Hello.", {}, None),
        ("Hello. --service deepgram", {"OPENAI_API_KEY": "key"}, None),
        ("Hello. --model gpt-realtime", {"OPENAI_API_KEY": "key"}, None),
        ("say", {"OPENAI_API_KEY": "key"}, None),
        ("play x.opus", {"OPENAI_API_KEY": "key"}, None),
        ("doctor", {"OPENAI_API_KEY": "key"}, None),
    ],
)
def test_connection_is_begun_where_the_first_request_will_go(
    words: str,
    variables: dict[str, str],
    url: str | None,
    called: list[tuple[str, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ahead.dial_ahead(parse([*words.split(), "--connect-timeout", "3"]))
    assert called == ([] if url is None else [(url, 3.0)])


@pytest.mark.parametrize(
    ("words", "variables", "engines"),
    [
        ("Hello.", {}, 1),
        ("Hello. --service offline", {"OPENAI_API_KEY": "key"}, 1),
        ("Hello. --service offline:espeak", {}, 1),
        ("Hello. --service offline:nobody", {}, 0),
        ("Hello.", {"OPENAI_API_KEY": "key"}, 0),
        ("Hello.", {"SOME_SERVICE_TOKEN": "key"}, 0),
        ("Hello. --service deepgram", {}, 0),
        ("Hello. --base-url http://here:1/v1", {}, 0),
        ("doctor", {}, 0),
    ],
)
@pytest.mark.usefixtures("called")
def test_voice_of_this_machine_is_begun_where_it_will_speak(
    words: str, variables: dict[str, str], engines: int, prepared: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    ahead.dial_ahead(parse(words.split()))
    assert len(prepared) == engines
