"""What is answered when the source of a speech fails: what OpenAI's clients make something of."""

from __future__ import annotations

import pytest

from oggstream import errors
from oggstream.endpoint.failures import refusal_of
from oggstream.endpoint.speech_request import RefusedError


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (errors.TextError("there is no text"), 400, "invalid_request_error"),
        (errors.UsageError("speed 9"), 400, "invalid_request_error"),
        (errors.LibraryError("mp3 needs PyAV"), 400, "invalid_request_error"),
        (errors.RateLimitError("too many", status=429), 429, "requests"),
        (errors.QuotaError("no credit", status=402), 429, "insufficient_quota"),
        (errors.NotFoundError("no such model", status=404), 404, "invalid_request_error"),
        (errors.RequestRefusedError("a word", status=422), 400, "invalid_request_error"),
        (errors.AuthenticationError("the key is wrong", status=401), 502, "server_error"),
        (errors.SourceConnectionError("refused"), 502, "server_error"),
        (errors.SourceTimeoutError("no byte"), 504, "server_error"),
        (errors.ServerError("it failed", status=500), 502, "server_error"),
        (errors.FormatError("no Ogg"), 500, "server_error"),
    ],
)
def test_each_kind_of_failure_has_a_status_and_a_type(error: errors.OggStreamError, status: int, kind: str) -> None:
    refusal = refusal_of(error)
    assert (refusal.status, refusal.kind, str(refusal)) == (status, kind, str(error))
    assert (refusal.headers.get("Retry-After") is not None) == (status == 429)


def test_a_refusal_stays_what_it_is() -> None:
    refusal = RefusedError("too long", status=413)
    assert refusal_of(refusal) is refusal
