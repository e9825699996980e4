"""Turns refusals and broken connections of the Realtime API into errors that say what to do.

Loaded when the first thing fails.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import errors
from ..http.faults import Said, read_body
from ..http.retries import worth_retrying
from .messages import field

if TYPE_CHECKING:
    from ..http.redaction import Secrets
    from .coding import AudioCoding

LONGEST_FIELD = 4096
"""Characters of a field of an error that are read."""
_FIELDS = ("message", "detail", "msg", "code", "type", "param", "status", "event_id")
_Kind = type[errors.SourceError]
_KEY = (errors.AuthenticationError, "check the API key")
_MODEL = (errors.NotFoundError, "name a model that this service has for realtime speech with --model (model=)")
_VOICE = "name a voice of this service with --voice (voice=)"
_RATE = (errors.RateLimitError, "wait a while, then try again")
_SERVER = (errors.ServerError, "the service failed, try again later")
_KINDS: dict[str, tuple[_Kind, str]] = {
    "invalid_api_key": _KEY,
    "authentication_error": _KEY,
    "permission_error": (errors.AccessError, "the key may not do this: check its permissions and its project"),
    "model_not_found": _MODEL,
    "invalid_model": _MODEL,
    "insufficient_quota": (errors.QuotaError, "add credit to the account, trying again does not help"),
    "rate_limit_exceeded": _RATE,
    "rate_limit_error": _RATE,
    "too_many_requests": _RATE,
    "server_error": _SERVER,
    "internal_error": _SERVER,
    "inference_rate_limit_exceeded": _RATE,
}
_WISH = re.compile(r"try again in (\d+(?:\.\d+)?)\s*(ms|s|m)\b")
_UNITS = {"ms": 1.0, "s": 1000.0, "m": 60000.0}
_REASONS = {
    "max_output_tokens": "the piece is too long for the model; send shorter texts",
    "content_filter": "its safety filter stepped in; change the text",
}


class Failure(NamedTuple):
    """An error, and the headers that say after how long to try once more; None for not at all."""

    error: errors.OggStreamError
    retry_headers: Mapping[str, str] | None = None


class ServiceErrors(NamedTuple):
    """Makes the errors of the service at ``place`` (a URL that may be shown)."""

    place: str
    secrets: Secrets

    def refusal(
        self, error: Any, *, reset: float | None = None, request_id: str | None = None, advice: str = ""
    ) -> Failure:
        """For the ``error`` object of an event or of a failed response.

        ``reset``: seconds after which the service says that its limits allow more. ``advice`` comes before the usual.
        """
        said = read_body(json.dumps({"error": bounded(error)}).encode(), "application/json")
        code = _code(error, said)
        kind, usual = _KINDS.get(code, (errors.RequestRefusedError, ""))
        message = self.secrets.strike(said.message).rstrip(".")
        if not usual and "voice" in f"{field(error, 'param')} {said.message}".lower():
            usual = _VOICE
        line = "; ".join(part for part in (f"{self.place} refused: {message}", advice, usual) if part)
        return Failure(kind(line, request_id=request_id), _retry_headers(kind, said.message, reset))

    def ended(self, response: object, *, reset: float | None, request_id: str | None) -> Failure:
        """For a response that ended otherwise than completed. ``reset``: as in `refusal`."""
        status, details = field(response, "status"), field(response, "status_details")
        if status == "failed":
            error = field(details, "error") or {"message": "the speech failed", "code": "server_error"}
            return self.refusal(error, reset=reset, request_id=request_id)
        if status not in ("incomplete", "cancelled"):
            message = f"{self.place} ended the speech as {self._line(status)!r}; try again"
            return Failure(errors.SourceBrokenError(message, request_id=request_id), {})
        reason = self._line(field(details, "reason") or status)
        message = f"{self.place} broke the speech off: {_REASONS.get(reason) or f'{reason}; try again'}"
        return Failure(errors.SourceBrokenError(message, request_id=request_id), {} if status == "cancelled" else None)

    def closed(self, code: int | None, reason: str) -> Failure:
        """For a connection that was closed; ``reason`` may end in a code of the service ("...error.invalid_model")."""
        known = reason.rpartition(".")[2]
        if known in _KINDS:
            return self.refusal({"message": f"it closed the connection ({known})", "code": known})
        why = " ".join(part for part in (str(code or ""), self._line(reason)) if part)
        message = f"{self.place} closed the connection{f' ({why})' if why else ''}; try again"
        return Failure(errors.SourceBrokenError(message), {})

    def malformed(self, what: str, *, request_id: str | None = None) -> Failure:
        """For data that breaks the protocol."""
        message = f"{self.place} sent {self._line(what)}; check that it speaks OpenAI's Realtime protocol"
        return Failure(errors.FormatError(message, request_id=request_id))

    def unplayable(self, coding: AudioCoding) -> Failure:
        """For audio that cannot be decoded."""
        kind = f"{coding.kind} at {coding.rate}" if coding.rate > 0 else coding.kind
        todo = "which cannot be played; ask it for audio/pcm"
        return Failure(errors.FormatError(f"{self.place} speaks {self.secrets.strike(kind)}, {todo}"))

    def _line(self, text: Any) -> str:
        said = str(text)[:LONGEST_FIELD].encode("utf-8", "replace")
        return self.secrets.strike(read_body(said, "").message).rstrip(".")


def bounded(error: Any) -> Any:
    """The fields of ``error`` that a message needs, each cut to `LONGEST_FIELD`."""
    if not isinstance(error, dict):
        return str(error)[:LONGEST_FIELD]
    return {name: str(error[name])[:LONGEST_FIELD] for name in _FIELDS if error.get(name) is not None}


def _code(error: Any, said: Said) -> str:
    """The first known code of the error; empty if it has none."""
    names = [said.code, field(error, "code"), field(error, "type")]
    return next((name for name in names if isinstance(name, str) and name in _KINDS), "")


def _retry_headers(kind: _Kind, said: str, reset: float | None) -> Mapping[str, str] | None:
    if kind is errors.ServerError:
        return {}
    if kind is not errors.RateLimitError:
        return None
    wish = _WISH.search(said)
    milliseconds = float(wish[1]) * _UNITS[wish[2]] if wish else None if reset is None else reset * 1000
    headers = {} if milliseconds is None else {"retry-after-ms": f"{milliseconds:g}"}
    return headers if worth_retrying(429, headers, quota=False, now=0.0) else None
