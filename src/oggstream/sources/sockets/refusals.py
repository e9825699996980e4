"""Turns what a service says before it gives up, and closed sockets, into errors that say what to do.

Loaded when the first thing fails.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from ... import errors
from ..http.faults import kind_of, read_body
from ..http.redaction import one_line
from ..services.telling import at_place, first_at

if TYPE_CHECKING:
    from ..http.redaction import Secrets
    from ..services.socket_table import Socket
    from .handshake import Advise

_LONGEST = 4096  # characters of a message that are read
_SPENT = r"quota|\bcredits?\b|payment|billing|\bbalance\b"  # whatever code stands beside it: services differ
_WORDS = (  # what services write instead of a code, the first that fits
    (401, r"api.?key|unauthori[sz]ed|authenticat|credential|invalid.?key|token"),
    (403, r"forbidden|permission|not allowed"),
    (429, r"rate.?limit|too many|concurren|capacity"),
    (404, r"(voice|model|speaker)\b.*(not found|not exist|unknown|invalid)|(unknown|no such) (voice|model|speaker)"),
)
_IDLE = r"idle|inactiv|timed?.?out|expire"


class Refusals:
    """Makes the errors of the service at ``place`` (a URL that may be shown), by the codes of its table."""

    def __init__(self, socket: Socket, place: str, secrets: Secrets, advise: Advise) -> None:
        self._socket = socket
        self._place = place
        self._secrets = secrets
        self._advise = advise

    def refusal(self, message: object) -> errors.SourceError:
        """For a message that says what is wrong."""
        table = self._socket.error
        said = _text(first_at(message, _places(table.get("message", ()))))
        if not said:
            said = read_body(json.dumps(message)[:_LONGEST].encode(), "application/json").message
        code = first_at(message, _places(table.get("code", ())))
        return self._error("refused", said, "" if code is None else str(code)[:80])

    def closed(self, code: int | None, reason: str) -> errors.SourceError:
        """For a connection that was closed."""
        return self._error("closed the connection", reason[:_LONGEST], str(code or ""))

    def malformed(self, what: str) -> errors.FormatError:
        """For data that breaks the protocol."""
        todo = "check the service's name and its URL"
        return errors.FormatError(f"{self._place} sent {self._secrets.shown(what)}; {todo}")

    def _error(self, did: str, said: str, code: str) -> errors.SourceError:
        shown = self._secrets.shown(said).rstrip(".")
        status = self._status(code, said)
        line = f"{self._place} {did}{f' ({code})' if code else ''}{f': {shown}' if shown else ''}"
        if status is None:
            return errors.SourceBrokenError(f"{line}; try again")
        kind, usual = kind_of(status, quota=status == 402)
        advice = self._advise(status, said)
        todo = usual if advice is None else advice
        return kind(f"{line}; {todo}" if todo else line, status=status)

    def _status(self, code: str, said: str) -> int | None:
        """The status of HTTP that a code or a text amounts to; None where asking again may do."""
        words = f"{code} {said}".lower()
        if re.search(_SPENT, words):
            return 402
        if code in self._socket.codes:
            return self._socket.codes[code]
        if code.isdecimal() and 400 <= int(code) < 600:
            return int(code)
        if re.search(_IDLE, words):
            return None
        return next((status for status, pattern in _WORDS if re.search(pattern, words)), None)


def _places(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _text(value: object) -> str:
    """A message as one line: also a table that holds one."""
    if isinstance(value, dict):
        value = at_place(value, "message") or at_place(value, "detail") or json.dumps(value)
    return one_line(str(value)[:_LONGEST]) if value is not None else ""
