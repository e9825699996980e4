"""Speaking into a room over a WebSocket: text while it is written, or packets that were made elsewhere.

A message of text is a piece of the text, unless it is a JSON object with a ``type``: ``begin`` says how the next text
is to be spoken, ``text`` holds a piece, ``end`` ends a text or what was sent as packets, ``stop`` silences the room,
``flush`` what was sent as packets, ``word`` is one of these. The client is told ``begin`` and ``end`` of each text,
with its number and its report, and each ``error``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType

from ...annotations import Word
from ...errors import FormatError, OggStreamError
from ...sinks.live.packet_messages import LONGEST_MESSAGE, fields_of, packet_of
from ..failures import refusal_of
from ..sockets import opened
from ..speech_request import RefusedError, parse_fields
from .packets_socket import SUBPROTOCOL

if TYPE_CHECKING:
    from aiohttp import web

    from ...opus.items import AudioPacket
    from ...player import Speech
    from ..jobs import Jobs
    from ..speaker import Speaker
    from .rooms import Room

LONGEST_TEXT = 1 << 20
"""Characters of one text."""
PACKETS_AHEAD = 3000
"""Packets that wait to be heard: a minute. Beyond, the sender is read no further."""
SEND_SECONDS = 20.0  # for a client to take what it is told


async def speak(request: web.Request, room: Room, speaker: Speaker, jobs: Jobs, client: str) -> web.WebSocketResponse:
    """Serve one who speaks, to the end of the connection. What was begun by then is said to its end."""
    async with opened(request, longest=LONGEST_MESSAGE, subprotocol=SUBPROTOCOL) as (socket, _):
        session = _Session(socket, room, speaker, jobs, client)
        try:
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await session.take_text(message.data)
                elif message.type is WSMsgType.BINARY:
                    await session.take_packet(message.data)
        finally:
            session.end()
    return socket


class _Growing:
    """A text, as an asynchronous iterator over its pieces until its end."""

    def __init__(self) -> None:
        self._pieces: asyncio.Queue[str | None] = asyncio.Queue()
        self.length = 0

    def put(self, piece: str) -> None:
        """Add a piece. Raises `RefusedError` for a text that is too long."""
        self.length += len(piece)
        if self.length > LONGEST_TEXT:
            raise RefusedError(f"A text has at most {LONGEST_TEXT} characters.", code="string_above_max_length")
        self._pieces.put_nowait(piece)

    def end(self) -> None:
        """It is complete."""
        self._pieces.put_nowait(None)

    async def __aiter__(self) -> AsyncIterator[str]:
        while (piece := await self._pieces.get()) is not None:
            yield piece


class _Feed:
    """Packets of a speech that is made elsewhere, on their way into a room."""

    def __init__(self, room: Room) -> None:
        self._packets: asyncio.Queue[AudioPacket | None] = asyncio.Queue()
        self._position = 0
        self._before = 0  # samples of the speech that were not sent
        self._room = room
        self._task = room.feed(self._until_the_end())
        self.ended = False

    async def put(self, message: bytes) -> None:
        """Add the packet in ``message``; wait while there are too many. Raises `FormatError`.

        What comes after an interruption is dropped.
        """
        packet = packet_of(message, self._position)
        self._position += packet.samples - packet.trim_start - packet.trim_end
        while self._packets.qsize() >= PACKETS_AHEAD and not self._task.done():  # noqa: ASYNC110  # either, or both
            await asyncio.sleep(0.02)
        if not self._task.done():
            self._packets.put_nowait(packet)

    def tell(self, fields: dict[str, Any]) -> None:
        """A word of it is heard. Raises `RefusedError`."""
        start, end, sample = (_number(fields, name) for name in ("start", "end", "sample"))
        sample -= self._before
        word = Word(text=str(fields.get("text", "")), start=start, end=end, start_sample=sample, end_sample=sample)
        if not self._task.done():
            self._room.broadcast.tell(word)

    def skip(self, fields: dict[str, Any]) -> None:
        """The next packet is not the one that follows. Raises `RefusedError`."""
        self._before = _number(fields, "sample") - self._position

    def end(self) -> None:
        """It is complete. It may still be interrupted until it has been heard."""
        if not self.ended:
            self.ended = True
            self._packets.put_nowait(None)

    def flush(self) -> None:
        """It is interrupted."""
        self.ended = True
        self._task.cancel()

    async def _until_the_end(self) -> AsyncIterator[AudioPacket]:
        while (packet := await self._packets.get()) is not None:
            yield packet


class _Session:
    """One connection: the text that grows, and the packets that come."""

    def __init__(self, socket: web.WebSocketResponse, room: Room, speaker: Speaker, jobs: Jobs, client: str) -> None:
        self._socket = socket
        self._room = room
        self._speaker = speaker
        self._jobs = jobs
        self._client = client
        self._style: dict[str, Any] = {}  # of the next text
        self._text: _Growing | None = None
        self._feed: _Feed | None = None
        self._telling: set[asyncio.Task[None]] = set()

    def end(self) -> None:
        """Nothing more comes: what has come is said."""
        self.end_all()
        for task in self._telling:
            task.cancel()

    async def take_text(self, message: str) -> None:
        """Do what a message of text says; tell what is wrong with it."""
        fields = fields_of(message) or {"type": "text", "text": message}
        try:
            await self._do(fields)
        except OggStreamError as error:
            await self._fail(error)

    async def take_packet(self, message: bytes) -> None:
        """Hand on a packet."""
        try:
            await self._feed_now().put(message)
        except FormatError as error:
            await self._fail(RefusedError(f"{error}.", code="invalid_value"))

    def _feed_now(self) -> _Feed:
        """Where packets that come now go."""
        if self._feed is None or self._feed.ended:
            self._feed = _Feed(self._room)
        return self._feed

    async def _do(self, fields: dict[str, Any]) -> None:
        match fields["type"]:
            case "begin":
                self.end_all()
                self._style = {name: value for name, value in fields.items() if name not in ("type", "speech")}
            case "text":
                await self._write(fields.get("text"))
            case "end":
                self.end_all()
            case "word" if self._feed is not None:
                self._feed.tell(fields)
            case "position":
                self._feed_now().skip(fields)
            case "flush" if self._feed is not None:
                self._feed.flush()
            case "flush" | "word":
                pass  # of packets that were not here
            case "stop":
                self._end_text()
                heard = await self._room.stop()
                await self._send({"type": "stopped", "heard": asdict(heard)})
            case kind:
                message = f"There is no message of the type '{kind[:100]}' here."
                raise RefusedError(message, param="type", code="invalid_value")

    def end_all(self) -> None:
        """The text, or the packets, are complete."""
        self._end_text()
        if self._feed is not None:
            self._feed.end()

    async def _write(self, piece: object) -> None:
        if not isinstance(piece, str):
            raise RefusedError("A message of the type 'text' has a 'text'.", param="text", code="invalid_type")
        if not piece:
            return
        text, begins = self._text or _Growing(), self._text is None
        try:
            text.put(piece)
        except RefusedError:
            self._end_text()
            raise
        if begins:
            self._text = text
            await self._begin(text)

    async def _begin(self, text: _Growing) -> None:
        style, self._style = self._style, {}
        try:
            options, _ = self._speaker.choose(parse_fields({**style, "input": "-", "response_format": "opus"}))
            place = self._jobs.turn(self._client)
            speech = await self._room.say(text, options, place, interrupt=style.get("interrupt") is True)
        except OggStreamError:
            self._text = None
            raise
        await self._send({"type": "begin", "speech": speech.number})
        task = asyncio.create_task(self._report(speech), name="oggstream-live-report")
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _report(self, speech: Speech) -> None:
        try:
            report = await speech
        except OggStreamError as error:
            await self._fail(error, speech=speech.number)
        else:
            await self._send({"type": "end", "speech": speech.number, "report": report.as_dict()})

    def _end_text(self) -> None:
        text, self._text = self._text, None
        if text is not None:
            text.end()

    async def _fail(self, error: OggStreamError, **fields: Any) -> None:
        await self._send({"type": "error", **json.loads(refusal_of(error).as_json()), **fields})

    async def _send(self, fields: dict[str, Any]) -> None:
        """Tell the client, if it is there. One that takes nothing is given up."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._socket.send_str(json.dumps(fields))
        except (ConnectionError, TimeoutError):
            return


def _number(fields: dict[str, Any], name: str) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise RefusedError(f"A word has a number '{name}'.", param=name, code="invalid_type")
    return value
