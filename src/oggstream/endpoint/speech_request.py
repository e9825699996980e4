"""What a request for speech may say, and the errors that answer another, in OpenAI's words and shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import UsageError
from ..rules import language_tag
from ..voice.bodies import CONTENT_TYPES
from ..voice.engine import MAX_SPEED, MIN_SPEED
from ..voice.names import DEFAULT_VOICE, NAMES

MAX_CHARACTERS = 4096
STREAM_FORMATS = ("audio", "sse")


class RefusedError(UsageError):
    """A request that is not served: the HTTP status, the fields of OpenAI's error object, and more headers."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 400,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.param = param
        self.code = code
        self.headers = headers or {}

    def as_json(self) -> str:
        """The body of the answer."""
        error = {"message": str(self), "type": self.kind, "param": self.param, "code": self.code}
        return json.dumps({"error": error})


class SpeechRequest(NamedTuple):
    """What to speak and how: ``format`` is a key of `CONTENT_TYPES`, ``stream_format`` one of `STREAM_FORMATS`.

    ``language`` is that of the text, a BCP 47 tag; None: told from the text.
    """

    text: str
    voice: str
    speed: float
    format: str
    stream_format: str
    language: str | None = None


def parse(body: bytes) -> SpeechRequest:
    """Read the JSON of a request.

    ``model`` and ``instructions`` are looked at but change nothing; an unknown voice is refused as OpenAI does; a
    request without ``response_format`` gets Opus, where OpenAI's would get MP3. Raises `RefusedError`.
    """
    fields = _fields(body)
    for name in ("model", "instructions"):
        _string(fields, name, "")
    return SpeechRequest(
        _text(fields),
        _voice(fields),
        _speed(fields),
        _one_of(fields, "response_format", tuple(CONTENT_TYPES), "opus"),
        _one_of(fields, "stream_format", STREAM_FORMATS, "audio"),
        _language(fields),
    )


def _fields(body: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError("We could not parse the JSON body of your request.") from None
    if not isinstance(fields, dict):
        raise RefusedError(f"Invalid type for the body: expected an object, but got {_kind(fields)} instead.")
    return fields


def _text(fields: dict[str, Any]) -> str:
    if fields.get("input") is None:
        raise RefusedError("Missing required parameter: 'input'.", param="input", code="missing_required_parameter")
    text = _string(fields, "input", "")
    if not text.strip():
        raise RefusedError(
            "Invalid 'input': empty string. Expected a string with minimum length 1.",
            param="input",
            code="string_below_min_length",
        )
    if len(text) > MAX_CHARACTERS:
        raise RefusedError(
            f"Invalid 'input': string too long. Expected a string with maximum length {MAX_CHARACTERS}, but got a "
            f"string with length {len(text)} instead.",
            param="input",
            code="string_above_max_length",
        )
    return text


def _voice(fields: dict[str, Any]) -> str:
    voice = fields.get("voice")
    if isinstance(voice, dict):  # a custom voice
        voice = voice.get("id")
    return _one_of({"voice": voice}, "voice", NAMES, DEFAULT_VOICE)


def _speed(fields: dict[str, Any]) -> float:
    speed = fields.get("speed")
    if speed is None:
        return 1.0
    if isinstance(speed, bool) or not isinstance(speed, int | float):
        raise _wrong_type("speed", "a number", speed)
    if speed < MIN_SPEED:
        raise _out_of_range("below minimum value", f">= {MIN_SPEED:g}", speed, "decimal_below_min_value")
    if not speed <= MAX_SPEED:  # NaN too
        raise _out_of_range("above maximum value", f"<= {MAX_SPEED:g}", speed, "decimal_above_max_value")
    return float(speed)


def _language(fields: dict[str, Any]) -> str | None:
    """That of the text, which OpenAI's requests do not have; None: told from the text."""
    language = _string(fields, "language", "") or None
    try:
        language_tag("Invalid 'language': it", language)
    except UsageError as error:
        raise RefusedError(f"{error}.", param="language", code="invalid_value") from None
    return language


def _out_of_range(what: str, expected: str, speed: float, code: str) -> RefusedError:
    return RefusedError(
        f"Invalid 'speed': decimal {what}. Expected a value {expected}, but got {speed} instead.",
        param="speed",
        code=code,
    )


def _one_of(fields: dict[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    value = _string(fields, name, default)
    if value not in known:
        names = ", ".join(f"'{one}'" for one in known)
        raise RefusedError(
            f"Invalid value: '{value}'. Supported values for '{name}' are: {names}.", param=name, code="invalid_value"
        )
    return value


def _string(fields: dict[str, Any], name: str, default: str) -> str:
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise _wrong_type(name, "a string", value)
    return value


def _wrong_type(name: str, expected: str, value: object) -> RefusedError:
    return RefusedError(
        f"Invalid type for '{name}': expected {expected}, but got {_kind(value)} instead.",
        param=name,
        code="invalid_type",
    )


def _kind(value: object) -> str:
    """What JSON calls the type of ``value``."""
    names = {dict: "an object", list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")
