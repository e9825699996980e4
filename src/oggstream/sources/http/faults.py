"""What went wrong, in one line that says what to do: HTTP answers and aiohttp's exceptions as errors of this package.

Loaded when the first thing fails: nothing here is needed before a request is out.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import errors
from .answer_reader import MalformedAnswerError
from .redaction import one_line

if TYPE_CHECKING:
    from .redaction import Secrets

QUOTA = "insufficient_quota"
_QUOTAS = (QUOTA, "quota_exceeded")  # OpenAI's name, and ElevenLabs'
_OUT_OF_CREDIT = "add credit to the account, trying again does not help"
_KINDS: dict[int, tuple[type[errors.SourceError], str]] = {
    401: (errors.AuthenticationError, "check the API key"),
    402: (errors.QuotaError, _OUT_OF_CREDIT),
    403: (errors.AccessError, "the key may not do this: check its permissions, its project and your region"),
    404: (errors.NotFoundError, "check the URL and the model"),
    407: (errors.SourceConnectionError, "the proxy wants a user and password: put USER:PASSWORD@ before its host"),
    429: (errors.RateLimitError, "wait a while, then try again"),
}
_MESSAGES = ("message", "detail", "msg", "err_msg", "Message", "error")  # Deepgram's name, and one of AWS's
_HEAD = 8 << 10  # characters of a page in which its title is looked for


class Said(NamedTuple):
    """What the body of a failed answer says: a message for people, and the service's code for programs."""

    message: str
    code: str | None = None

    @property
    def quota(self) -> bool:
        """Whether it says that there is no credit left."""
        return self.code == QUOTA


def read_body(body: bytes, content_type: str) -> Said:
    """What the body of an error answer says: OpenAI's JSON, FastAPI's, an HTML page, plain text, or nothing."""
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return Said("")
    if text[0] in "{[":
        try:
            return _read_json(json.loads(text))
        except (ValueError, RecursionError):
            pass
    if "html" in content_type or text[:100].lower().startswith(("<!doctype html", "<html")):
        title = _title(text[:_HEAD])
        return Said(f'an HTML page titled "{title}"' if title else "an HTML page")
    if "\ufffd" in text or "\0" in text:
        return Said(f"{len(body)} bytes of {content_type or 'something that is no text'}")
    return Said(one_line(text))


def _read_json(value: Any) -> Said:
    if not isinstance(value, dict):
        return Said(one_line(json.dumps(value)))
    error = _innermost(value)
    if not isinstance(error, dict):
        return Said(one_line(str(error)))
    codes = [str(error[name]) for name in ("code", "type", "status", "err_code", "__type") if error.get(name)]
    code = QUOTA if any(name in codes for name in _QUOTAS) else next(iter(codes), None)
    said = next((error[name] for name in _MESSAGES if error.get(name)), None)
    told = _detail(said) or json.dumps(value["detail"] if isinstance(value.get("detail"), dict) else value)
    return Said(one_line(told), code)


def _innermost(value: dict[str, Any]) -> Any:
    """What an answer says, out of its envelope: "error" with OpenAI and most, a "detail" with FastAPI."""
    error = value.get("error", value)
    if error is value and isinstance(detail := value.get("detail"), dict):
        return {**detail, "type": detail.get("status") or detail.get("error") or detail.get("type")}
    return error


def _detail(said: Any) -> str:
    """FastAPI's ``detail``: a text, an object with a message, or a list of what is wrong with which field."""
    if isinstance(said, dict):
        return str(said.get("message") or said.get("msg") or said.get("error") or json.dumps(said))
    if isinstance(said, list):
        return "; ".join(_field(item) for item in said[:3])
    return str(said or "")


def _field(item: Any) -> str:
    if not isinstance(item, dict) or "msg" not in item:
        return str(item)
    steps = item.get("loc")
    place = ".".join(str(step) for step in steps if step != "body") if isinstance(steps, list) else ""
    return f"{place}: {item['msg']}" if place else str(item["msg"])


def _title(page: str) -> str:
    """The title of an HTML page, empty if it has none. Each character is looked at once, whatever the page holds."""
    lower = page.lower() if page.isascii() else "".join(c.lower() if c.isascii() else c for c in page)
    _, mark, rest = lower.partition("<title")
    _, end_of_tag, rest = rest.partition(">")
    begin = len(page) - len(rest)
    said, end, _ = rest.partition("</title")
    return one_line(page[begin : begin + len(said)]) if mark and end_of_tag and end else ""


def http_error(
    status: int, said: Said, place: str, secrets: Secrets, *, request_id: str | None = None, advice: str | None = None
) -> errors.SourceError:
    """The error for an HTTP answer of ``status`` from ``place``; ``advice`` replaces the usual word on what to do."""
    kind, usual = kind_of(status, quota=said.quota)
    said_line = secrets.strike(said.message).rstrip(".")
    parts = [f"{place} answered HTTP {status}{_phrase(status)}", said_line]
    message = ": ".join(part for part in parts if part)
    todo = usual if advice is None else advice
    request_id = secrets.shown(request_id) if request_id else None
    return kind(f"{message}; {todo}" if todo else message, status=status, request_id=request_id)


def kind_of(status: int, *, quota: bool = False) -> tuple[type[errors.SourceError], str]:
    """The class of the error for a status of HTTP, and the usual word on what to do. ``quota``: no credit is left."""
    if quota:
        return errors.QuotaError, _OUT_OF_CREDIT
    if status >= 500:
        return errors.ServerError, "the service failed, try again later"
    if status < 400:
        return errors.SourceError, "nothing was sent back, check the URL"
    return _KINDS.get(status, (errors.RequestRefusedError, ""))


def _phrase(status: int) -> str:
    from http import HTTPStatus

    try:
        return f" ({HTTPStatus(status).phrase})"
    except ValueError:
        return ""


class Place(NamedTuple):
    """Where a request goes, as it may be shown: ``url`` without credentials, the ``proxy`` on the way to it."""

    url: str
    proxy: str | None
    connect_timeout: float


def connection_error(error: Exception, place: Place, secrets: Secrets) -> errors.OggStreamError | None:
    """The error for an exception of aiohttp's, or of a line's, before the answer; None for one that is not foreseen."""
    import aiohttp

    match error:
        case aiohttp.ClientHttpProxyError():
            return _proxy_refusal(error, place, secrets)
        case aiohttp.TooManyRedirects() | aiohttp.RedirectClientError():
            return errors.SourceError(f"{place.url} redirects to nowhere; check the URL")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            return unusable(place.url)
        case UnicodeError():
            return unusable(place.url)
        case aiohttp.ClientError() | OSError():
            return errors.SourceConnectionError(secrets.strike(_no_answer(error, place)))
    return None


def unusable(shown_url: str) -> errors.ConfigError:
    """The error for a URL that cannot be fetched."""
    return errors.ConfigError(f"unusable URL {shown_url!r}; write http://HOST/PATH or https://HOST/PATH")


def lasting(error: Exception) -> bool:
    """Whether another attempt would meet the same: a certificate, a refusing proxy, an unusable URL."""
    import aiohttp

    return isinstance(
        error,
        (
            aiohttp.ClientConnectorCertificateError,
            aiohttp.ClientConnectorSSLError,
            aiohttp.ClientResponseError,
            aiohttp.RedirectClientError,
            aiohttp.InvalidURL,
            aiohttp.NonHttpUrlClientError,
            MalformedAnswerError,
            UnicodeError,
        ),
    )


def body_error(error: Exception, place: Place, request_id: str | None) -> errors.OggStreamError | None:
    """The error for an exception of aiohttp's in the middle of the body; None for one that is not foreseen."""
    import aiohttp

    if isinstance(error, (aiohttp.ClientError, OSError)):
        message = f"{place.url} broke off in the middle of its answer; try again"
        return errors.SourceBrokenError(message, request_id=request_id)
    return None


def _no_answer(error: Exception, place: Place) -> str:
    """One line for a connection that did not come about, or broke before the answer."""
    import aiohttp

    match error:
        case aiohttp.ClientConnectorError():
            return _no_connection(error, place)
        case aiohttp.ConnectionTimeoutError():
            way = f" through the proxy {place.proxy}" if place.proxy else ""
            return f"no connection to {place.url}{way} within {place.connect_timeout:g} s; check the network"
        case aiohttp.ClientResponseError() | MalformedAnswerError():
            return _malformed(error, place)
    return f"{place.url} closed the connection without an answer; try again"


def _malformed(error: Any, place: Place) -> str:
    """One line for an answer that the parser refuses."""
    why = one_line(error.message.partition("\n")[0]).rstrip(":.")
    if not why or "status line" in why or "Expected HTTP" in why:
        return f"{place.url} does not answer in HTTP; check the scheme and the port"
    return f"{place.url} gives a malformed answer: {why}; tell those who run the service"


def _no_connection(error: Any, place: Place) -> str:
    """One line for a `aiohttp.ClientConnectorError`."""
    import aiohttp

    reason = _reason(error.os_error)
    match error:
        case aiohttp.ClientProxyConnectionError():
            return f"cannot connect to the proxy {place.proxy}: {reason}; check HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
        case aiohttp.ClientConnectorDNSError():
            return f"cannot find the host {error.host}: {reason}; check its name and the network"
        case aiohttp.ClientConnectorCertificateError():
            why = getattr(error.certificate_error, "verify_message", None) or str(error.certificate_error)
            from .tls import certificate_advice

            todo = certificate_advice(getattr(error.certificate_error, "verify_code", 0))
            return f"the certificate of {error.host}:{error.port} is not trusted: {one_line(why).rstrip('.')}; {todo}"
        case aiohttp.ClientConnectorSSLError():
            return f"TLS with {error.host}:{error.port} failed: {reason}; check that it speaks https there"
    return f"cannot connect to {place.url}: {reason}; check that the service runs there"


def _reason(error: OSError) -> str:
    text = getattr(error, "reason", None) or error.strerror or str(error) or type(error).__name__
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(text))
    if isinstance(error, ConnectionRefusedError):
        text = "connection refused"
    return one_line(text)


def _proxy_refusal(error: Any, place: Place, secrets: Secrets) -> errors.SourceError:
    todo = (
        "it wants a user and password: put USER:PASSWORD@ before its host"
        if error.status == 407
        else "check HTTPS_PROXY"
    )
    said = secrets.strike(one_line(error.message))
    message = f"the proxy {place.proxy} refused to connect to {place.url}: HTTP {error.status} {said}; {todo}"
    return errors.SourceConnectionError(message, status=error.status)
