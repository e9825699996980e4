"""The events in which services wrap audio, in the spellings met in the wild."""

from __future__ import annotations

import re
from binascii import Error as Base64Error, a2b_base64
from typing import TYPE_CHECKING, Any, Protocol

from ..errors import FormatError, OggStreamError, QuotaError, RateLimitError, ServerError
from ..sniff import json_message, quote
from .json_values import Value, ValueReader
from .sse import MAX_EVENT, EventReader, ServerEvent

if TYPE_CHECKING:
    from ..opus.items import StreamStats

_AUDIO_KEYS = (
    *("audio", "delta", "audio_data", "data", "audio_base64", "chunk", "audioContent", "audioData", "audio_content"),
    *("audioBase64", "b64_json", "base64", "audio_b64", "b64", "bytes"),
)
_OUTER_KEYS = (
    *("inlineData", "inline_data", "parts", "content", "candidates", "choices", "message", "result", "output"),
    *("response", "outputs", "results", "payload"),
)  # that hold the former, and no audio themselves
_DEPTH = 8
_MEMBERS = 16  # of a list, that are looked at
_FACTS = {
    *("samplerate", "samplingrate", "channels", "numchannels", "bitdepth", "bitspersample", "encoding"),
    *("sampleformat", "audioformat", "format", "mimetype", "contenttype", "codec", "endianness"),
}
_PLAIN_TYPES = ("", "message", "data", "delta", "chunk")  # of audio, where the type does not name it
_ENDS = (b"[DONE]", b"DONE", b"[END]")
_END_TYPES = ("done", "end", "stop", "complete", "completed", "finished", "response.done", "response.completed")
_NO_AUDIO = ("transcript", "text", "caption", "timestamp", "format", "start", "done", "end")
_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_SHORTEST = 40  # characters of base64 by which JSON without a type is known to hold audio
_HEX = re.compile(rb"(?:[0-9a-f]{2}){16,}+\s*")  # no base64 of audio: silence would be "A" there
_DATA_URL = re.compile(rb"data:[^,]{0,200};base64,", re.IGNORECASE)  # RFC 2397
_STEP = 1 << 16  # bytes of base64
_SAID = 65536  # characters of an error event that are looked at


class Layout(Protocol):
    """Where a service is known to put its audio."""

    def audio(self, value: dict[str, Any]) -> str | None:
        """The text of the audio in a value; None without any."""
        ...

    def decode(self, text: bytes) -> bytes:
        """The audio of such a text. Raises `ValueError`."""
        ...


class Envelope:
    """Unwraps a stream of events, or of JSON values, into the bytes of the body inside.

    With a ``layout``, audio is where it says; values are kept in ``values`` for whoever takes them, and those that
    cannot be read are passed over and counted in ``broken``. Without one, both are told by what services usually do.

    ``ended``: the service said that nothing more comes. ``open``: it did not, though events of such a kind are ended
    that way. ``sounded``: there was audio; ``facts`` are what
    stood beside the first of it. ``failure``: what went wrong; what came before it is good.
    """

    def __init__(self, stats: StreamStats, *, is_json: bool = False, layout: Layout | None = None) -> None:
        self.is_json = is_json
        self.values: list[dict[str, Any]] = []
        self.broken = 0
        self.ended = False
        self.open = False
        self.sounded = False
        self.facts: dict[str, str] = {}
        self.failure: OggStreamError | None = None
        self._events = ValueReader(lines=layout is not None) if is_json else EventReader()
        self._stats = stats
        self._layout = layout

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
            audio = self._audio(event)
            self.sounded = self.sounded or bool(audio)
            parts.append(audio)
        except OggStreamError as error:
            if self._layout is not None and isinstance(error, FormatError):
                self.broken += 1
            else:
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
            parsed = Value(data)
        except (ValueError, RecursionError) as error:
            raise _broken(event, "JSON") from error
        value = parsed.fields
        kind = str(value.get("type") or value.get("event") or event.name or "").lower()
        if "error" in kind or "fail" in kind or self._is_error(value):
            raise _reported(value, data)
        if kind in _END_TYPES or kind.endswith(("audio.done", "audio.end")):
            self.ended = True
        self.open = not self.ended and (self.open or kind.endswith("audio.delta"))
        if self._layout is not None:
            return self._laid_out(parsed, self._layout, event)
        if not _names_audio(kind):
            return b""
        text = _find(value)
        if text is None or (self.is_json and not self.sounded and len(text) < _SHORTEST and not parsed.is_long(text)):
            return b""
        if not self.sounded:
            self.facts = _facts(value)
        return _decode(parsed.text(text), event)

    def _laid_out(self, parsed: Value, layout: Layout, event: ServerEvent) -> bytes:
        self.values.append(parsed.fields)
        text = layout.audio(parsed.fields)
        try:
            return layout.decode(parsed.text(text)) if text else b""
        except ValueError as error:
            raise _broken(event, "audio") from error

    def _is_error(self, value: dict[str, Any]) -> bool:
        find = _find if self._layout is None else self._layout.audio
        return bool(value.get("error")) and find(value) is None

    def _bare(self, name: str, data: bytes) -> bytes:
        """Base64 without JSON around it, where the event's own type says that it is audio."""
        if "error" in name:
            raise ServerError(f"the service broke off with an error: {quote(data[:_SAID].decode('utf-8', 'replace'))}")
        return _decode(data, ServerEvent(name, data, 0)) if "audio" in name and _names_audio(name) else b""


def _names_audio(kind: str) -> bool:
    if any(word in kind for word in _NO_AUDIO):
        return False
    return kind in _PLAIN_TYPES or "audio" in kind


def _find(value: Any, depth: int = _DEPTH) -> str | None:
    """The text of base64 at the first of the keys that has one, also in an object or list within."""
    if not depth:
        return None
    if isinstance(value, list):
        found = (_find(member, depth - 1) for member in value[:_MEMBERS] if not isinstance(member, str))
        return next((text for text in found if text is not None), None)
    if isinstance(value, dict):
        for key in (*_AUDIO_KEYS, *_OUTER_KEYS):
            inner = value.get(key)
            if not inner:
                continue
            if not isinstance(inner, str):
                inner = _find(inner, depth - 1)
            elif key in _OUTER_KEYS:
                continue
            if inner:
                return inner
    return None


def _facts(value: Any, depth: int = _DEPTH) -> dict[str, str]:
    """What stands beside the audio and describes it."""
    found: dict[str, str] = {}
    members = value.items() if isinstance(value, dict) else (("", member) for member in value[:_MEMBERS])
    for key, member in members:
        name = "".join(filter(str.isalnum, str(key)[:40].lower()))
        if isinstance(member, (dict, list)) and depth:
            found = {**_facts(member, depth - 1), **found}
        elif name in _FACTS and isinstance(member, (str, int)):
            found["mimetype" if name == "contenttype" else name] = str(member)[:100]
    return found


def _decode(text: bytes, event: ServerEvent) -> bytes:
    """Base64, or the hexadecimal digits that some services write instead."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text.decode("ascii"))
    try:
        return from_base64(text)
    except Base64Error as error:
        raise _broken(event, "base64") from error


def from_base64(text: bytes) -> bytes:
    """Base64 (RFC 4648 sections 4 and 5), padded rightly, wrongly or not at all, or in a data URL; in steps, which
    saves copies. Raises `binascii.Error`, a `ValueError`.
    """
    if (prefix := _DATA_URL.match(text)) is not None:
        text = text[prefix.end() :]
    length = len(text.rstrip(b"= \t\r\n"))
    decoded = bytearray()
    rest = b""
    for at in range(0, length, _STEP):
        piece = rest + text[at : min(at + _STEP, length)].translate(_URL_SAFE, b" \t\r\n")
        whole = len(piece) & ~3
        decoded += a2b_base64(piece[:whole], strict_mode=whole > 0)
        rest = piece[whole:]
    decoded += a2b_base64(rest + b"=" * (-len(rest) % 4), strict_mode=bool(rest))
    return bytes(decoded)


def _broken(event: ServerEvent, what: str) -> FormatError:
    message = f"the event at byte {event.offset} is no valid {what}; try again, or ask for audio without events"
    return FormatError(message, offset=event.offset)


def _is_whole(event: ServerEvent) -> bool:
    data = event.data.strip()
    try:
        return data[:1] != b"{" or bool(Value(data))
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
