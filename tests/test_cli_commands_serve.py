"""Tests of ``serve``: a real process, real clients."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from cli_run import finish, interrupt, run, start
from patience import PATIENCE

KEY = "key-for-tests-only"


@contextmanager
def serving(*arguments: str, **env: str) -> Iterator[tuple[subprocess.Popen[bytes], dict[str, Any]]]:
    """A server that listens, and what it said on standard output."""
    process = start("serve", "--port", "0", "--json", *arguments, env=env)
    try:
        assert process.stdout is not None
        yield process, json.loads(process.stdout.readline())
    finally:
        process.kill()
        finish(process)


def ask(base_url: str, key: str | None = None) -> bytes:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    request = urllib.request.Request(
        f"{base_url}/audio/speech", b'{"input": "Hello.", "response_format": "opus"}', headers
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:
        answer: bytes = response.read()
        return answer


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_serves_and_stops_at_a_signal(number: signal.Signals) -> None:
    with serving() as (process, told):
        assert (told["host"], told["key"], told["error"]) == ("127.0.0.1", False, None)
        assert told["base_url"] == f"http://127.0.0.1:{told['port']}/v1"
        assert told["pid"] == process.pid
        assert ask(told["base_url"]).startswith(b"OggS")
        result = interrupt(process, number)
    assert result.status == 0
    first, second, request = result.err.splitlines()
    line = r"127.0.0.1 POST /v1/audio/speech 200, \d+ bytes in \d+.\d+ s: opus from offline, 6 characters"
    assert re.fullmatch(rf"oggstream: info: {line}, first sound after \d+.\d+ s", request)
    assert first == f"oggstream: listening at {told['base_url']} (Ctrl-C stops)"
    assert second == f"oggstream: for clients: OPENAI_BASE_URL={told['base_url']} OPENAI_API_KEY=none"


@pytest.mark.parametrize("way", ["option", "variable"])
def test_a_key_is_asked_for_and_never_shown(way: str) -> None:
    arguments, env = (["--key", KEY], {}) if way == "option" else ([], {"OGGSTREAM_SERVE_KEY": KEY})
    with serving(*arguments, "--log-level", "debug", **env) as (process, told):
        assert told["key"] is True
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(told["base_url"], "another")
        assert ask(told["base_url"], KEY).startswith(b"OggS")
        result = interrupt(process)
    assert KEY not in json.dumps(told) + result.err


def test_each_line_may_be_an_object_which_names_the_owner_of_the_key(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text(f"ours: {KEY}\n")
    with serving("--key-file", str(keys), "--log-format", "json") as (process, told):
        ask(told["base_url"], KEY)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            ask(told["base_url"], "another")
        result = interrupt(process)
    assert KEY not in result.err
    lines = [json.loads(line) for line in result.err.splitlines()]
    spoken, refused = [line for line in lines if "status" in line]
    assert {line["level"] for line in lines} == {"info"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", spoken["time"])
    assert {name: spoken[name] for name in ("key", "method", "path", "status", "source", "format", "characters")} == {
        "key": "ours",
        "method": "POST",
        "path": "/v1/audio/speech",
        "status": 200,
        "source": "offline",
        "format": "opus",
        "characters": 6,
    }
    assert spoken["message"].startswith("127.0.0.1 (ours) POST /v1/audio/speech 200, ")
    assert (refused["status"], refused["key"]) == (401, None)


def test_our_own_client_is_served() -> None:
    with serving("--key", KEY) as (_, told):
        env = {"OPENAI_BASE_URL": told["base_url"], "OPENAI_API_KEY": KEY}
        result = run("Hello.", "--sink", "null", "--json", env=env)
    assert (result.status, result.report["source"], result.report["completed"]) == (0, "openai", True)


@pytest.mark.parametrize(("options", "warned"), [(["--no-key"], True), (["--key", KEY], False)])
def test_being_open_to_others_without_a_key_is_warned_of(options: list[str], warned: bool) -> None:
    with serving("--host", "0.0.0.0", *options) as (process, told):
        result = interrupt(process)
    assert ("warning: other machines may use this without a key" in result.err) is warned
    assert told["base_url"].startswith("http://127.0.0.1:")


def test_being_open_to_others_without_a_key_is_refused_unless_told() -> None:
    result = run("serve", "--host", "0.0.0.0", "--port", "0")
    assert result.status == 1
    assert "other machines could use 0.0.0.0 port 0 without a key" in result.err


def test_a_web_page_of_a_named_origin_is_served() -> None:
    with serving("--allow-origin", "https://example.org") as (_, told):
        for origin, allowed in (("https://example.org", True), ("https://example.com", False)):
            request = urllib.request.Request(f"{told['base_url']}/models", headers={"Origin": origin})
            with suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=PATIENCE) as response:
                assert allowed
                assert response.headers["Access-Control-Allow-Origin"] == origin


def test_a_port_in_use_is_one_line_and_a_report() -> None:
    with serving() as (_, told):
        result = run("serve", "--port", str(told["port"]), "--json")
    assert result.status == 1
    assert re.fullmatch(r"oggstream: error: cannot listen on 127\.0\.0\.1 port \d+: it is in use; .+\n", result.err)
    assert (result.report["completed"], result.report["error"]["type"]) == (False, "ConfigError")


@pytest.mark.parametrize("key", ["two words", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(key: str) -> None:
    result = run("serve", "--port", "0", env={"OGGSTREAM_SERVE_KEY": key})
    assert result.status == 1
    assert "cannot be sent in a header" in result.err
    assert key not in result.err


@pytest.mark.parametrize("options", [["--port", "70000"], ["--jobs", "0"], ["--queue", "-1"], ["--port", "x"]])
def test_impossible_numbers_are_usage_errors(options: list[str]) -> None:
    result = run("serve", *options)
    assert result.status == 2
    assert f"argument {options[0]}: invalid" in result.err


def test_a_reader_of_the_json_that_is_gone_ends_it_quietly() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = run("serve", "--port", "0", "--json", "--quiet", stdout=writing)
    os.close(writing)
    assert (result.status, result.err) == (0, "")
