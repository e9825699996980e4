"""The events in which services wrap audio, in the spellings met in the wild."""

from __future__ import annotations

import json
from binascii import Error as Base64Error, a2b_base64
from typing import TYPE_CHECKING, Any

from ..errors import FormatError, OggStreamError, QuotaError, RateLimitError, ServerError
from ..sniff import json_message, quote
from .sse import MAX_EVENT, EventReader, ServerEvent

if TYPE_CHECKING:
    from ..opus.items import StreamStats

_AUDIO_KEYS = ("audio", "delta", "audio_data", "data", "audio_base64", "chunk", "audioContent")
_PLAIN_TYPES = ("", "message", "data", "delta", "chunk")  # of audio, where the type does not name it
_ENDS = (b"[DONE]", b"DONE", b"[END]")
_END_TYPES = ("done", "end", "stop", "complete", "completed", "finished", "response.done", "response.completed")
_NO_AUDIO = ("transcript", "text", "caption", "timestamp", "format", "start", "done", "end")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_SAID = 65536  # characters of an error event that are looked at


class Envelope:
    """Unwraps a stream of events into the bytes of the body inside.

    ``ended``: the service said that nothing more comes. ``open``: it did not, though events of such a kind are ended
    that way. ``failure``: what went wrong; what came before it is good.
    """

    def __init__(self, stats: StreamStats) -> None:
        self.ended = False
        self.open = False
        self.failure: OggStreamError | None = None
        self._events = EventReader()
        self._stats = stats

    def feed(self, data: bytes) -> bytes:
        """The bytes of audio in the events that ``data`` completes. Raises nothing: see ``failure``."""
        if self.ended or self.failure is not None:
            return b""
        parts: list[bytes] = []
        for event in self._events.feed(data):
            if not self._open(event, parts):
                return b"".join(parts)
        if self._events.waiting > MAX_EVENT:
            self.failure = FormatError(
                f"an event of more than {MAX_EVENT >> 20} MB; ask the service for a stream, or for audio without events"
            )
        return b"".join(parts)

    def finish(self) -> bytes:
        """The same for an event that the end of the body ended."""
        parts: list[bytes] = []
        if not self.ended and self.failure is None:
            event = self._events.finish()
            if event is not None and not _is_whole(event):
                self.open = True
                self._stats.warn(f"the body ends in the middle of the event at byte {event.offset}")
            elif event is not None:
                self._open(event, parts)
        return b"".join(parts)

    def _open(self, event: ServerEvent, parts: list[bytes]) -> bool:
        """Put the audio of ``event`` to ``parts``; False if nothing after it counts."""
        try:
            parts.append(self._audio(event))
        except OggStreamError as error:
            self.failure = error
        return not (self.ended or self.failure)

    def _audio(self, event: ServerEvent) -> bytes:
        data = event.data.strip()
        if data in _ENDS:
            self.ended = True
            self.open = False
            return b""
        if data[:1] != b"{":
            return self._bare(event.name.lower(), data)
        try:
            value = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise _broken(event, "JSON") from error
        kind = str(value.get("type") or value.get("event") or event.name or "").lower()
        if "error" in kind or "fail" in kind or _is_error(value):
            raise _reported(value, data)
        if kind in _END_TYPES or kind.endswith(("audio.done", "audio.end")):
            self.ended = True
        self.open = not self.ended and (self.open or kind.endswith("audio.delta"))
        if not _names_audio(kind):
            return b""
        text = _find(value)
        return b"" if text is None else _decode(text.encode("utf-8", "replace"), event)

    def _bare(self, name: str, data: bytes) -> bytes:
        """Base64 without JSON around it, where the event's own type says that it is audio."""
        if "error" in name:
            raise ServerError(f"the service broke off with an error: {quote(data[:_SAID].decode('utf-8', 'replace'))}")
        return _decode(data, ServerEvent(name, data, 0)) if "audio" in name and _names_audio(name) else b""


def _names_audio(kind: str) -> bool:
    if any(word in kind for word in _NO_AUDIO):
        return False
    return kind in _PLAIN_TYPES or "audio" in kind


def _is_error(value: dict[str, Any]) -> bool:
    return bool(value.get("error")) and _find(value) is None


def _find(value: Any, depth: int = 3) -> str | None:
    """The text of base64 at the first of the keys that has one, also in an object within."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, dict) and depth:
        for key in _AUDIO_KEYS:
            found = _find(value.get(key), depth - 1)
            if found is not None:
                return found
    return None


def _decode(text: bytes, event: ServerEvent) -> bytes:
    """Base64 (RFC 4648 sections 4 and 5), padded rightly, wrongly or not at all."""
    text = b"".join(text.split()).rstrip(b"=").translate(_URL_SAFE)
    try:
        return a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=bool(text))
    except Base64Error as error:
        raise _broken(event, "base64") from error


def _broken(event: ServerEvent, what: str) -> FormatError:
    message = f"the event at byte {event.offset} is no valid {what}; try again, or ask for audio without events"
    return FormatError(message, offset=event.offset)


def _is_whole(event: ServerEvent) -> bool:
    data = event.data.strip()
    try:
        return data[:1] != b"{" or isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def _reported(value: dict[str, Any], data: bytes) -> OggStreamError:
    """The error that the service reports in mid-stream."""
    inner = value.get("error")
    fields = inner if isinstance(inner, dict) else value
    codes = (fields.get("code"), fields.get("type"))
    said = quote(json_message(data[:_SAID].decode("utf-8", "replace")) or "it gives no reason")
    if "insufficient_quota" in codes:
        return QuotaError(f"the service broke off: {said}; add credit to the account, trying again does not help")
    if "rate_limit_exceeded" in codes or "slow_down" in codes:
        return RateLimitError(f"the service broke off: {said}; wait a while, then try again")
    return ServerError(f"the service broke off with an error: {said}; try again")
