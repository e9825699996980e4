"""What the endpoint answers when the source of its speech fails: the status and shape that OpenAI's clients expect."""

from __future__ import annotations

from .. import errors
from .speech_request import RefusedError

RETRY_SECONDS = "1"

_BY_KIND: tuple[tuple[type[errors.OggStreamError], int, str, str | None], ...] = (
    (errors.TextError, 400, "invalid_request_error", "invalid_value"),
    (errors.UsageError, 400, "invalid_request_error", "invalid_value"),
    (errors.LibraryError, 400, "invalid_request_error", "unsupported_here"),
    (errors.QuotaError, 429, "insufficient_quota", "insufficient_quota"),
    (errors.RateLimitError, 429, "requests", "rate_limit_exceeded"),
    (errors.NotFoundError, 404, "invalid_request_error", "model_not_found"),
    (errors.RequestRefusedError, 400, "invalid_request_error", None),
    (errors.SourceTimeoutError, 504, "server_error", None),
    (errors.SourceError, 502, "server_error", None),  # also a key that the service refuses: it is not the client's
)
"""The first kind that fits: status, ``type`` and ``code`` of the error object."""


def refusal_of(error: errors.OggStreamError) -> RefusedError:
    """The answer to a request whose speech failed with ``error`` before its first byte."""
    if isinstance(error, RefusedError):
        return error
    for kind, status, name, code in _BY_KIND:
        if isinstance(error, kind):
            headers = {"Retry-After": RETRY_SECONDS} if status == 429 else {}
            return RefusedError(str(error), status=status, kind=name, code=code, headers=headers)
    return RefusedError(str(error), status=500, kind="server_error")
