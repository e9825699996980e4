"""A Realtime service whose events a test chooses, on a real socket of 127.0.0.1."""

from __future__ import annotations

import asyncio
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import WSMsgType, web

from oggstream.sources.realtime.messages import PIECE
from patience import PATIENCE

Event = dict[str, Any]
PCM = bytes(range(256)) * 8


class ClosedError(Exception):
    """The client closed."""


class Talk:
    """One connection, as the service sees it."""

    def __init__(self, socket: web.WebSocketResponse, number: int) -> None:
        self.socket = socket
        self.number = number
        self.received: list[Event] = []
        self._responses = 0

    async def next(self, kind: str) -> Event:
        """The next event of that kind ("": of any); others are passed over. Raises `ClosedError`."""
        while True:
            message = await self.socket.receive()
            if message.type is not WSMsgType.TEXT:
                raise ClosedError
            event: Event = json.loads(message.data)
            self.received.append(event)
            if kind in ("", event["type"]):
                return event

    async def send(self, kind: str, **fields: Any) -> None:
        await self.socket.send_str(json.dumps({"type": kind, "event_id": "event_1", **fields}))

    async def hello(self, **output: Any) -> None:
        """Open the session and take the set-up."""
        await self.send("session.created", session={"type": "realtime"})
        wanted = await self.next("session.update")
        output = output or wanted["session"]["audio"]["output"]
        await self.send("session.updated", session={"type": "realtime", "audio": {"output": output}})

    async def asked(self) -> Event:
        """The next `response.create`."""
        return await self.next("response.create")

    async def created(self, asked: Event, *, response_id: str | None = None, **fields: Any) -> str:
        """Make a response of what was asked for; returns its name."""
        self._responses += 1
        name = response_id or f"resp_{self.number}_{self._responses}"
        metadata = asked["response"]["metadata"]
        await self.send(
            "response.created", response={"id": name, "status": "in_progress", "metadata": metadata, **fields}
        )
        return name

    async def audio(self, name: str, pcm: bytes = PCM) -> None:
        await self.send("response.output_audio.delta", response_id=name, delta=b64encode(pcm).decode())

    async def words(self, name: str, words: str) -> None:
        fields = {"response_id": name, "item_id": "item_1", "content_index": 0}
        await self.send("response.output_audio_transcript.delta", **fields, delta=words)

    async def done(self, name: str, status: str = "completed", **details: Any) -> None:
        status_details = {"type": status, **details} if details else None
        response = {"id": name, "status": status, "status_details": status_details}
        await self.send("response.done", response=response)

    async def say(self, asked: Event, pcm: bytes = PCM) -> str:
        """A whole response, its transcript the text itself."""
        name = await self.created(asked)
        await self.audio(name, pcm)
        await self.words(name, text_of(asked))
        await self.done(name)
        return name

    async def error(self, code: str | None, message: str = "It does not work.", **fields: Any) -> None:
        await self.send("error", error={"type": "invalid_request_error", "code": code, "message": message, **fields})

    def abort(self) -> None:
        """Cut the line without a word."""
        transport = self.socket._writer.transport if self.socket._writer is not None else None
        assert transport is not None
        transport.abort()


Behaviour = Callable[[Talk], Awaitable[None]]


class Service:
    """The running service: where it is, who came, and what they asked for."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.requests: list[web.Request] = []
        self.talks: list[Talk] = []
        self.open = 0  # connections that are open now

    def received(self, kind: str) -> list[Event]:
        """All events of a kind, of all connections."""
        return [event for talk in self.talks for event in talk.received if event["type"] == kind]


BETA_SESSION = {"modalities": ["text", "audio"], "input_audio_format": "pcm16", "output_audio_format": "pcm16"}


class BetaService:
    """Speaks in the form of the beta; ``strict``: refuses fields that it does not know."""

    PCM = bytes(range(6))

    def __init__(self, *, strict: bool, greets: bool = True) -> None:
        self.strict = strict
        self.greets = greets
        self.voices: list[str | None] = []

    async def __call__(self, talk: Talk) -> None:
        if self.greets:
            await talk.send("session.created", session=BETA_SESSION)
        voice = None
        while True:
            event = await talk.next("")
            if (unknown := self._unknown(event)) is not None:
                await talk.error("unknown_parameter", f"Unknown parameter: '{unknown}'.", event_id=event["event_id"])
            elif event["type"] == "session.update":
                voice = event["session"].get("voice", voice)
                await talk.send("session.updated", session={**BETA_SESSION, "voice": voice})
            elif event["type"] == "response.create":
                self.voices.append(voice)
                name = await talk.created(event)
                await talk.send("response.audio.delta", response_id=name, delta=b64encode(self.PCM).decode())
                await talk.done(name)

    def _unknown(self, event: Event) -> str | None:
        if not self.strict:
            return None
        if event["type"] == "session.update" and "type" in event["session"]:
            return "session.type"
        return "response.output_modalities" if "output_modalities" in event.get("response", {}) else None


async def speaking(talk: Talk) -> None:
    """Say whatever is asked for."""
    await talk.hello()
    while True:
        await talk.say(await talk.asked())


def one_after_another(*behaviours: Behaviour) -> Behaviour:
    """For each connection the next behaviour; the last one again and again."""

    async def behave(talk: Talk) -> None:
        await behaviours[min(talk.number, len(behaviours)) - 1](talk)

    return behave


@asynccontextmanager
async def realtime_service(
    behave: Behaviour = speaking,
    *,
    refusals: list[web.Response] | None = None,
    before: Callable[[], Awaitable[object]] | None = None,
    tls: ssl.SSLContext | None = None,
    autoping: bool = True,
) -> AsyncIterator[Service]:
    """Run ``behave`` for each connection; the first ones are answered with ``refusals`` instead.

    ``before`` is awaited before a handshake is answered.
    """
    left = list(refusals or ())

    async def handle(request: web.Request) -> web.StreamResponse:
        service.requests.append(request)
        if left:
            return left.pop(0)
        if before is not None:
            await before()
        socket = web.WebSocketResponse(timeout=0.2, autoping=autoping)
        await socket.prepare(request)
        talk = Talk(socket, len(service.talks) + 1)
        service.talks.append(talk)
        service.open += 1
        try:
            await behave(talk)
        except (ClosedError, ConnectionError):
            pass
        finally:
            service.open -= 1
            await socket.close()
        return socket

    app = web.Application()
    app.router.add_get("/v1/realtime", handle)
    app.router.add_get("/openai/realtime", handle)  # Azure's
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    service = Service(f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}/v1")
    try:
        yield service
    finally:
        await runner.cleanup()


def text_of(asked: Event) -> str:
    """The text that a `response.create` wants spoken."""
    return "".join(part["text"] for item in asked["response"]["input"] for part in item["content"])


def piece_of(asked: Event) -> str:
    """The name of the piece that it is made for."""
    name: str = asked["response"]["metadata"][PIECE]
    return name


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what happens is at the other end of a socket
            await asyncio.sleep(0.002)
