"""A broadcast as a track of aiortc's.

Imports aiortc, of the extra ``webrtc``, which takes most of a second.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av.packet import Packet

from ...audio.frame import RATE
from .live_item import LivePacket
from .pacing import Paced

if TYPE_CHECKING:
    from .broadcast import Broadcast

_TIME_BASE = Fraction(1, RATE)


class PacketTrack(MediaStreamTrack):  # type: ignore[misc]  # aiortc is seldom installed where types are checked
    """The packets of ``broadcast``; see `OpusTrack`, which makes it."""

    kind = "audio"

    def __init__(self, broadcast: Broadcast) -> None:
        super().__init__()
        self._broadcast = broadcast
        self._paced: Paced | None = None
        self._timestamp = 0

    async def recv(self) -> Packet[Any]:
        """The next packet, when it is due. Raises aiortc's `MediaStreamError` once the track has ended."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._paced is None:
            self._paced = Paced(self._broadcast.taker())
        async for item in self._paced:
            if isinstance(item, LivePacket):
                packet = Packet(item.data)
                packet.pts, packet.time_base = self._timestamp, _TIME_BASE
                self._timestamp += item.samples
                return packet
        self.stop()
        raise MediaStreamError

    def stop(self) -> None:
        """End, and leave the broadcast. May be called twice."""
        if self._paced is not None:
            self._paced.close()
        super().stop()
