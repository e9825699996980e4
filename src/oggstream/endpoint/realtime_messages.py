"""What a client of the Realtime endpoint may say, and the events that answer it, in OpenAI's words and shape. Pure."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ..voice.names import DEFAULT_VOICE, NAMES
from ..voice.wire import RATE
from .speech_request import RefusedError

if TYPE_CHECKING:
    from ..errors import OggStreamError

SLOWEST, FASTEST = 0.25, 1.5
FORMAT = {"type": "audio/pcm", "rate": RATE}
MAX_ITEMS = 1000
"""Items of a conversation that are kept; the oldest go first."""
MAX_ITEM_BYTES = 64 << 10
"""JSON of one item: 10,000 characters, each escaped."""
MAX_CONVERSATION_BYTES = 1 << 20
"""JSON of all items that are kept."""

Event = dict[str, Any]
_numbers = itertools.count(1)


def name(kind: str) -> str:
    """A new identifier: of an event, a response, an item, a session."""
    return f"{kind}_{next(_numbers):012d}"


class SpeakingStyle(NamedTuple):
    """How a session speaks."""

    voice: str = DEFAULT_VOICE
    speed: float = 1.0


def parse(text: str) -> tuple[str, Event]:
    """A client's event and its type. Raises `RefusedError`."""
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        raise RefusedError("We could not parse the JSON of your event.", code="invalid_json") from None
    kind = event.get("type") if isinstance(event, dict) else None
    if not isinstance(kind, str):
        raise _missing("type")
    return kind, event


def read_style(event: Event, now: SpeakingStyle, *, spoken: bool) -> SpeakingStyle:
    """What a ``session.update`` makes of ``now``; a session that has ``spoken`` keeps its voice."""
    session = _object(event, "session")
    if session.get("type", "realtime") != "realtime":
        raise _unsupported("session.type", session["type"], ("realtime",))
    _check_modalities(session, "session.output_modalities")
    output = _object(_object(session, "audio"), "output")
    _check_format(output.get("format"))
    return SpeakingStyle(read_voice(output, now.voice, fixed=spoken), _speed(output, now.speed))


def read_voice(output: Event, now: str, *, fixed: bool) -> str:
    """The voice that ``audio.output`` asks for, by any name. Raises `RefusedError` for another than a fixed one."""
    voice = output.get("voice")
    if isinstance(voice, dict):
        voice = voice.get("id")
    if voice is None:
        return now
    if not isinstance(voice, str) or not voice:
        raise _unsupported("audio.output.voice", voice, NAMES)
    if fixed and voice != now:
        message = "Cannot update a conversation's voice if assistant audio is present."
        raise RefusedError(message, param="audio.output.voice", code="cannot_update_voice")
    return voice


def read_response(event: Event) -> Event:
    """The ``response`` of a ``response.create``, its ``audio.output`` also as ``output``. Raises `RefusedError`."""
    response = _object(event, "response")
    _check_modalities(response, "response.output_modalities")
    output = _object(_object(response, "audio"), "output")
    _check_format(output.get("format"))
    if response.get("conversation", "auto") not in ("auto", "none"):
        raise _unsupported("response.conversation", response["conversation"], ("auto", "none"))
    return {**response, "output": output}


def read_item(item: object) -> Event:
    """An item of a conversation, with a name. Raises `RefusedError`."""
    if not isinstance(item, dict) or item.get("type") != "message":
        raise RefusedError("Only items of the type 'message' are known here.", param="item.type", code="invalid_value")
    if len(json.dumps(item)) > MAX_ITEM_BYTES:
        raise RefusedError(f"An item has at most {MAX_ITEM_BYTES} bytes.", param="item", code="string_above_max_length")
    return {"object": "realtime.item", "status": "completed", **item, "id": item.get("id") or name("item")}


def bounded(items: list[Event]) -> list[Event]:
    """The newest of ``items`` that a conversation keeps: `MAX_ITEMS`, and no more than `MAX_CONVERSATION_BYTES`."""
    left = MAX_CONVERSATION_BYTES
    for kept, item in enumerate(reversed(items)):
        left -= len(json.dumps(item))
        if left < 0 or kept == MAX_ITEMS:
            return items[len(items) - kept :]
    return items


def text_of(items: list[Any]) -> str:
    """What there is to speak in items. Raises `RefusedError` for nothing."""
    texts = [part for item in items for part in _texts(item)]
    text = "\n".join(texts)
    if not text.strip():
        raise RefusedError("There is no text to speak: this voice reads what the user's messages say.", param="input")
    return text


def last_of(items: list[Event]) -> list[Event]:
    """The user's last message, which an answer is about."""
    return [item for item in items if item.get("role") == "user"][-1:]


def session_of(identifier: str, model: str, style: SpeakingStyle, expires_at: int) -> Event:
    """The session as it stands."""
    return {
        "type": "realtime",
        "object": "realtime.session",
        "id": identifier,
        "model": model,
        "expires_at": expires_at,
        "output_modalities": ["audio"],
        "audio": {
            "input": {"format": FORMAT, "turn_detection": None},
            "output": {"format": FORMAT, "voice": style.voice, "speed": style.speed},
        },
    }


def error_of(refusal: RefusedError, cause: object = None) -> Event:
    """An ``error`` event; ``cause`` is the ``event_id`` of what was refused."""
    error = {"type": refusal.kind, "code": refusal.code, "message": str(refusal), "param": refusal.param}
    return {"type": "error", "error": {**error, "event_id": cause if isinstance(cause, str) else None}}


def failure_of(error: OggStreamError) -> Event:
    """The ``error`` of a response that failed."""
    kind, code = (error.kind, error.code) if isinstance(error, RefusedError) else ("server_error", None)
    return {"type": kind, "code": code, "message": str(error)}


def unknown_type(kind: str, known: tuple[str, ...]) -> RefusedError:
    """What is said of an event of a type that is not ``known``."""
    names = ", ".join(f"'{one}'" for one in known)
    message = f"Invalid value: '{kind[:100]}'. Supported values here are: {names}."
    return RefusedError(message, param="type", code="invalid_value")


def _texts(item: Any) -> list[str]:
    content = item.get("content") if isinstance(item, dict) else None
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]


def _object(fields: Event, key: str) -> Event:
    value = fields.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise RefusedError(f"Invalid type for '{key}': expected an object.", param=key, code="invalid_type")
    return value


def _speed(output: Event, now: float) -> float:
    speed = output.get("speed", now)
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not SLOWEST <= speed <= FASTEST:
        message = f"Invalid 'audio.output.speed': expected a number from {SLOWEST:g} to {FASTEST:g}."
        raise RefusedError(message, param="audio.output.speed", code="invalid_value")
    return float(speed)


def _check_modalities(fields: Event, param: str) -> None:
    if fields.get("output_modalities", ["audio"]) != ["audio"]:
        raise RefusedError("This voice only speaks: 'output_modalities' must be ['audio'].", param=param)


def _check_format(wanted: object) -> None:
    if wanted is not None and wanted not in (FORMAT, {"type": FORMAT["type"]}):
        raise _unsupported("audio.output.format", wanted, ("audio/pcm at 24000",))


def _unsupported(param: str, value: object, known: tuple[str, ...]) -> RefusedError:
    names = ", ".join(f"'{one}'" for one in known)
    message = f"Invalid value: {json.dumps(value)[:100]}. Supported values for '{param}' are: {names}."
    return RefusedError(message, param=param, code="invalid_value")


def _missing(param: str) -> RefusedError:
    return RefusedError(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")
