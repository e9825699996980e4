"""The messages of media streams, as Twilio, Telnyx and Plivo write and read them. No socket, no clock.

The carrier connects to a server and sends ``start``, then the caller's sound; what it is sent, it plays, one message
behind the other. It sends a mark back when all before it was played, and on being told to clear it forgets the rest.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64encode
from typing import Any, NamedTuple

LARGEST_MESSAGE = 1 << 20
"""Characters of a message that is read; 20 ms of sound have 250."""


class Carrier(NamedTuple):
    """What the messages of a carrier are called.

    ``stream`` is the key under which they name the stream, ``addressed`` whether what it is sent must have it.
    ``format`` is told with sound, and ``nested`` whether the name of a mark stands in an object called ``mark``.
    """

    name: str
    stream: str
    addressed: bool
    play: str
    format: dict[str, Any]
    mark: str
    played: str
    nested: bool
    clear: str


CARRIERS = (
    Carrier("twilio", "streamSid", True, "media", {}, "mark", "mark", True, "clear"),
    Carrier("telnyx", "stream_id", False, "media", {}, "mark", "mark", True, "clear"),
    Carrier(
        "plivo",
        "streamId",
        True,
        "playAudio",
        {"contentType": "audio/x-mulaw", "sampleRate": 8000},
        "checkpoint",
        "playedStream",
        False,
        "clearAudio",
    ),
)


class Began(NamedTuple):
    """The stream begins. ``encoding`` is the incoming sound's, in the carrier's word, ``rate`` its rate in Hz."""

    carrier: Carrier
    encoding: str
    rate: int
    message: dict[str, Any]


class Sound(NamedTuple):
    """What the caller said, encoded."""

    data: bytes


class Played(NamedTuple):
    """All that was sent before the mark of this name was played, or dropped by a clear."""

    mark: str


class HungUp(NamedTuple):
    """The stream has ended."""


class Other(NamedTuple):
    """Something else: a key that was pressed, or what a later version of the protocol says."""

    message: dict[str, Any]


Message = Began | Sound | Played | HungUp | Other


class MediaStream:
    """One stream's messages, in both directions. What it is to be told before `Began` was read is an error."""

    def __init__(self) -> None:
        self.damaged = 0
        """Messages that were none, or lacked what their kind has."""
        self._carrier: Carrier | None = None
        self._address: dict[str, str] = {}

    def read(self, text: str) -> Message | None:
        """What the carrier says; None for what cannot be understood, which is counted."""
        try:
            message = json.loads(text) if len(text) <= LARGEST_MESSAGE else None
            read = self._read(message) if isinstance(message, dict) else None
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):  # whatever its parts are in truth
            read = None
        self.damaged += read is None
        return read

    def play(self, sound: bytes) -> str:
        """Mu-law at 8 kHz, to be played behind what was sent before."""
        carrier = self._known
        return self._text(carrier.play, media={**carrier.format, "payload": b64encode(sound).decode()})

    def mark(self, name: str) -> str:
        """Tell when what was sent so far has been played."""
        carrier = self._known
        return self._text(carrier.mark, **({"mark": {"name": name}} if carrier.nested else {"name": name}))

    def clear(self) -> str:
        """Forget what has not been played."""
        return self._text(self._known.clear)

    @property
    def _known(self) -> Carrier:
        assert self._carrier is not None, "nothing is sent before the stream begins"
        return self._carrier

    def _text(self, event: str, **fields: Any) -> str:
        return json.dumps({"event": event, **self._address, **fields})

    def _read(self, message: dict[str, Any]) -> Message | None:
        event = message["event"]
        if event == "start":
            return self._begin(message)
        if event == "media":
            media = message["media"]
            if media.get("track") == "outbound":  # what it was sent itself
                return Other(message)
            return Sound(binascii.a2b_base64(media["payload"], strict_mode=True))
        if event == "stop":
            return HungUp()
        if self._carrier is not None and event == self._carrier.played:
            return Played(str((message["mark"] if self._carrier.nested else message)["name"]))
        return Other(message)

    def _begin(self, message: dict[str, Any]) -> Began | None:
        start = message["start"]
        known = {**start, **message}
        carrier = next((each for each in CARRIERS if each.stream in known), None)
        if carrier is None:
            return None
        self._carrier = carrier
        self._address = {carrier.stream: str(known[carrier.stream])} if carrier.addressed else {}
        given = start.get("mediaFormat") or start.get("media_format") or {}
        rate = given.get("sampleRate") or given.get("sample_rate") or 8000
        return Began(carrier, str(given.get("encoding", "audio/x-mulaw")), int(rate), message)
