"""A listener over WebRTC, and a server of WHEP for it. The tests that use it need aiortc, and only loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from numpy.typing import NDArray

from oggstream.endpoint.answers import answer_errors
from oggstream.endpoint.live.whep import FRAGMENT, OFFER, Whep
from oggstream.sinks.live.broadcast import Broadcast
from patience import PATIENCE


@pytest.fixture
def loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiortc, which uses no address but that of loopback: a machine may have no other."""
    pytest.importorskip("aiortc", reason="aiortc is not installed (the extra webrtc)")
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda **_: ["127.0.0.1"])


class WhepServer:
    """A room named "hall"."""

    def __init__(self, broadcast: Broadcast, whep: Whep) -> None:
        self.broadcast = broadcast
        self.whep = whep
        self.places = 0
        self.url = ""

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Broadcast]:
        self.places += 1
        try:
            yield self.broadcast
        finally:
            self.places -= 1

    async def post(self, request: web.Request) -> web.Response:
        return await self.whep.listen(request, self.place())

    async def patch(self, request: web.Request) -> web.Response:
        return await self.whep.trickle(request, request.match_info["name"])

    async def delete(self, request: web.Request) -> web.Response:
        return await self.whep.leave(request.match_info["name"])


@asynccontextmanager
async def whep_server(whep: Whep | None = None) -> AsyncIterator[WhepServer]:
    """Serve a broadcast."""
    async with Broadcast() as broadcast:
        server = WhepServer(broadcast, Whep() if whep is None else whep)
        app = web.Application(middlewares=[web.middleware(answer_errors)])
        app.router.add_post("/hall/whep", server.post)
        app.router.add_patch("/hall/whep/{name}", server.patch)
        app.router.add_delete("/hall/whep/{name}", server.delete)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hall/whep"
            yield server
        finally:
            await server.whep.aclose()
            await runner.cleanup()


class Listener:
    """Listens by aiortc: ``frames`` are of 20 ms, 16 bits, in two channels."""

    def __init__(self) -> None:
        from aiortc import RTCConfiguration, RTCPeerConnection

        self.connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.connection.addTransceiver("audio", direction="recvonly")
        self.answer = ""
        self.place = ""
        self.frames: list[NDArray[np.int16]] = []
        self.timestamps: list[int] = []
        self._listening: asyncio.Task[None] | None = None

    async def offer(self) -> str:
        """The offer, with all candidates in it."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return str(self.connection.localDescription.sdp)

    async def join(self, url: str, offer: str | None = None) -> Self:
        """Begin to listen, by another ``offer`` than the own; return when the first frame has come."""
        await self.connect(url, offer)
        self._listening = asyncio.create_task(self._listen())
        await self.until(1)
        return self

    async def connect(self, url: str, offer: str | None = None) -> None:
        """Post the offer, and begin to connect."""
        from aiortc import RTCSessionDescription

        async with asking(url, offer or await self.offer()) as response:
            assert response.status == 201, await response.text()
            self.place = str(response.url.with_path(response.headers["Location"]))
            self.answer = await response.text()
        await self.connection.setRemoteDescription(RTCSessionDescription(self.answer, "answer"))

    async def until(self, frames: int) -> None:
        """Return when so many frames have come."""
        async with asyncio.timeout(PATIENCE):
            while len(self.frames) < frames:  # noqa: ASYNC110  # aiortc's thread tells nobody
                await asyncio.sleep(0.005)

    async def leave(self) -> None:
        """End by saying so."""
        async with aiohttp.ClientSession() as client, client.delete(self.place) as response:
            assert response.status == 200

    @property
    def heard(self) -> NDArray[np.float32]:
        """The first channel of all frames."""
        return np.concatenate(self.frames)[:, 0].astype(np.float32) / np.float32(32768)

    async def aclose(self) -> None:
        await self.connection.close()
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _listen(self) -> None:
        (receiver,) = self.connection.getReceivers()
        while True:
            frame: Any = await receiver.track.recv()
            self.timestamps.append(frame.pts)
            self.frames.append(frame.to_ndarray().reshape(-1, 2))


@asynccontextmanager
async def asking(url: str, offer: str, content_type: str = OFFER) -> AsyncIterator[aiohttp.ClientResponse]:
    """POST an offer."""
    headers = {"Content-Type": content_type}
    async with aiohttp.ClientSession() as client, client.post(url, data=offer.encode(), headers=headers) as response:
        yield response


@asynccontextmanager
async def adding(place: str, fragment: str, content_type: str = FRAGMENT) -> AsyncIterator[aiohttp.ClientResponse]:
    """PATCH a session."""
    headers = {"Content-Type": content_type}
    async with aiohttp.ClientSession() as client, client.patch(place, data=fragment, headers=headers) as response:
        yield response
