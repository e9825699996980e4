from __future__ import annotations

import html
import json
import time
from collections.abc import Callable
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, strategies as st

from oggstream.sources.http.exchange import request_id_of
from oggstream.sources.http.faults import read_body
from oggstream.sources.http.redaction import Secrets, is_secret_name, shown_url
from oggstream.sources.http.retries import wished_delay

KEY = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.mark.parametrize(
    "name", ["Authorization", "api-key", "xi-api-key", "Cookie", "X-Auth-Token", "key", "token", "X-Amz-Signature"]
)
def test_names_that_carry_credentials_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["Content-Type", "Accept", "voice", "model", "User-Agent"])
def test_other_names_are_not_taken_for_credentials(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    "echo",
    [
        f"Incorrect API key provided: {KEY}.",
        f"Incorrect API key provided: {KEY[:12]}.",
        f"Incorrect API key provided: sk-pr{'*' * 20}6789.",
        f"the key ends in {KEY[-8:]}",
        f'{{"key":"{KEY}"}}',
        f"Bearer {KEY}",
    ],
)
def test_echoed_key_is_struck_out_whole_or_in_part(echo: str) -> None:
    shown = Secrets([KEY]).strike(echo)
    assert "***" in shown
    assert not any(KEY[at : at + 5] in shown for at in range(3, len(KEY) - 4))
    assert "6789" not in shown


def test_secret_turns_up_percent_encoded_and_is_struck_out() -> None:
    secrets = Secrets(["p@ss/word"])
    assert secrets.strike("a p%40ss%2Fword b p@ss/word c") == "a *** b *** c"


def test_header_value_is_struck_out_with_and_without_its_scheme() -> None:
    secrets = Secrets()
    secrets.add_headers({"Authorization": "Token zebrafish", "Accept": "audio/ogg"})
    assert secrets.strike("Token zebrafish, zebrafish, audio/ogg") == "***, ***, audio/ogg"


def test_user_password_and_secret_query_of_a_url_are_struck_out() -> None:
    secrets = Secrets()
    secrets.add_url("http://alice:wonder%21@host/path?api_key=cheshire&voice=coral")
    assert secrets.strike("alice wonder! cheshire coral") == "*** *** *** coral"
    assert secrets.strike("YWxpY2U6d29uZGVyIQ==") == "***"


def test_unknown_credentials_in_a_url_or_bearer_are_struck_out_too() -> None:
    shown = Secrets().strike("see http://bob:hunter2@host/x with Bearer abcdefgh12345 and sk-1234567890ab")
    assert shown == "see http://***@host/x with Bearer *** and ***"


def test_placeholder_of_three_letters_is_no_secret() -> None:
    assert Secrets(["key", "x", "", None]).strike("the key is x") == "the key is x"


def test_url_that_cannot_be_parsed_adds_no_secret_and_raises_nothing() -> None:
    secrets = Secrets()
    secrets.add_url("http://[")
    assert repr(secrets) == "<0 secrets>"


def test_secrets_do_not_show_in_their_repr() -> None:
    assert KEY not in repr(Secrets([KEY]))


def test_cause_that_shows_a_credential_is_dropped_and_another_is_kept() -> None:
    secrets = Secrets([KEY])
    harmless = OSError("refused")
    assert secrets.cause(harmless) is harmless
    assert secrets.cause(ValueError(f"bad {KEY}")) is None


@given(st.text(st.characters(categories=["L", "N"]), min_size=4), st.text(), st.text())
def test_whole_secret_never_survives(secret: str, before: str, after: str) -> None:
    struck = Secrets([secret]).strike(f"{before} {secret} {after}")
    assert f" {secret} " not in struck


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@host:80/a/b?key=1#x", "http://host:80/a/b"),
        ("https://host/a", "https://host/a"),
        ("http://host/\x1b[31m", "http://host/?[31m"),
        ("http://[::1", "http://***"),
        ("not a url", "not a url"),
    ],
)
def test_shown_url_has_no_user_query_or_control_character(url: str, shown: str) -> None:
    assert shown_url(url) == shown


# Time grows with the length of the text, whatever it holds

HOSTILE = [
    "a",
    "*",
    "**",
    "a*",
    "sk-",
    "sk-abcdefg ",
    "://",
    "://a",
    "bearer ",
    "Bearer a",
    "@",
    "x@",
    KEY[:8],
    KEY[-8:],
    KEY[:7],
    "%2F",
    "<title",
    "<title>",
    "[",
    '{"a":',
    '{"error":{"message":"',
    "9",
    "\x00",
    "\ud800",
    " ",
]


def least_seconds(call: Callable[[str], object], text: str) -> float:
    """Seconds of CPU that ``call`` takes, the least of three runs."""
    took = []
    for _ in range(3):
        began = time.process_time()
        call(text)
        took.append(time.process_time() - began)
    return min(took)


READERS: dict[str, Callable[[str], object]] = {
    "a log line": Secrets([KEY, "p&ss/word of sixteen", "https://u:pw@host"]).strike,
    "a message": Secrets([KEY]).shown,
    "a URL": shown_url,
    "a URL to learn from": lambda url: Secrets().add_url(f"http://a:b@{url}/?key={url}"),
    "headers to learn from": lambda value: Secrets().add_headers({"x-key": value}),
    "a request id": lambda value: request_id_of({"x-request-id": value}, Secrets([KEY])),
    "a page": lambda text: read_body(text.encode("utf-8", "replace"), "text/html"),
    "an error": lambda text: read_body(text.encode("utf-8", "replace"), "application/json"),
    "a delay": lambda text: wished_delay({"retry-after": text}, 0.0),
}


@pytest.mark.parametrize("what", READERS)
def test_foreign_text_takes_time_in_proportion_to_its_length(what: str) -> None:
    for pattern in HOSTILE:
        small, middle, large = (pattern * (size // len(pattern)) for size in (16 << 10, 32 << 10, 64 << 10))
        times = [least_seconds(READERS[what], text) for text in (small, middle, large)]
        assert times[2] < 10 * times[0] + 0.02, (what, pattern, times)  # 16 times as long where it is quadratic


def test_long_values_of_a_foreign_header_are_shortened() -> None:
    assert len(Secrets([KEY]).shown("a" * 65536)) == 300
    assert len(shown_url("http://host/" + "a" * 65536)) == 300


# Every way to write a credential


@pytest.mark.parametrize("key", ['pass"word\\with quotes', "p<ss&w'rd>", "grüße-an-alle", "two words here"])
def test_secret_is_struck_out_as_it_stands_in_json_xml_and_urls(key: str) -> None:
    written = [
        json.dumps({"k": key}),
        json.dumps({"k": key}, ensure_ascii=False),
        html.escape(key),
        escape(key),
        quote(key, safe=""),
        quote_plus(key),
    ]
    for text in written:
        assert "***" in Secrets([key]).strike(text), text


def test_key_in_the_environment_is_known_by_the_end_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE_TOKEN", KEY)
    monkeypatch.setenv("MINE_KEYBOARD", "qwertz-keyboard")
    assert Secrets.of_environment().strike(f"{KEY} qwertz-keyboard") == "*** qwertz-keyboard"


def test_cause_whose_own_cause_or_note_shows_a_credential_is_dropped() -> None:
    secrets = Secrets([KEY])
    outer = OSError("refused")
    outer.__context__ = ValueError(KEY)
    noted = OSError("refused")
    noted.add_note(f"with {KEY}")
    assert secrets.cause(outer) is None
    assert secrets.cause(noted) is None


def test_secrets_of_another_are_included() -> None:
    assert Secrets().include(Secrets([KEY])).include(None).strike(f"with {KEY}") == "with ***"
