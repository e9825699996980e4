"""Which certificate authorities are trusted, and what to do about a certificate that is not.

Python trusts what the system's OpenSSL knows, or what SSL_CERT_FILE and SSL_CERT_DIR name. Where there is nothing of
that, as with many bare containers and Python's own build for macOS, truststore or certifi help out if installed.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from .redaction import one_line

if TYPE_CHECKING:
    from ssl import SSLContext

FILE, FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
_BAD_TIME = (9, 10)  # not yet valid, or no longer
_BAD_NAME = (62, 64)  # for another name, or another address
_STRICT = range(80, 94)  # what OpenSSL finds only with X509_V_FLAG_X509_STRICT
_LARGEST_FILE = 16 << 20  # bytes of a file of certificates that are read


class Roots(NamedTuple):
    """Where the trusted authorities come from, and how many are ``known``; None where they are loaded one by one."""

    origin: str
    known: int | None


def default_context() -> SSLContext | None:
    """The context for requests; None where the one will do that aiohttp has made when it was imported."""
    if _chosen() or _system_has_roots():
        if _settings() == _SETTINGS:
            return None
        import ssl

        return ssl.create_default_context()
    return _fallback()[1]


def roots() -> Roots:
    """What is trusted on this machine, by the context that requests use."""
    import ssl

    if _chosen() or _system_has_roots():
        context = ssl.create_default_context()
        count = len(context.get_ca_certs())
        by_folder = not count and _folder_has_roots()
        return Roots(_chosen() or "the system", None if by_folder else count)
    origin, other = _fallback()
    if other is None:
        return Roots("the system", 0)
    return Roots(origin, len(other.get_ca_certs()) if origin == "certifi" else None)


def certificate_advice(code: int) -> str:
    """What to do about a certificate, by OpenSSL's number of what is wrong with it (X509_V_ERR in x509_vfy.h)."""
    if code in _BAD_TIME:
        return "check the clock of this machine; if it is right, the service must renew it"
    if code in _BAD_NAME:
        return "check the host in the URL"
    if code in _STRICT:
        todo = "or pass an ssl_context= without ssl.VERIFY_X509_STRICT in its verify_flags"
        return f"it breaks RFC 5280, which Python 3.13 and later insist on: have it issued anew, {todo}"
    return wrong_setting() or _unknown_authority()


def wrong_setting() -> str | None:
    """What is wrong with SSL_CERT_FILE or SSL_CERT_DIR, and what to do; None if nothing is."""
    file, folder = os.environ.get(FILE, ""), os.environ.get(FOLDER, "")
    if file and os.path.isdir(file):
        return f"{FILE} names a folder, {one_line(file)}: name a file in it, or set {FOLDER} instead"
    if file and not os.path.isfile(file):
        return f"{FILE} names {one_line(file)}, which is no file: correct or unset it"
    if file and not _is_pem(file):
        return f"{FILE} names {one_line(file)}, which holds no certificate in PEM: convert it (openssl x509)"
    if folder and not any(os.path.isdir(part) for part in folder.split(os.pathsep)):
        return f"{FOLDER} names {one_line(folder)}, which is no folder: correct or unset it"
    return None


def _unknown_authority() -> str:
    if file := os.environ.get(FILE):
        return f"add the certificate of the authority that you trust to {one_line(file)} ({FILE})"
    if folder := os.environ.get(FOLDER):
        return f"add the certificate of the authority that you trust to {one_line(folder)} and run openssl rehash on it"
    if not _system_has_roots() and _fallback()[1] is None:
        return f"this machine has no certificates of authorities: {_install()}"
    return f"set {FILE} to the certificate of the authority that you trust"


def _install() -> str:
    if sys.platform == "darwin":
        return 'run "Install Certificates.command" of Python, or pip install certifi'
    return "install the package ca-certificates, or pip install certifi"


def _settings() -> tuple[str | None, ...]:
    return os.environ.get(FILE), os.environ.get(FOLDER)


_SETTINGS = _settings()
"""Those of the start. A process that was forked ahead has others later."""


def _chosen() -> str:
    """What the user chose instead of the system's authorities, if anything."""
    return next((name for name in (FILE, FOLDER) if os.environ.get(name)), "")


def _system_has_roots() -> bool:
    if sys.platform == "win32":  # the system's own store, which is never empty
        return True
    import ssl

    file = ssl.get_default_verify_paths().cafile
    return bool(file and os.path.getsize(file)) or _folder_has_roots()


def _folder_has_roots() -> bool:
    import ssl

    folder = ssl.get_default_verify_paths().capath
    if not folder:
        return False
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(".0") for entry in entries)
    except OSError:
        return False


def _fallback() -> tuple[str, SSLContext | None]:
    """A context from truststore (which knows the store of macOS) or certifi, with its name."""
    import ssl

    order = ("truststore", "certifi") if sys.platform == "darwin" else ("certifi", "truststore")
    for name in order:
        module = _module(name)
        if module is None:
            continue
        if name == "certifi":
            return name, ssl.create_default_context(cafile=module.where())
        context: SSLContext = module.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        return name, context
    return "", None


def _module(name: str) -> Any:
    from importlib import import_module

    try:
        return import_module(name)
    except ImportError:
        return None


def _is_pem(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"-----BEGIN" in file.read(_LARGEST_FILE)
    except OSError:
        return False
