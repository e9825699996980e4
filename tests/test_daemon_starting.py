"""What a daemon has of an environment, and which parts of it decide what."""

from __future__ import annotations

import pytest

from oggstream.daemon.starting import of_connections, permitted


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
