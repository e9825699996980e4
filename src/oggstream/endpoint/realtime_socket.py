"""The Realtime endpoint on this machine: enough of OpenAI's ``/v1/realtime`` to have texts read aloud.

It has no ears and no mind: a response speaks the text of its ``input``, or of the user's last message. aiohttp is
imported by the functions that use it: importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ..errors import OggStreamError
from . import realtime_messages as requests
from .realtime_messages import Event, SpeakingStyle
from .realtime_response import Response
from .sockets import opened
from .speech_request import RefusedError
from .under_way import leaving_error

if TYPE_CHECKING:
    from aiohttp import web

    from .jobs import Jobs
    from .speaker import Speaker

SESSION_SECONDS = 3600.0
"""After which a session ends, as OpenAI's do."""
MAX_RESPONSES = 8
"""Responses under way at once in one session."""
MAX_EVENT_BYTES = 256 << 10
UNREAD_SECONDS = 60.0  # for a client to take the next event
SUBPROTOCOL = "realtime"
"""The one that browsers and some packages name, and want to hear back (RFC 6455 section 4.2.2)."""
_WITHOUT_EARS = (
    *("input_audio_buffer.append", "input_audio_buffer.commit", "input_audio_buffer.clear"),
    "output_audio_buffer.clear",
)
_LEAVING = b"This server is going away: connect again."
_EXPIRED = "Your session hit the maximum duration of 60 minutes."

log = logging.getLogger(__name__)


async def serve(
    request: web.Request, speaker: Speaker, jobs: Jobs, client: str, leaving: asyncio.Event
) -> web.WebSocketResponse:
    """GET /v1/realtime: a session from its handshake to its end. Cancelled, it stops what is being said.

    When the server is ``leaving``, it ends behind what is being said.
    """
    async with opened(request, longest=MAX_EVENT_BYTES, subprotocol=SUBPROTOCOL) as (socket, transport):
        if transport is None:
            return socket  # gone already
        model = request.query.get("model", "")
        session = _Session(socket, model, speaker, jobs, client=client, leaving=leaving, give_up=transport.abort)
        ending = asyncio.create_task(_end_when_told(session, socket, leaving))
        try:
            async with asyncio.timeout(SESSION_SECONDS) as limit:
                await session.run()
        except TimeoutError:
            if limit.expired():
                await _expire(session, socket)
            else:
                log.warning("a client reads no further: its session is ended")
        except ConnectionError:
            log.debug("the client went away")
        finally:
            ending.cancel()
            await session.stop()
    return socket


async def _end_when_told(session: _Session, socket: web.WebSocketResponse, leaving: asyncio.Event) -> None:
    await leaving.wait()
    await session.said()
    with suppress(ConnectionError, TimeoutError):
        await socket.close(code=1001, message=_LEAVING)


async def _expire(session: _Session, socket: web.WebSocketResponse) -> None:
    with suppress(ConnectionError):
        await session.send(requests.error_of(RefusedError(_EXPIRED, code="session_expired")))
        await socket.close(code=1001, message=_EXPIRED.encode())


class _Session:
    """One connection: how it speaks, what its conversation holds, and what is being said."""

    def __init__(  # what a session is made of
        self,
        socket: web.WebSocketResponse,
        model: str,
        speaker: Speaker,
        jobs: Jobs,
        *,
        client: str,
        leaving: asyncio.Event,
        give_up: Callable[[], object],
    ) -> None:
        self._socket = socket
        self._speaker = speaker
        self._jobs = jobs
        self._client = client  # whose share of the jobs its responses take
        self._leaving = leaving
        self._give_up = give_up  # ends the connection without a word
        self._id = requests.name("sess")
        self._conversation = requests.name("conv")
        self._model = model
        self._expires_at = int(time.time() + SESSION_SECONDS)
        self._style = SpeakingStyle()
        self._spoken = False
        self._items: list[Event] = []
        self._responses: dict[str, _Running] = {}
        self._tasks: set[asyncio.Task[None]] = set()  # that speak, or say how they ended
        self._active: str | None = None  # the response that the conversation waits for
        self._handlers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "session.update": self._update,
            "response.create": self._create,
            "response.cancel": self._cancel,
            "conversation.item.create": self._add,
            "conversation.item.delete": self._delete,
            "conversation.item.retrieve": self._retrieve,
            "conversation.item.truncate": self._truncate,
            **dict.fromkeys(_WITHOUT_EARS, self._swallow),
        }

    async def run(self) -> None:
        """Serve events until the client closes."""
        from aiohttp import WSMsgType

        await self.send({"type": "session.created", "session": self._resource()})
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            await self._take(message.data)

    async def said(self) -> None:
        """Wait until all is said that is being said."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def stop(self) -> None:
        """Say no more. On return nothing is left of what was being said."""
        for task in self._tasks:
            task.cancel()
        await self.said()  # cancelled on the way, they go on ending

    async def send(self, event: Event) -> None:
        """Send an event, with a name of its own. A client that is gone, or takes nothing, is given up."""
        if self._socket.closed:
            raise ConnectionResetError("closed")
        async with asyncio.timeout(UNREAD_SECONDS):
            await self._socket.send_str(json.dumps({"event_id": requests.name("event"), **event}))

    async def _take(self, text: str) -> None:
        event: Event = {}
        try:
            kind, event = requests.parse(text)
            handler = self._handlers.get(kind)
            if handler is None:
                raise requests.unknown_type(kind, tuple(self._handlers))
            await handler(event)
        except RefusedError as refusal:
            await self.send(requests.error_of(refusal, event.get("event_id")))

    async def _update(self, event: Event) -> None:
        self._style = requests.read_style(event, self._style, spoken=self._spoken)
        await self.send({"type": "session.updated", "session": self._resource()})

    async def _add(self, event: Event) -> None:
        item = requests.read_item(event.get("item"))
        before = self._items[-1]["id"] if self._items else None
        self._items = requests.bounded([*self._items, item])
        for kind in ("conversation.item.added", "conversation.item.done"):
            await self.send({"type": kind, "previous_item_id": before, "item": item})

    async def _delete(self, event: Event) -> None:
        item = self._item(event)
        self._items = [other for other in self._items if other is not item]
        await self.send({"type": "conversation.item.deleted", "item_id": item["id"]})

    async def _retrieve(self, event: Event) -> None:
        await self.send({"type": "conversation.item.retrieved", "item": self._item(event)})

    async def _truncate(self, event: Event) -> None:
        """The client says how much was heard: nothing depends on it here, but it waits for the answer."""
        told = {key: event.get(key, 0) for key in ("content_index", "audio_end_ms")}
        await self.send({"type": "conversation.item.truncated", "item_id": self._item(event)["id"], **told})

    async def _swallow(self, event: Event) -> None:
        """What is for ears, and for a client's own buffer of sound."""

    def _item(self, event: Event) -> Event:
        for item in self._items:
            if item["id"] == event.get("item_id"):
                return item
        raise RefusedError("There is no such item.", param="item_id", code="item_not_found")

    async def _create(self, event: Event) -> None:
        if self._leaving.is_set():
            raise leaving_error()
        wanted = requests.read_response(event)
        alone = wanted.get("conversation") == "none"
        if not alone and self._active is not None:
            message = f"Conversation already has an active response in progress: {self._active}."
            raise RefusedError(message, code="conversation_already_has_active_response")
        if len(self._responses) >= MAX_RESPONSES:
            message = f"This server makes {MAX_RESPONSES} responses at once in a session: try again later."
            raise RefusedError(message, kind="requests", code="rate_limit_exceeded")
        given = wanted.get("input")
        text = requests.text_of(given if isinstance(given, list) else requests.last_of(self._items))
        voice = requests.read_voice(wanted["output"], self._style.voice, fixed=self._spoken)
        self._style = self._style._replace(voice=voice)
        conversation = None if alone else self._conversation
        response = Response(
            text,
            self._style,
            self._speaker,
            conversation=conversation,
            metadata=wanted.get("metadata"),
            send=self.send,
        )
        await response.begin()
        self._spoken = True
        if not alone:
            self._active = response.id
        task = asyncio.create_task(self._speak(response), name=response.id)
        self._responses[response.id] = _Running(response, task)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _speak(self, response: Response) -> None:
        """Speak, and say how it ended. Cancelled, it says nothing more."""
        try:
            try:
                async with self._jobs.turn(self._client):
                    await response.speak()
            except OggStreamError as error:
                await self._end(response, "failed", error=requests.failure_of(error))
            else:
                await self._end(response, "completed")
        except ConnectionError:
            log.debug("the client went away")
        except TimeoutError:
            log.warning("a client reads no further: its session is ended")
            self._give_up()

    async def _end(self, response: Response, status: str, **details: object) -> None:
        del self._responses[response.id]
        if self._active == response.id:
            self._active = None
            self._items = requests.bounded([*self._items, response.item(status)])
        await response.end(status, **details)

    async def _cancel(self, event: Event) -> None:
        wanted = event.get("response_id") or self._active
        running = self._responses.get(wanted) if isinstance(wanted, str) else None
        if running is None:
            raise RefusedError("Cancellation failed: no active response found.", code="response_cancel_not_active")
        running.task.cancel()
        await asyncio.wait((running.task,))
        if running.task.cancelled():  # it had not ended by itself in the same moment
            await self._end(running.response, "cancelled", reason="client_cancelled")

    def _resource(self) -> Event:
        return requests.session_of(self._id, self._model, self._style, self._expires_at)


class _Running(NamedTuple):
    """A response and the task that speaks it."""

    response: Response
    task: asyncio.Task[None]
