"""The key, and the endpoint: whether it is reached, what it answers, and how long each step takes."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from argparse import Namespace
from contextlib import suppress
from typing import TYPE_CHECKING

from ...errors import AuthenticationError, ConfigError, OggStreamError, SourceError
from . import mends
from .finding import FAIL, OK, WARN, Finding, failed
from .library_check import has_endpoint

if TYPE_CHECKING:
    from ssl import SSLContext

ANSWER_SECONDS = 10.0
MOST_BYTES = 1 << 20  # of a list of models that are read


async def check_key(args: Namespace) -> list[Finding]:
    """Whether a key is set where one is needed. It is never shown, nor its length."""
    from ...sources.http.redaction import shown_url
    from ...sources.openai_api import is_openai

    key, base_url = _key(), _base_url(args)
    mend = mends.set_variable("OPENAI_API_KEY", "...")
    if key and not (key.isascii() and key.isprintable() and " " not in key):
        return [Finding("key", FAIL, "OPENAI_API_KEY is set to something that is no key (white space in it?)", mend)]
    if key:
        return [Finding("key", OK, "OPENAI_API_KEY is set (not shown)")]
    if not has_endpoint(args):
        return [Finding("key", WARN, "OPENAI_API_KEY is not set: the offline voice speaks", mend)]
    if is_openai(base_url):
        return [Finding("key", FAIL, "OPENAI_API_KEY is not set, and OpenAI needs one", mend)]
    return [Finding("key", OK, f"OPENAI_API_KEY is not set, which {shown_url(base_url)} may do without")]


async def check_certificates(_args: Namespace) -> list[Finding]:
    """How many authorities are trusted for https, and where they come from."""
    from ...sources.http.tls import roots, wrong_setting
    from ...threads import in_thread

    if wrong := wrong_setting():
        return [Finding("certificates", FAIL, f"no authority is trusted for https: {wrong}")]
    found = await in_thread(roots)
    if found.known == 0:
        says = f"no authority is trusted for https ({found.origin} knows none)"
        return [Finding("certificates", FAIL, says, mends.wheel("certifi"))]
    count = "authorities, loaded one by one" if found.known is None else f"{found.known} authorities"
    return [Finding("certificates", OK, f"https trusts {count} (from {found.origin})")]


async def check_endpoint(args: Namespace) -> list[Finding]:
    """The way to the endpoint, and its list of models."""
    from ...sources.http.redaction import shown_url

    if not has_endpoint(args):
        return [Finding("endpoint", OK, "no endpoint is set (OPENAI_BASE_URL): the offline voice needs none")]
    base_url = _base_url(args)
    place = shown_url(base_url)
    figures = await steps(base_url, args.connect_timeout)
    try:
        answer, figures["first_byte"] = await _ask(base_url, args.connect_timeout)
    except OggStreamError as error:
        return [_refused(error, place, figures)]
    times = ", ".join(f"{name.replace('_', ' ')} {seconds * 1000:.1f} ms" for name, seconds in figures.items())
    return [Finding("endpoint", OK, f"{place} answers {answer}: {times}", None, figures)]


def _refused(error: OggStreamError, place: str, figures: dict[str, float]) -> Finding:
    status = error.status if isinstance(error, SourceError) else None
    if status in (404, 405, 501):  # many servers have speech and nothing else
        says = f"{place} is reached; it lists no models (HTTP {status})"
        if place.rstrip("/").endswith("/v1"):
            return Finding("endpoint", OK, says, None, figures)
        return Finding("endpoint", WARN, says, "check the base URL, most end in /v1", figures)
    mend = mends.set_variable("OPENAI_API_KEY", "...") if isinstance(error, AuthenticationError) else None
    return failed("endpoint", error, mend)._replace(figures=figures)


async def steps(base_url: str, limit: float) -> dict[str, float]:
    """Seconds for name, connection and TLS, as far as each succeeds; none through a proxy, which takes them itself."""
    from urllib.parse import urlsplit

    from ...sources.http.proxies import proxy_for
    from ...sources.http.urls import usable_url

    took: dict[str, float] = {}
    with suppress(OSError, TimeoutError, ConfigError, EOFError):
        if not usable_url(base_url) or proxy_for(base_url):
            return took
        parts = urlsplit(base_url)
        async with asyncio.timeout(limit):
            await _take_steps(parts.hostname or "", parts.port, _tls() if parts.scheme == "https" else None, took)
    return took


async def _take_steps(host: str, port: int | None, tls: SSLContext | None, took: dict[str, float]) -> None:
    from ...threads import in_thread

    port = port or (443 if tls else 80)
    began = time.perf_counter()
    found = await in_thread(lambda: socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM))
    took["name"], began = _since(began)
    _, writer = await asyncio.open_connection(str(found[0][4][0]), port)
    try:
        took["connection"], began = _since(began)
        if tls is not None:
            await writer.start_tls(tls, server_hostname=host)
            took["tls"], began = _since(began)
    finally:
        writer.transport.abort()


async def _ask(base_url: str, limit: float) -> tuple[str, float]:
    """Ask for the models on a connection that is open; returns what came, and the seconds to its first byte."""
    from ...errors import SourceTimeoutError
    from ...sources.http.client import HttpClient
    from ...sources.http.exchange import Request
    from ...sources.openai_api import endpoint_url, request_headers

    client = HttpClient(endpoint_url(base_url, "models"), max_retries=0, connect_timeout=limit)
    try:
        await client.warm()
        began = time.perf_counter()
        async with asyncio.timeout(ANSWER_SECONDS), client.open(Request("GET", request_headers(_key()))) as stream:
            first, _ = _since(began)
            body = bytearray()
            async for chunk in stream:
                body += chunk
                if len(body) > MOST_BYTES:
                    break
        return _told(bytes(body), client.shown), first
    except TimeoutError as error:
        message = f"{client.shown} does not answer within {ANSWER_SECONDS:g} s; try again later, or check the base URL"
        raise SourceTimeoutError(message) from error
    finally:
        await client.aclose()


def _told(body: bytes, place: str) -> str:
    """What the list of models says. Raises `SourceError` for a body that is none."""
    from ...sniff import describe

    with suppress(ValueError, TypeError, KeyError, RecursionError):
        models = json.loads(body)
        count = len(models["data"] if "data" in models else models["models"])
        return f"with {count} model{'s' * (count != 1)}"
    what = describe(body) if body else "nothing"
    raise SourceError(f"{place} answered with {what}, not with models; check the base URL, most end in /v1")


def _tls() -> SSLContext:
    import ssl

    from ...sources.http.tls import default_context

    return default_context() or ssl.create_default_context()


def _since(began: float) -> tuple[float, float]:
    now = time.perf_counter()
    return round(now - began, 6), now


def _key() -> str:
    return os.environ.get("OPENAI_API_KEY", "").strip()


def _base_url(args: Namespace) -> str:
    from ...sources.openai_api import BASE_URL

    return args.base_url or os.environ.get("OPENAI_BASE_URL", "").strip() or BASE_URL
