"""The paths of rooms: speaking, listening in each of the ways that there are, and the page that chooses among them.

Imports aiohttp: to be imported once a server starts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ..answers import json_answer
from ..asked import body_of, client_of
from ..keys import keys_shown
from ..speech_request import RefusedError, fields_of, parse_fields
from . import captions, endless_ogg, packets_socket, speaking_socket
from .page import serve_page
from .tickets import LONGEST_SECONDS, USUAL_SECONDS, Tickets
from .whep import Whep

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiohttp.typedefs import Handler

    from ...sinks.live.broadcast import Broadcast
    from ..server import SpeechServer
    from .rooms import Room

ROOM = "/v1/live/{room}"
PAGE = "/live/{room}"

LISTENING: tuple[tuple[str, str, Callable[[web.Request, Room], Awaitable[web.StreamResponse]]], ...] = (
    ("GET", "/packets", packets_socket.listen),
    ("GET", ".opus", endless_ogg.stream),
    ("GET", "/captions", captions.caption),
)
"""The ways of listening: method, what follows the room's path, and who serves it."""


class RoomRoutes:
    """Handlers for the rooms of ``server``."""

    def __init__(self, server: SpeechServer) -> None:
        self._server = server
        self._rooms = server.rooms
        self._tickets = Tickets()
        self._whep = Whep()
        self._listening = {path: self._listened(serve) for _, path, serve in LISTENING}
        self._for_listeners = [*self._listening.values(), self.offer, self.trickle, self.leave]

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Method, path and handler of each."""
        listening = [(method, ROOM + path, self._listening[path]) for method, path, _ in LISTENING]
        return [
            *listening,
            ("POST", f"{ROOM}/whep", self.offer),
            ("PATCH", f"{ROOM}/whep/{{listener}}", self.trickle),
            ("DELETE", f"{ROOM}/whep/{{listener}}", self.leave),
            ("POST", ROOM, self.speak),
            ("DELETE", ROOM, self.stop),
            ("GET", ROOM, self.enter),
            ("POST", f"{ROOM}/ticket", self.ticket),
            ("GET", PAGE, serve_page),
        ]

    def admits(self, request: web.Request) -> bool:
        """Whether ``request`` may do without a key: it asks for the page, or has a ticket for the room."""
        handler = request.match_info.handler
        if handler is serve_page:
            return True
        shown = [*keys_shown(request), request.query.get("ticket", "").encode()]
        room = request.match_info.get("room", "")
        listens = handler in self._for_listeners or (handler == self.enter and not _is_socket(request))
        return listens and any(self._tickets.admits(room, ticket.decode("utf-8", "replace")) for ticket in shown)

    async def speak(self, request: web.Request) -> web.Response:
        """POST: say something, and answer at once; with ``?wait`` when it has been heard."""
        fields = fields_of(await body_of(request))
        wanted = parse_fields({**fields, "response_format": "opus"})  # whatever its clients are used to ask for
        options, headers = self._server.speaker.choose(wanted)
        async with self._server.under_way.one(), self._rooms.using(request.match_info["room"], opens=True) as room:
            place = self._server.jobs.turn(client_of(request))
            speech = await room.say(wanted.text, options, place, interrupt=fields.get("interrupt") is True)
            told: dict[str, Any] = {"room": room.name, "speech": speech.number, "listeners": room.listeners}
            if "wait" not in request.query:
                return web.json_response(told, status=202, headers=headers)
            report = await speech
            return web.json_response({**told, "report": report.as_dict()}, headers=headers)

    async def stop(self, request: web.Request) -> web.Response:
        """DELETE: silence; answers what was heard of the speech."""
        async with self._rooms.using(request.match_info["room"], opens=False) as room:
            heard = await room.stop()
            return json_answer({"room": room.name, "listeners": room.listeners, "heard": asdict(heard)})

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """GET: the state of the room; as a WebSocket, speaking into it."""
        name, server = request.match_info["room"], self._server
        if _is_socket(request):
            async with server.under_way.one(endless=True), self._rooms.using(name, opens=True) as room:
                return await speaking_socket.speak(request, room, server.speaker, server.jobs, client_of(request))
        async with self._rooms.using(name, opens="open" in request.query) as room:
            ways = [path.strip("/.") for path in self._listening] + ["whep"] * self._whep.possible
            return json_answer(
                {"room": room.name, "listeners": room.listeners, "speaking": room.speaking, "ways": ways}
            )

    async def offer(self, request: web.Request) -> web.Response:
        """POST /whep: listen over WebRTC."""
        async with self._server.under_way.one(endless=True):
            return await self._whep.listen(request, self._heard(request))

    async def trickle(self, request: web.Request) -> web.Response:
        """PATCH /whep/LISTENER: where else the listener may be reached."""
        return await self._whep.trickle(request, request.match_info["listener"])

    async def leave(self, request: web.Request) -> web.Response:
        """DELETE /whep/LISTENER: listen no more."""
        return await self._whep.leave(request.match_info["listener"])

    async def shut_down(self, _app: web.Application) -> None:
        """Hang up on those who listen over WebRTC; the others are requests."""
        await self._whep.aclose()

    @asynccontextmanager
    async def _heard(self, request: web.Request) -> AsyncIterator[Broadcast]:
        async with self._rooms.listening(request.match_info["room"], opens="open" in request.query) as room:
            yield room.broadcast

    async def ticket(self, request: web.Request) -> web.Response:
        """POST /ticket: a ticket for listening in the room."""
        body = await body_of(request)
        seconds = (fields_of(body) if body.strip() else {}).get("seconds", USUAL_SECONDS)
        if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 1 <= seconds <= LONGEST_SECONDS:
            message = f"Invalid 'seconds': expected a number from 1 to {LONGEST_SECONDS:g}."
            raise RefusedError(message, param="seconds", code="invalid_value")
        name = self._rooms.checked(request.match_info["room"])
        return json_answer({"room": name, "ticket": self._tickets.make(name, seconds), "expires_in": seconds})

    def _listened(self, serve: Callable[[web.Request, Room], Awaitable[web.StreamResponse]]) -> Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            opens = "open" in request.query
            async with (
                self._server.under_way.one(endless=True),
                self._rooms.listening(request.match_info["room"], opens=opens) as room,
            ):
                return await serve(request, room)

        return handler


def _is_socket(request: web.Request) -> bool:
    """Whether it asks for a WebSocket, in whatever way."""
    return "upgrade" in request.headers
