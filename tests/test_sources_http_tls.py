from __future__ import annotations

import ssl
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from oggstream.options import SpeechOptions
from oggstream.sources.http import tls
from oggstream.sources.http.url_source import HttpSource
from oggstream.sources.openai_source import OpenAISource
from oggstream.sources.services.service_source import ServiceSource
from speech_server import BODY, CERTIFICATE, server_tls, serving, speaking

UNKNOWN = 20  # X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing", "which is no file: correct or unset it"),
        ("folder", "names a folder, .*: name a file in it, or set SSL_CERT_DIR"),
        ("der", "which holds no certificate in PEM"),
        ("empty", "which holds no certificate in PEM"),
        ("pem", "add the certificate of the authority that you trust to .*SSL_CERT_FILE"),
    ],
)
def test_advice_fits_what_ssl_cert_file_names(
    kind: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ca.pem"
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes({"der": b"\x30\x82\x01", "empty": b"", "pem": CERTIFICATE.encode()}[kind])
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(tls.certificate_advice(UNKNOWN))


def test_folder_of_certificates_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", "/nowhere/certs")
    assert "SSL_CERT_DIR names /nowhere/certs, which is no folder" in tls.certificate_advice(UNKNOWN)


@pytest.mark.parametrize("code", [85, 86, 89, 92])
def test_strict_rules_are_named(code: int) -> None:
    assert "Python 3.13 and later insist on" in tls.certificate_advice(code)


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a certificate store, truststore and certifi."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    monkeypatch.setattr(tls, "_system_has_roots", lambda: False)
    for name in ("truststore", "certifi"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.mark.usefixtures("bare")
def test_bare_machine_is_told_what_to_install() -> None:
    assert tls.default_context() is None
    assert tls.roots().known == 0
    assert "pip install certifi" in tls.certificate_advice(UNKNOWN)


@pytest.mark.usefixtures("bare")
def test_bare_machine_uses_certifi_where_that_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "certifi.pem"
    file.write_text(CERTIFICATE)
    module = ModuleType("certifi")
    monkeypatch.setattr(module, "where", lambda: str(file), raising=False)
    monkeypatch.setitem(sys.modules, "certifi", module)
    assert tls.default_context() is not None
    assert tls.roots() == ("certifi", 1)


@pytest.mark.usefixtures("bare")
def test_bare_machine_uses_truststore_where_that_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("truststore")
    monkeypatch.setattr(module, "SSLContext", ssl.SSLContext, raising=False)
    monkeypatch.setitem(sys.modules, "truststore", module)
    assert isinstance(tls.default_context(), ssl.SSLContext)
    assert tls.roots() == ("truststore", None)


@pytest.mark.usefixtures("bare")
def test_what_the_user_set_is_not_replaced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "mine.pem"
    file.write_text(CERTIFICATE)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    context = tls.default_context()
    assert context is not None
    assert len(context.get_ca_certs()) == 1
    monkeypatch.setattr(tls, "_SETTINGS", tls._settings())  # it was set before the process started
    assert tls.default_context() is None
    assert tls.roots() == ("SSL_CERT_FILE", 1)


async def test_every_source_takes_a_context_of_ones_own() -> None:
    context = ssl.create_default_context(cadata=CERTIFICATE)
    context.check_hostname = False
    async with serving(speaking(), tls=server_tls()) as service:
        sources: list[Any] = [
            HttpSource(service.origin, ssl_context=context),
            OpenAISource(base_url=service.base, ssl_context=context),
            ServiceSource("kokoro", base_url=service.base, ssl_context=context),
        ]
        for source in sources:
            async with source.open("Hello.", SpeechOptions()) as stream:
                assert b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)]) == BODY
            await source.aclose()


async def test_what_is_set_after_the_start_holds_for_aiohttp_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "authority.pem"
    authority.write_text(CERTIFICATE)
    async with serving(speaking(), tls=server_tls()) as service:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        source = HttpSource(service.origin, max_retries=0)
        async with source.open("Hello.", SpeechOptions(format="opus")) as stream:
            assert b"".join([chunk async for chunk in stream if isinstance(chunk, bytes)]) == BODY
        await source.aclose()
