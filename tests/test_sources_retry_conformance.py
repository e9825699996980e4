"""Our retries against the official client's own code: the same answers are retried, after the same pauses."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from oggstream.sources.http import retries

STATUSES = (400, 401, 403, 404, 408, 409, 422, 429, 500, 502, 503, 529)
VERDICTS: tuple[dict[str, str], ...] = (
    {},
    {"x-should-retry": "true"},
    {"x-should-retry": "false"},
    {"x-should-retry": ""},
)
WISHES: tuple[dict[str, str], ...] = (
    {},
    {"retry-after": "2"},
    {"retry-after": "0"},
    {"retry-after": "-1"},
    {"retry-after": "120"},
    {"retry-after": "121"},
    {"retry-after": "nan"},
    {"retry-after": "inf"},
    {"retry-after": "1e999"},
    {"retry-after": "soon"},
    {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"},
    {"retry-after": "Wed, 21 Oct 2099 07:28:00 GMT"},
    {"retry-after-ms": "1500", "retry-after": "100"},
    {"retry-after-ms": "200000"},
    {"retry-after-ms": "x", "retry-after": "3"},
)


@pytest.fixture(scope="module")
def official() -> Any:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="none")
    yield client
    client.close()


def response_of(official: Any, status: int, headers: dict[str, str]) -> Any:
    kind = type(official._client.build_request("GET", "http://localhost"))
    module = pytest.importorskip(kind.__module__.partition(".")[0])
    return module.Response(status, headers=headers)


@pytest.mark.parametrize("wish", WISHES, ids=str)
@pytest.mark.parametrize("verdict", VERDICTS, ids=str)
def test_the_same_answers_are_asked_for_again(official: Any, verdict: dict[str, str], wish: dict[str, str]) -> None:
    headers = {**verdict, **wish}
    ours = [retries.worth_retrying(status, headers, quota=False, now=time.time()) for status in STATUSES]
    theirs = [official._should_retry(response_of(official, status, headers)) for status in STATUSES]
    assert ours == theirs


@pytest.mark.parametrize(("attempt", "wish"), [*itertools.product(range(3), WISHES)], ids=str)
def test_the_pauses_are_the_same(
    official: Any, attempt: int, wish: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openai._base_client.random", lambda: 0.5)
    options = type("Options", (), {"get_max_retries": lambda _, default: default})()
    headers = response_of(official, 503, wish).headers
    theirs = official._calculate_retry_timeout(2 - attempt, options, headers)
    assert retries.retry_delay(attempt, wish, now=time.time(), chance=0.5) == pytest.approx(theirs, abs=2)
    if "GMT" not in str(wish):
        assert retries.retry_delay(attempt, wish, now=time.time(), chance=0.5) == pytest.approx(theirs)


def test_quota_is_the_one_exception() -> None:
    assert not retries.worth_retrying(429, {}, quota=True, now=0.0)
