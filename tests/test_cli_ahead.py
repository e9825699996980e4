from __future__ import annotations

import pytest

from oggstream.cli import ahead
from oggstream.cli.arguments import parse
from oggstream.sources.http import dialling

OPENAI = "https://api.openai.com/v1/audio/speech"


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """Where a connection is begun to, and the seconds that it may take."""
    calls: list[tuple[str, float]] = []
    monkeypatch.setattr(dialling, "dial", lambda url, timeout: calls.append((url, timeout)))
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    return calls


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
