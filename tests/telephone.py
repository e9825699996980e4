"""A telephone at the far end of a media stream: it plays what it is sent in time, and says when it has.

It stands in for Twilio, Telnyx and Plivo, on a virtual clock too, behind any kind of WebSocket.
"""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections import deque
from types import SimpleNamespace
from typing import Any, NamedTuple

RATE = 8000
BEGINNINGS: dict[str, dict[str, Any]] = {
    "twilio": {
        "event": "start",
        "sequenceNumber": "1",
        "start": {
            "accountSid": "AC1",
            "streamSid": "MZ1",
            "callSid": "CA1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {},
        },
        "streamSid": "MZ1",
    },
    "telnyx": {
        "event": "start",
        "sequence_number": "1",
        "start": {
            "user_id": "U1",
            "call_control_id": "v2:1",
            "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
        },
        "stream_id": "S-1",
    },
    "plivo": {
        "event": "start",
        "sequenceNumber": 0,
        "start": {
            "callId": "C1",
            "streamId": "S1",
            "accountId": "M1",
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
        },
        "extra_headers": "{}",
    },
}
STREAMS = {"twilio": {"streamSid": "MZ1"}, "telnyx": {"stream_id": "S-1"}, "plivo": {"streamId": "S1"}}


class Sent(NamedTuple):
    """A message that arrived here, and when."""

    at: float
    message: dict[str, Any]


class Telephone:
    """``delay`` is what a message takes, either way. It hears nothing before `begin`, and `heard` is what it played."""

    def __init__(self, carrier: str = "twilio", *, delay: float = 0.03, api: str = "aiohttp") -> None:
        self.carrier = carrier
        self.delay = delay
        self.sent: list[Sent] = []
        self.left: list[Sent] = []  # the same, when the other side sent them
        self.dry = 0  # how often it had nothing to play in the middle
        self.hung_up = False
        self.websocket = {"aiohttp": _Aiohttp, "starlette": _Starlette, "websockets": _Websockets}[api](self)
        self._plays: list[tuple[float, bytes]] = []
        self._until = 0.0
        self._marks: list[tuple[asyncio.TimerHandle, dict[str, Any]]] = []
        self._inbox: asyncio.Queue[str | None] = asyncio.Queue()
        self._coming: deque[str] = deque()  # timers of one time are in no order

    def begin(self) -> None:
        """The stream begins."""
        if self.carrier != "plivo":
            self._tell({"event": "connected", "protocol": "Call", "version": "1.0.0"})
        self._tell(BEGINNINGS[self.carrier])

    def speak(self, octets: bytes) -> None:
        """The caller says 20 ms."""
        media = {"track": "inbound", "chunk": "1", "timestamp": "1", "payload": b64encode(octets).decode()}
        self._tell({"event": "media", "media": media, **STREAMS[self.carrier]})

    def say(self, text: str) -> None:
        """A message of any kind."""
        self._coming.append(text)
        asyncio.get_running_loop().call_later(self.delay, self._come)

    def hang_up(self) -> None:
        self.hung_up = True
        self.say("")

    def _come(self) -> None:
        self._inbox.put_nowait(self._coming.popleft() or None)

    def heard(self) -> bytes:
        """The octets that it has played up to now, one behind the other."""
        now = asyncio.get_running_loop().time()
        return b"".join(octets[: max(0, round((now - at) * RATE))] for at, octets in self._plays)

    def lead(self) -> float:
        """Seconds that it has before it."""
        return max(0.0, self._until - asyncio.get_running_loop().time())

    def of_kind(self, event: str) -> list[Sent]:
        """The messages of that event that have arrived."""
        return [each for each in self.sent if each.message["event"] == event]

    # The far end of the socket.

    async def take(self, text: str) -> None:
        if self.hung_up:
            raise ConnectionResetError
        loop = asyncio.get_running_loop()
        message = json.loads(text)
        self.left.append(Sent(loop.time(), message))
        loop.call_later(self.delay, self._arrive)

    async def give(self) -> str | None:
        return await self._inbox.get()

    def _tell(self, message: dict[str, Any]) -> None:
        self.say(json.dumps(message))

    def _arrive(self) -> None:
        now, message = asyncio.get_running_loop().time(), self.left[len(self.sent)].message
        self.sent.append(Sent(now, message))
        stream = STREAMS[self.carrier]
        if self.carrier != "telnyx":
            assert {key: message.get(key) for key in stream} == stream
        kind = message["event"]
        if kind == ("playAudio" if self.carrier == "plivo" else "media"):
            self._play(message["media"], now)
        elif kind == ("checkpoint" if self.carrier == "plivo" else "mark"):
            back = {**message, **stream} | ({"event": "playedStream"} if self.carrier == "plivo" else {})
            timer = asyncio.get_running_loop().call_at(max(now, self._until), self._mark, back)
            self._marks.append((timer, back))
        elif kind == ("clearAudio" if self.carrier == "plivo" else "clear"):
            self._clear(now)
        else:
            raise AssertionError(message)

    def _play(self, media: dict[str, Any], now: float) -> None:
        if self.carrier == "plivo":
            assert media["contentType"] == "audio/x-mulaw"
            assert media["sampleRate"] == RATE
        octets = b64decode(media["payload"])
        self.dry += bool(self._plays) and now > self._until + 1e-6
        start = max(now, self._until)
        self._plays.append((start, octets))
        self._until = start + len(octets) / RATE

    def _mark(self, back: dict[str, Any]) -> None:
        self._marks = [(timer, each) for timer, each in self._marks if each is not back]
        self._tell(back)

    def _clear(self, now: float) -> None:
        self._plays = [(at, octets[: max(0, round((now - at) * RATE))]) for at, octets in self._plays]
        self._until = now
        marks, self._marks = self._marks, []
        for timer, back in marks:
            timer.cancel()
            if self.carrier != "plivo":
                self._tell(back)
        if self.carrier == "plivo":
            self._tell({"sequenceNumber": 0, "event": "clearedAudio", **STREAMS["plivo"]})


class _Aiohttp:
    def __init__(self, telephone: Telephone) -> None:
        self._telephone = telephone

    async def send_str(self, text: str) -> None:
        await self._telephone.take(text)

    async def receive(self) -> Any:
        text = await self._telephone.give()
        return SimpleNamespace(data=1000 if text is None else text)  # the code of a close


class _Starlette:
    def __init__(self, telephone: Telephone) -> None:
        self._telephone = telephone

    async def send_text(self, text: str) -> None:
        await self._telephone.take(text)

    async def send(self, message: Any) -> None:
        raise AssertionError("a message of ASGI")

    async def receive(self) -> Any:
        raise AssertionError("a message of ASGI")

    async def receive_text(self) -> str:
        text = await self._telephone.give()
        if text is None:
            raise WebSocketDisconnect
        return text


class _Websockets:
    def __init__(self, telephone: Telephone) -> None:
        self._telephone = telephone

    async def send(self, text: str) -> None:
        await self._telephone.take(text)

    async def recv(self) -> str:
        text = await self._telephone.give()
        if text is None:
            raise ConnectionResetError
        return text


class WebSocketDisconnect(Exception):  # noqa: N818  # Starlette's name
    pass
