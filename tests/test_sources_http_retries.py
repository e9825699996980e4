from __future__ import annotations

import pytest

from oggstream.sources.http.retries import retry_delay, wished_delay, worth_retrying

NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504])
def test_passing_failures_are_worth_retrying(status: int) -> None:
    assert worth_retrying(status, {}, quota=False, now=NOW)


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 413, 422])
def test_lasting_failures_are_not_worth_retrying(status: int) -> None:
    assert not worth_retrying(status, {}, quota=False, now=NOW)


def test_no_credit_left_is_final() -> None:
    assert not worth_retrying(429, {}, quota=True, now=NOW)


@pytest.mark.parametrize(("status", "verdict"), [(400, "true"), (503, "false")])
def test_the_service_has_the_last_word_on_retrying(status: int, verdict: str) -> None:
    assert worth_retrying(status, {"x-should-retry": verdict}, quota=False, now=NOW) == (verdict == "true")


def test_verdict_that_is_neither_true_nor_false_is_ignored() -> None:
    assert worth_retrying(503, {"x-should-retry": "maybe"}, quota=False, now=NOW)


def test_a_wish_for_more_than_two_minutes_ends_the_retries_whatever_else_is_said() -> None:
    assert not worth_retrying(429, {"retry-after": "121", "x-should-retry": "true"}, quota=False, now=NOW)
    assert worth_retrying(429, {"retry-after": "120"}, quota=False, now=NOW)


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "in a while"}, None),
        ({}, None),
    ],
)
def test_wished_delay_is_read_in_each_form(headers: dict[str, str], delay: float | None) -> None:
    assert wished_delay(headers, NOW) == delay


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.5), (1, 1.0), (2, 2.0), (4, 8.0), (5, 8.0), (5000, 8.0)])
def test_delay_doubles_to_eight_seconds_less_up_to_a_quarter(attempt: int, longest: float) -> None:
    assert retry_delay(attempt, {}, now=NOW, chance=0.0) == longest
    assert retry_delay(attempt, {}, now=NOW, chance=1.0) == 0.75 * longest


def test_wished_delay_is_honoured() -> None:
    assert retry_delay(0, {"retry-after": "7"}, now=NOW, chance=0.5) == 7.0


@pytest.mark.parametrize("wish", ["0", "-3", "500"])
def test_wish_outside_its_range_falls_back_to_the_usual_delay(wish: str) -> None:
    assert retry_delay(0, {"retry-after": wish}, now=NOW, chance=0.0) == 0.5
