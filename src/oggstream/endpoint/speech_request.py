"""What a request for speech may say, and the errors that answer another, in OpenAI's words and shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import UsageError
from ..options import SpeechOptions
from ..voice.engine import MAX_SPEED, MIN_SPEED
from .formats import CONTENT_TYPES, DEFAULT

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
    """What to speak and how; None leaves the choice to the source. ``format`` is a key of `CONTENT_TYPES`,
    ``stream_format`` one of `STREAM_FORMATS`; ``strict``: rather an error than another voice or model.
    """

    text: str
    voice: str | None = None
    speed: float | None = None
    format: str = DEFAULT
    stream_format: str = STREAM_FORMATS[0]
    instructions: str | None = None
    model: str | None = None
    language: str | None = None
    strict: bool = False


def parse(body: bytes) -> SpeechRequest:
    """Read the JSON of a request: OpenAI's fields, ``language`` and ``strict``. Raises `RefusedError`.

    An empty string counts as a field that is not there, and capitals in a format as small letters.
    """
    return parse_fields(fields_of(body))


def parse_fields(fields: Mapping[str, Any]) -> SpeechRequest:
    """The same for the fields of the JSON."""
    return SpeechRequest(
        _text(fields),
        _voice(fields),
        _speed(fields),
        _one_of(fields, "response_format", tuple(CONTENT_TYPES), DEFAULT),
        _one_of(fields, "stream_format", STREAM_FORMATS, STREAM_FORMATS[0]),
        _string(fields, "instructions") or None,
        _string(fields, "model") or None,
        _language(fields),
        fields.get("strict") is True,
    )


def fields_of(body: bytes) -> dict[str, Any]:
    """The object that a body of JSON is. Raises `RefusedError`."""
    try:
        fields = json.loads(body)
    except (ValueError, RecursionError):
        raise RefusedError("We could not parse the JSON body of your request.") from None
    if not isinstance(fields, dict):
        raise RefusedError(f"Invalid type for the body: expected an object, but got {_kind(fields)} instead.")
    return fields


def _text(fields: Mapping[str, Any]) -> str:
    if fields.get("input") is None:
        raise RefusedError("Missing required parameter: 'input'.", param="input", code="missing_required_parameter")
    text = _string(fields, "input")
    if not text.strip():
        raise RefusedError(
            "Invalid 'input': empty string. Expected a string with minimum length 1.",
            param="input",
            code="string_below_min_length",
        )
    return text


def _voice(fields: Mapping[str, Any]) -> str | None:
    voice = fields.get("voice")
    if isinstance(voice, dict):  # a custom voice
        voice = voice.get("id")
    return _string({"voice": voice}, "voice").strip() or None


def _language(fields: Mapping[str, Any]) -> str | None:
    name = _string(fields, "language") or None
    try:
        return SpeechOptions(language=name).language
    except UsageError:
        expected = "Expected a BCP 47 tag, such as en or pt-BR."
        raise RefusedError(f"Invalid 'language'. {expected}", param="language", code="invalid_value") from None


def _speed(fields: Mapping[str, Any]) -> float | None:
    speed = fields.get("speed")
    if speed is None:
        return None
    if isinstance(speed, bool) or not isinstance(speed, int | float):
        raise _wrong_type("speed", "a number", speed)
    if speed < MIN_SPEED:
        raise _out_of_range("below minimum value", f">= {MIN_SPEED:g}", speed, "decimal_below_min_value")
    if not speed <= MAX_SPEED:  # NaN too
        raise _out_of_range("above maximum value", f"<= {MAX_SPEED:g}", speed, "decimal_above_max_value")
    return float(speed)


def _out_of_range(what: str, expected: str, speed: float, code: str) -> RefusedError:
    return RefusedError(
        f"Invalid 'speed': decimal {what}. Expected a value {expected}, but got {speed} instead.",
        param="speed",
        code=code,
    )


def _one_of(fields: Mapping[str, Any], name: str, known: tuple[str, ...], default: str) -> str:
    value = _string(fields, name)
    if (value.lower() or default) not in known:
        names = ", ".join(f"'{one}'" for one in known)
        raise RefusedError(
            f"Invalid value: '{value}'. Supported values for '{name}' are: {names}.", param=name, code="invalid_value"
        )
    return value.lower() or default


def _string(fields: Mapping[str, Any], name: str) -> str:
    """The text of a field; empty where there is none."""
    value = fields.get(name)
    if value is None:
        return ""
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
