"""What goes wrong with the Realtime API, in one line that says what to do.

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

if TYPE_CHECKING:
    from ..http.redaction import Secrets

_Kind = type[errors.SourceError]
_KEY = (errors.AuthenticationError, "check the API key")
_MODEL = (errors.NotFoundError, "check that the service has this model for realtime speech, and the base URL")
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


class Verdict(NamedTuple):
    """An error, and the headers that say after how long to try once more; None for not at all."""

    error: errors.OggStreamError
    again: Mapping[str, str] | None = None


class Teller(NamedTuple):
    """Tells what went wrong at ``place`` (a URL that may be shown)."""

    place: str
    secrets: Secrets

    def refusal(self, error: Any, *, reset: float | None = None, request_id: str | None = None) -> Verdict:
        """For the ``error`` object of an event or of a failed response.

        ``reset``: seconds after which the service says that its limits allow more.
        """
        said = read_body(json.dumps({"error": error}).encode(), "application/json")
        code = _code(error, said)
        kind, todo = _KINDS.get(code, (errors.RequestRefusedError, ""))
        message = self.secrets.strike(said.message).rstrip(".")
        line = f"{self.place} refused: {message}" + (f"; {todo}" if todo else "")
        return Verdict(kind(line, request_id=request_id), _again(kind, said.message, reset))

    def ended(self, status: Any, reason: Any, *, request_id: str | None) -> Verdict:
        """For a response that ended early: "incomplete", or "cancelled" by somebody else."""
        why = _REASONS.get(str(reason)) or f"{self._line(reason or status)}; try again"
        message = f"{self.place} broke the speech off: {why}"
        return Verdict(errors.SourceBrokenError(message, request_id=request_id), {} if status == "cancelled" else None)

    def unknown_status(self, status: Any, *, request_id: str | None) -> Verdict:
        """For a response that ended in a way that nobody knows."""
        message = f"{self.place} ended the speech as {self._line(status)!r}; try again"
        return Verdict(errors.SourceBrokenError(message, request_id=request_id), {})

    def closed(self, code: int | None, reason: str) -> Verdict:
        """For a connection that was closed; ``reason`` may end in a code of the service ("...error.invalid_model")."""
        known = reason.rpartition(".")[2]
        if known in _KINDS:
            return self.refusal({"message": f"it closed the connection ({known})", "code": known})
        why = " ".join(part for part in (str(code or ""), self._line(reason)) if part)
        message = f"{self.place} closed the connection{f' ({why})' if why else ''}; try again"
        return Verdict(errors.SourceBrokenError(message), {})

    def garbled(self, what: str, *, request_id: str | None = None) -> Verdict:
        """For what no such service sends."""
        return Verdict(
            errors.FormatError(
                f"{self.place} sent {self._line(what)}; check that it speaks OpenAI's Realtime protocol",
                request_id=request_id,
            )
        )

    def _line(self, text: Any) -> str:
        return self.secrets.strike(read_body(str(text).encode("utf-8", "replace"), "").message).rstrip(".")


def _code(error: Any, said: Said) -> str:
    """The most telling name that the error has for itself."""
    names = [said.code] + ([error.get("code"), error.get("type")] if isinstance(error, dict) else [])
    return next((name for name in names if isinstance(name, str) and name in _KINDS), "")


def _again(kind: _Kind, said: str, reset: float | None) -> Mapping[str, str] | None:
    if kind is errors.ServerError:
        return {}
    if kind is not errors.RateLimitError:
        return None
    wish = _WISH.search(said)
    milliseconds = float(wish[1]) * _UNITS[wish[2]] if wish else None if reset is None else reset * 1000
    headers = {} if milliseconds is None else {"retry-after-ms": f"{milliseconds:g}"}
    return headers if worth_retrying(429, headers, quota=False, now=0.0) else None
