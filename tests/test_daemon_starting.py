"""How a daemon is started, what it has of an environment, and which parts of it decide what."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from oggstream.daemon.starting import of_connections, permitted, start_daemon


def test_daemon_keeps_what_names_trusted_authorities_but_neither_key_nor_proxy() -> None:
    given = {
        "SSL_CERT_FILE": "/etc/own.pem",
        "SSLKEYLOGFILE": "/tmp/keys",
        "OPENAI_API_KEY": "key",
        "OPENAI_BASE_URL": "https://example.com",
        "HTTPS_PROXY": "http://user:password@proxy.example",
    }
    assert given.keys() & permitted(given).keys() == {"SSL_CERT_FILE"}


@pytest.mark.parametrize(
    "name",
    [
        *("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"),
        *("OPENSSL_CONF", "RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES", "LD_PRELOAD"),
    ],
)
def test_what_changes_how_a_connection_is_made_is_told_apart(name: str) -> None:
    daemon = {"HOME": "/home/a", "SSL_CERT_DIR": "/etc/certs"}
    assert of_connections({**daemon, "OPENAI_API_KEY": "key", "TERM": "xterm"}) == of_connections(daemon)
    assert of_connections({**daemon, name: "other"}) != of_connections(daemon)


@pytest.mark.skipif(sys.platform == "win32", reason="there it is the only way")
def test_where_spawning_knows_no_session_another_module_starts_it_without_the_callers_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotImplementedError("setsid")

    started: list[dict[str, Any]] = []
    monkeypatch.setattr(os, "posix_spawn", refuse)
    monkeypatch.setattr(subprocess, "Popen", lambda command, **options: started.append({"command": command, **options}))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-caller")
    start_daemon()
    (daemon,) = started
    assert daemon["command"][-2:] == ["daemon", "--quiet"]
    assert daemon["start_new_session"]
    assert "OPENAI_API_KEY" not in daemon["env"]
