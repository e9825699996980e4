from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from oggstream.errors import ConfigError
from oggstream.sources.http.connections import Sessions
from oggstream.sources.http.proxies import bypassed, proxy_for
from oggstream.sources.http.redaction import Secrets

PROXY = "http://proxy.example.org:3128"


@pytest.mark.parametrize(
    ("entry", "direct", "through"),
    [
        ("example.org", ["example.org", "api.example.org", "EXAMPLE.org."], ["notexample.org", "example.org.evil.net"]),
        (".example.org", ["example.org", "api.example.org"], ["notexample.org"]),
        ("*.example.org", ["api.example.org"], ["notexample.org"]),
        ("api.*", ["api.example.org"], ["www.api.org"]),
        ("10.0.0.0/8", ["10.1.2.3"], ["11.1.2.3", "10.example.org"]),
        ("10.1.2.3", ["10.1.2.3"], ["10.1.2.33", "110.1.2.3"]),
        ("192.168.*", ["192.168.7.9"], ["192.169.7.9"]),
        ("fd00::/8", ["fd12::1"], ["fe80::1"]),
        ("[fd00::1]", ["fd00::1"], ["fd00::2"]),
        ("*", ["anything.example.org", "10.0.0.1"], []),
        ("10.0.0.0/99", [], ["10.0.0.1"]),
        ("", [], ["example.org"]),
    ],
)
def test_no_proxy_is_understood_as_by_curl_and_the_openai_client(
    entry: str, direct: list[str], through: list[str]
) -> None:
    assert all(bypassed(host, 443, [entry]) for host in direct)
    assert not any(bypassed(host, 443, [entry]) for host in through)


@pytest.mark.parametrize(
    ("entry", "host", "port", "expected"),
    [
        ("example.org:8080", "example.org", 8080, True),
        ("example.org:8080", "example.org", 443, False),
        ("[fd00::1]:80", "fd00::1", 80, True),
        ("[fd00::1]:80", "fd00::1", 81, False),
        ("https://example.org", "example.org", 443, True),
    ],
)
def test_entry_with_a_port_holds_for_that_port(entry: str, host: str, port: int, expected: bool) -> None:
    assert bypassed(host, port, [entry]) == expected


@pytest.mark.parametrize(
    "url", ["http://localhost:8000", "http://127.0.0.1", "http://127.8.9.1", "http://[::1]:80", "http://api.localhost"]
)
def test_this_machine_is_reached_directly_unless_told_otherwise(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", PROXY)
    assert proxy_for(url) is None
    monkeypatch.setenv("NO_PROXY", "other.example.org <-loopback>")
    assert proxy_for(url) == PROXY


@pytest.mark.parametrize("separator", [",", " ", ", ", "\t"])
def test_entries_are_separated_by_commas_or_white_space(separator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", f"a.example{separator}B.example")
    assert [proxy_for(f"https://{host}.example") for host in "abc"] == [None, None, PROXY]


@pytest.mark.parametrize("proxy", ["socks5://host:1080", "SOCKS5H://u:wonderland@host:1080", "socks4://host:1080"])
def test_socks_without_its_package_says_what_to_install(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    monkeypatch.setitem(sys.modules, "aiohttp_socks", None)
    with pytest.raises(ConfigError, match="pip install aiohttp-socks; or set HTTP_PROXY") as caught:
        proxy_for("https://example.org")
    assert "wonderland" not in str(caught.value)


@pytest.mark.parametrize("proxy", ["socks9://host:1080", "socks5://", "ftp://host"])
def test_proxy_that_makes_no_sense_says_how_to_write_one(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(ConfigError, match="http://HOST:PORT"):
        proxy_for("https://example.org")


@pytest.mark.parametrize(
    ("proxy", "url", "rdns"),
    [("socks5h://u:p@host:1080", "socks5://u:p@host:1080", True), ("socks5://host:1080", "socks5://host:1080", None)],
)
async def test_socks_goes_through_its_package_where_that_is_installed(
    proxy: str, url: str, rdns: bool | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    import aiohttp

    asked: list[Any] = []

    class ProxyConnector(aiohttp.TCPConnector):
        @classmethod
        def from_url(cls, url: str, rdns: bool | None, **settings: Any) -> ProxyConnector:
            asked.append((url, rdns))
            return cls(**settings)

    module = ModuleType("aiohttp_socks")
    monkeypatch.setattr(module, "ProxyConnector", ProxyConnector, raising=False)
    monkeypatch.setitem(sys.modules, "aiohttp_socks", module)
    monkeypatch.setenv("ALL_PROXY", proxy)
    sessions = Sessions("https://example.org", Secrets(), connect_timeout=1, trust_env=True)
    assert isinstance((await sessions.get()).connector, ProxyConnector)
    assert sessions.proxy_argument("https://example.org") is None
    assert asked == [(url, rdns)]
    await sessions.aclose()
