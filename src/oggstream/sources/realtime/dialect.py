"""The forms of the Realtime API that services know, and which one to try when a service refuses another. Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

_BETA_FIELDS = ("modalities", "input_audio_format", "output_audio_format")
_CURRENT_FIELDS = ("type", "output_modalities", "audio", "audio.output")
_LISTENING_FIELDS = {"session.turn_detection", "session.audio.input", "session.audio.input.turn_detection"}
_OWN_INPUT_FIELDS = {"response.conversation", "response.input", "response.metadata"}
_TELLING_FIELDS = {
    "output_modalities",
    *(f"{parent}.{name}" for parent in ("session", "response") for name in (*_BETA_FIELDS, *_CURRENT_FIELDS)),
}
_NOT_KNOWN = (  # compiled with the first refusal, not on the way to the first request
    r"unknown|unrecogni[sz]ed|unexpected|unsupported|not supported|not permitted|not allowed|extra|missing|required"
)
_LONGEST_COMPLAINT = 2000  # characters of a refusal that are looked at


class Dialect(NamedTuple):
    """A form of the API.

    ``beta``: the names that fields had before August 2025. ``in_conversation``: a response has no input of its own, so
    that the text goes through the conversation, one piece after the other. ``speaks_only``: it does not know the
    setting that it need not listen.
    """

    beta: bool = False
    in_conversation: bool = False
    speaks_only: bool = False


class DialectChoice:
    """The dialect ``current`` of one connection. Each is tried once."""

    def __init__(self, first: Dialect) -> None:
        self.current = first
        self._refused: set[Dialect] = set()

    def change(self, used: Dialect, error: object) -> bool:
        """Whether what was refused with ``error``, sent in the dialect ``used``, is worth sending in another one."""
        better = other_dialect(used, error)
        if better is None:
            return False
        self._refused.add(used)
        if used == self.current and better not in self._refused:
            self.current = better
        return self.current not in self._refused

    def advice(self, error: object) -> str:
        """What to add to ``error`` where it speaks of the form, and another one was tried."""
        if not self._refused or other_dialect(self.current, error) is None:
            return ""
        return "it knows neither OpenAI's Realtime API nor the form that it had in its beta"


def dialect_of(session: dict[str, Any]) -> Dialect:
    """The dialect in which a service describes its session."""
    return Dialect(beta="audio" not in session and any(session.get(name) is not None for name in _BETA_FIELDS))


def is_about_session(error: object) -> bool:
    """Whether an error that names no event speaks of the session's set-up."""
    fields = error if isinstance(error, dict) else {}
    return any("session." in str(fields.get(name))[:_LONGEST_COMPLAINT] for name in ("param", "message"))


def other_dialect(used: Dialect, error: object) -> Dialect | None:
    """The dialect to try after ``error``; None where that does not speak of a field that another dialect lacks."""
    fields = error if isinstance(error, dict) else {}
    said = " ".join(str(fields.get(name))[:_LONGEST_COMPLAINT] for name in ("code", "param", "message")).lower()
    if not re.search(_NOT_KNOWN, said):
        return None
    named = {token.strip(".") for token in re.findall(r"[\w.]+", said)}
    if named & _OWN_INPUT_FIELDS and not used.in_conversation:
        return used._replace(in_conversation=True)
    if named & _LISTENING_FIELDS and not used.speaks_only:
        return used._replace(speaks_only=True)
    return used._replace(beta=not used.beta) if named & _TELLING_FIELDS else None
