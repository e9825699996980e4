"""WHEP (draft-ietf-wish-whep): WebRTC listeners, each of whom comes with one request and goes with another.

aiohttp and aiortc are imported by the functions that use them: importing this module costs nothing.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...threads import imported
from ..asked import body_of
from ..speech_request import RefusedError
from .whep_sdp import read_fragment

if TYPE_CHECKING:
    from aiohttp import web

    from ...sinks.live.broadcast import Broadcast
    from .whep_listener import WhepListener

LISTENERS = 100
"""At once, in all rooms: more than one core can serve well."""
MOST_SDP_BYTES = 1 << 16
OFFER, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"


class Whep:
    """The WebRTC listeners of a server, at most ``most``."""

    def __init__(self, most: int = LISTENERS) -> None:
        self._most = most
        self._listeners: dict[str, WhepListener] = {}
        self._coming = 0

    @property
    def possible(self) -> bool:
        """Whether aiortc is installed here."""
        return find_spec("aiortc") is not None

    def __len__(self) -> int:
        return len(self._listeners)

    async def listen(self, request: web.Request, place: AbstractAsyncContextManager[Broadcast]) -> web.Response:
        """POST: the answer to the offer in the body. ``place`` gives the broadcast, and is left with the listener.

        Raises `RefusedError`: 501 without aiortc, 503 with too many listeners, others for what is no offer.
        """
        from aiohttp import web

        offer = await _body(request, OFFER)
        if len(self._listeners) + self._coming >= self._most:
            raise RefusedError(
                f"{self._most} listen over WebRTC at once: try again later, or listen in another way.",
                status=503,
                kind="server_error",
                headers={"Retry-After": "1"},
            )
        self._coming += 1
        try:
            name, answer = await self._welcome(offer, place)
        finally:
            self._coming -= 1
        location = f"{request.path.rstrip('/')}/{name}"
        return web.Response(text=answer, status=201, content_type=OFFER, headers={"Location": location})

    async def trickle(self, request: web.Request, name: str) -> web.Response:
        """PATCH: further candidates. Raises `RefusedError`, also for a wish to restart ICE."""
        from aiohttp import web

        listener = self._listener(name)
        await listener.add(read_fragment(await _body(request, FRAGMENT)))
        return web.Response(status=204)

    async def leave(self, name: str) -> web.Response:
        """DELETE: the listener goes. Raises `RefusedError` where there is none."""
        from aiohttp import web

        await self._listener(name).aclose()
        return web.Response()

    async def aclose(self) -> None:
        """Hang up on everybody."""
        await asyncio.gather(*(listener.aclose() for listener in list(self._listeners.values())))

    async def _welcome(self, offer: str, place: AbstractAsyncContextManager[Broadcast]) -> tuple[str, str]:
        """A new listener's name, which nobody can guess, and the answer."""
        try:
            await imported("aiortc")
        except ImportError:
            raise RefusedError(
                "Listening over WebRTC takes aiortc on this server: pip install 'oggstream[webrtc]'",
                status=501,
                kind="server_error",
                code="unsupported_here",
            ) from None
        from .whep_listener import WhepListener

        name = secrets.token_urlsafe(16)
        async with AsyncExitStack() as stack:
            broadcast = await stack.enter_async_context(place)
            listener = WhepListener(broadcast, stack.pop_all(), lambda: self._listeners.pop(name, None))
        self._listeners[name] = listener
        try:
            return name, await listener.answer(offer)
        except BaseException:
            await listener.aclose()
            raise

    def _listener(self, name: str) -> WhepListener:
        listener = self._listeners.get(name)
        if listener is None:
            raise RefusedError("There is no such listener, or it has gone.", status=404, code="listener_not_found")
        return listener


async def _body(request: web.Request, content_type: str) -> str:
    """The body of a request. Raises `RefusedError` for another type, and when it is too long or does not come."""
    if request.content_type != content_type:
        raise RefusedError(f"The Content-Type of your request must be {content_type}.", status=415)
    body = await body_of(request)
    if len(body) > MOST_SDP_BYTES:
        raise RefusedError(f"The body of your request may have {MOST_SDP_BYTES} bytes.", status=413)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise RefusedError("The body of your request is no UTF-8.", code="invalid_sdp") from None
