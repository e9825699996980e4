"""How the WebSocket is opened: through TLS and proxies, past redirects, and at what cost."""

from __future__ import annotations

import subprocess
import sys

import pytest
from aiohttp import web

from oggstream import errors
from oggstream.options import SpeechOptions
from oggstream.sources.realtime.realtime_source import RealtimeSource
from realtime_service import realtime_service
from speech_server import server_tls, tunnelling_proxy

KEY = "sk-a-very-secret-key"


async def spoken(source: RealtimeSource) -> bytes:
    try:
        async with source.open("Hello.", SpeechOptions()) as stream:
            return b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)])
    finally:
        await source.aclose()


async def test_a_wss_url_goes_through_the_tunnel_of_the_proxy_that_the_environment_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with tunnelling_proxy() as (port, heads), realtime_service(tls=server_tls()) as service:
        monkeypatch.setenv("HTTPS_PROXY", f"http://user:password@127.0.0.1:{port}")
        monkeypatch.setenv("NO_PROXY", "<-loopback>")
        with pytest.raises(errors.SourceConnectionError, match="self-signed certificate; set SSL_CERT_FILE"):
            await spoken(RealtimeSource(base_url=service.base.replace("https", "wss"), api_key=KEY))
        assert heads[0].startswith(b"CONNECT 127.0.0.1:")
        assert KEY.encode() not in heads[0]


async def test_a_certificate_that_nobody_trusts_is_told_once_and_not_tried_again() -> None:
    async with realtime_service(tls=server_tls()) as service:
        with pytest.raises(errors.SourceConnectionError, match=r"is not trusted: .*set SSL_CERT_FILE"):
            await spoken(RealtimeSource(base_url=service.base, trust_env=False))
        assert service.requests == []


async def test_a_proxy_that_is_not_there_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:password@127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "<-loopback>")
    with pytest.raises(
        errors.SourceConnectionError, match=r"cannot connect to the proxy http://127\.0\.0\.1:1"
    ) as caught:
        await spoken(RealtimeSource(base_url="https://127.0.0.1:2/v1", max_retries=0))
    assert "password" not in str(caught.value)


async def test_a_redirect_to_another_host_takes_no_key_along() -> None:
    async with realtime_service() as there:
        away = web.Response(status=307, headers={"Location": f"{there.base}/realtime"})
        async with realtime_service(refusals=[away]) as here:
            with pytest.raises(errors.SourceError):  # for it is no WebSocket's handshake any more
                await spoken(RealtimeSource(base_url=here.base, api_key=KEY, trust_env=False))
        assert "Authorization" not in there.requests[0].headers


def test_importing_the_source_loads_no_library() -> None:
    code = "import sys, oggstream; oggstream.RealtimeSource(); print({'aiohttp', 'numpy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
