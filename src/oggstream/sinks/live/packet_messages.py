"""How speech goes over a WebSocket: messages of text are JSON, binary ones a packet behind its two trims. Pure.

``begin``, the packets, ``end`` are a speech; ``flush``: it was interrupted, what is buffered of it is to be dropped.
``word``: it is heard now, or will be in an instant. ``position``: the next packet is not the one that follows.
"""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any

from ...errors import FormatError
from ...opus.items import AudioPacket
from ...opus.toc import packet_samples
from .live_item import Flushed, LivePacket, SpeechBegun, SpeechEnded, WordHeard

if TYPE_CHECKING:
    from .live_item import LiveItem

LONGEST_MESSAGE = 64 << 10
"""Bytes: an Opus packet has at most 61,440."""
_TRIMS = struct.Struct("<HH")
_KINDS: dict[type, str] = {SpeechBegun: "begin", SpeechEnded: "end", Flushed: "flush", WordHeard: "word"}


def message_of(item: LiveItem) -> str | bytes:
    """What is sent for ``item``."""
    if isinstance(item, LivePacket):
        return _TRIMS.pack(item.trim_start, item.trim_end) + item.data
    fields = item._asdict()
    return json.dumps({"type": _KINDS[type(item)], "speech": fields.pop("number"), **fields})


class Places:
    """Follows what is sent to one listener, and finds the packets that are not the next ones of their speech."""

    def __init__(self) -> None:
        self._next = 0  # the position of the packet that follows

    def before(self, item: LiveItem) -> str | None:
        """What is to be sent before ``item``: where it is, if nobody could know."""
        if isinstance(item, SpeechBegun):
            self._next = 0
        if not isinstance(item, LivePacket) or not item.heard:
            return None
        expected, self._next = self._next, item.position + item.heard
        if item.position == expected and not item.lost:
            return None
        return json.dumps({"type": "position", "speech": item.number, "sample": item.position, "lost": item.lost})


def packet_of(message: bytes, position: int) -> AudioPacket:
    """The packet in a binary message, ``position`` samples of the speech before it. Raises `FormatError`."""
    if len(message) <= _TRIMS.size:
        raise FormatError("a binary message is an Opus packet behind two counts of samples, of 16 bits each")
    trim_start, trim_end = _TRIMS.unpack_from(message)
    data = message[_TRIMS.size :]
    samples = packet_samples(data)
    if not samples:
        raise FormatError("a binary message holds no Opus packet")
    if trim_start + trim_end > samples:
        raise FormatError(f"of a packet of {samples} samples {trim_start} + {trim_end} cannot be dropped")
    return AudioPacket(data, position, samples, trim_start, trim_end)


def fields_of(message: str) -> dict[str, Any] | None:
    """The fields of a message of text; None for one that is no object with a ``type``."""
    try:
        fields = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) and isinstance(fields.get("type"), str) else None


def frame(message: str | bytes) -> bytes:
    """A message as a server's WebSocket frame, which is the same for all clients (RFC 6455 section 5.2)."""
    opcode = 1 if isinstance(message, str) else 2
    body = message.encode() if isinstance(message, str) else message
    if len(body) < 126:
        return bytes([0x80 | opcode, len(body)]) + body
    return struct.pack(">BBH", 0x80 | opcode, 126, len(body)) + body  # none is longer than 65,535 bytes
