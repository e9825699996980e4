"""The proxy on the way to a URL, as curl and the openai client read it from the environment."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit

from ...errors import ConfigError
from .redaction import shown_url
from .urls import usable_url

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

LOOPBACK_TOO = "<-loopback>"
"""An entry of NO_PROXY, known from Chromium: addresses of this machine are reached through the proxy, too."""
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")
_DEFAULT_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str) -> str | None:
    """The proxy that the environment (or the system) names for ``url``, None for none. Raises `ConfigError`.

    This machine itself is reached directly, unless NO_PROXY has `LOOPBACK_TOO`.
    """
    parts = urlsplit(url)
    found = _named_by_environment()
    excepted = _entries(found.get("no", ""))
    if not found and sys.platform in ("win32", "darwin"):  # what their settings say
        from urllib.request import getproxies

        found = getproxies()
    proxy = found.get(parts.scheme) or found.get("all")
    if not proxy or _direct(parts, excepted):
        return None
    proxy = proxy if "://" in proxy else f"http://{proxy}"
    if not usable_url(proxy) and not _usable_socks(proxy):
        raise ConfigError(f"unusable proxy {shown_url(proxy)}; {_todo(proxy)}")
    return proxy


def is_socks(proxy: str | None) -> bool:
    """Whether ``proxy`` speaks SOCKS, which aiohttp does not."""
    return proxy is not None and urlsplit(proxy).scheme.lower() in _SOCKS


def socks_connector(proxy: str, **settings: Any) -> Any:
    """A connector that goes through a SOCKS proxy, from aiohttp-socks. Raises `ConfigError` where that is missing."""
    connectors = _aiohttp_socks()
    if connectors is None:
        raise ConfigError(f"unusable proxy {shown_url(proxy)}; {_todo(proxy)}")
    scheme, _, rest = proxy.partition("://")
    resolves_there = scheme.lower() in ("socks5h", "socks4a")
    url = f"{scheme.lower().rstrip('ha') if resolves_there else scheme.lower()}://{rest}"
    return connectors.ProxyConnector.from_url(url, rdns=resolves_there or None, **settings)


def bypassed(host: str, port: int | None, excepted: Iterable[str]) -> bool:
    """Whether one of the entries of NO_PROXY is ``host``: a name, a domain, an address, a network, a pattern."""
    host = host.lower().rstrip(".")
    return any(_matches(entry, host, port) for entry in excepted)


def _named_by_environment() -> dict[str, str]:
    """The variables ``NAME_PROXY``, in small letters before others: `urllib.request.getproxies_environment`, the import
    of which takes 20 ms.
    """
    named = [(name, value) for name, value in os.environ.items() if name[-6:].lower() == "_proxy"]
    found = {name[:-6].lower(): value for name, value in named if value}
    if "REQUEST_METHOD" in os.environ:  # a CGI script, whose HTTP_PROXY is a header of the client
        found.pop("http", None)
    small = {name[:-6].lower(): value for name, value in named if name.endswith("_proxy")}
    return {name: value for name, value in (found | small).items() if value}


def _entries(no_proxy: str) -> list[str]:
    return [entry for entry in re.split(r"[\s,]+", no_proxy.lower()) if entry]


def _direct(parts: SplitResult, excepted: list[str]) -> bool:
    host, port = parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme)
    if _is_loopback(host):
        if LOOPBACK_TOO not in excepted:
            return True
    elif not excepted and _excepted_by_system(host):
        return True
    return bypassed(host, port, excepted)


def _excepted_by_system(host: str) -> bool:
    """Whether the settings of Windows or macOS reach ``host`` directly; the environment goes before them."""
    if sys.platform not in ("win32", "darwin") or _named_by_environment():
        return False
    from urllib.request import proxy_bypass

    return bool(proxy_bypass(host))


def _is_loopback(host: str) -> bool:
    if (address := _address(host)) is not None:
        return address.is_loopback or address.is_unspecified
    return f".{host}".lower().rstrip(".").endswith(".localhost")


def _matches(entry: str, host: str, port: int | None) -> bool:
    if entry == "*":
        return True
    entry, entry_port = _split_port(entry.partition("://")[2] or entry)
    if entry_port is not None and entry_port != port:
        return False
    address = _address(host)
    if address is not None:
        return _holds(entry, address) or ("*" in entry and _fits(entry, host))
    entry = entry.removeprefix("*").strip(".") if entry.startswith("*.") else entry.strip(".")
    if "*" in entry:
        return _fits(entry, host)
    return bool(entry) and (host == entry or host.endswith(f".{entry}"))


def _split_port(entry: str) -> tuple[str, int | None]:
    """An entry without brackets, and its port: ``[::1]:80``, ``host:80``; a bare ``::1`` has none."""
    if match := re.fullmatch(r"\[([^\]]*)\](/\d+)?(?::(\d{1,5}))?", entry):
        return match[1] + (match[2] or ""), int(match[3]) if match[3] else None
    name, mark, port = entry.rpartition(":")
    if mark and ":" not in name and port.isdecimal():
        return name, int(port)
    return entry, None


def _holds(entry: str, address: IPv4Address | IPv6Address) -> bool:
    """Whether ``entry`` is the address, or a network that has it (``10.0.0.0/8``)."""
    from ipaddress import ip_network

    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False


def _fits(entry: str, host: str) -> bool:
    """Whether ``host`` fits a pattern such as ``127.*``."""
    return re.fullmatch(".*".join(map(re.escape, re.split(r"\*+", entry, maxsplit=8))), host) is not None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    if not host[:1].isdecimal() and ":" not in host:
        return None
    from ipaddress import IPv6Address, ip_address

    try:
        address = ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _usable_socks(proxy: str) -> bool:
    scheme, mark, rest = proxy.partition("://")
    return scheme.lower() in _SOCKS and usable_url(f"http{mark}{rest}") and _aiohttp_socks() is not None


def _aiohttp_socks() -> Any:
    from importlib import import_module

    try:
        return import_module("aiohttp_socks")
    except ImportError:
        return None


def _todo(proxy: str) -> str:
    http = "set HTTP_PROXY and HTTPS_PROXY to http://HOST:PORT, or NO_PROXY to the hosts to reach directly"
    if not proxy.lower().startswith("socks"):
        return http
    scheme, mark, rest = proxy.partition("://")
    if scheme.lower() not in _SOCKS or not usable_url(f"http{mark}{rest}"):
        return f"write socks5://HOST:PORT, or {http}"
    return f"for SOCKS, pip install aiohttp-socks; or {http}"
