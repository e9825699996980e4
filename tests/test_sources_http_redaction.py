from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.sources.http.redaction import Secrets, is_secret_name, shown_url

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
