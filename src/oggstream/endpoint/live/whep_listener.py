"""One listener over WebRTC: a connection of aiortc's that sends what a broadcast says, from its offer to its end.

Imports aiortc, of the extra ``webrtc``, which takes most of a second: see `whep`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from aiortc import RTCBundlePolicy, RTCConfiguration, RTCPeerConnection, RTCRtpSender, RTCSessionDescription
from aiortc.sdp import candidate_from_sdp

from ...sinks.live.opus_track import OpusTrack
from ..speech_request import RefusedError
from .whep_sdp import MOST_CANDIDATES, Fragment, bad_offer, readable_offer, user_of, with_stereo

if TYPE_CHECKING:
    from ...sinks.live.broadcast import Broadcast

CONNECT_SECONDS = 15.0
"""From the answer until the listener is connected: ICE, and the handshake of DTLS."""

log = logging.getLogger(__name__)


class WhepListener:
    """Listens to ``broadcast``, and holds ``place`` until it is gone, of which it tells ``on_gone``.

    It goes when it is closed, when it does not connect in `CONNECT_SECONDS`, when the other end closes, or answers no
    more (RFC 7675: after half a minute), and when the broadcast ends.
    """

    def __init__(self, broadcast: Broadcast, place: AsyncExitStack, on_gone: Callable[[], object]) -> None:
        # Without servers of ICE, nobody else is asked anything: the addresses of this machine are its candidates.
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE))
        self._track = OpusTrack(broadcast)
        self._place = place
        self._on_gone = on_gone
        self._user: str | None = None
        self._candidates = 0  # that were added later
        self._closing: asyncio.Task[None] | None = None
        self._limit: asyncio.TimerHandle | None = None

    async def answer(self, offer: str) -> str:
        """The answer to an offer. Raises `RefusedError` for one that cannot be taken; it is to be closed then."""
        sdp = readable_offer(offer)
        self._user = user_of(sdp.split("\r\n"))
        sound = self._connection.addTransceiver(self._track, direction="sendonly")
        known = RTCRtpSender.getCapabilities("audio").codecs
        sound.setCodecPreferences([codec for codec in known if codec.mimeType.lower() == "audio/opus"])
        try:
            await self._connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            await self._connection.setLocalDescription()
        except Exception as error:
            # aiortc asserts, looks up and converts whatever stands in the lines.
            log.debug("an offer that aiortc does not take", exc_info=error)
            raise bad_offer("its lines are malformed, or there is no Opus in them") from None
        self._connection.on("connectionstatechange", self._changed)
        self._track.on("ended", self._hang_up)
        self._limit = asyncio.get_running_loop().call_later(CONNECT_SECONDS, self._expire)
        return with_stereo(self._connection.localDescription.sdp)

    async def add(self, fragment: Fragment) -> None:
        """Try further candidates, those that can be. Raises `RefusedError` for a wish to begin ICE anew."""
        if fragment.user not in (None, self._user):
            raise RefusedError("ICE cannot be restarted here: begin again with a new offer.", status=422)
        for line in fragment.candidates[: MOST_CANDIDATES - self._candidates]:
            self._candidates += 1
            with suppress(ValueError):  # what cannot be tried is passed over
                candidate = candidate_from_sdp(line.removeprefix("candidate:"))
                candidate.sdpMLineIndex = 0
                await self._connection.addIceCandidate(candidate)

    async def aclose(self) -> None:
        """Hang up. May be called twice."""
        self._hang_up()
        if self._closing is not None:
            await self._closing

    def _hang_up(self) -> None:
        if self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self._close())

    async def _close(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
        try:
            await self._connection.close()
        finally:
            self._track.stop()
            await self._place.aclose()
            self._on_gone()

    def _changed(self) -> None:
        state = self._connection.connectionState
        if state == "connected" and self._limit is not None:
            self._limit.cancel()
        elif state in ("failed", "closed"):
            self._hang_up()

    def _expire(self) -> None:
        log.info("a listener over WebRTC did not connect in %g s", CONNECT_SECONDS)
        self._hang_up()
