"""A room of another endpoint as a sink."""

from __future__ import annotations

from ..sink import SinkTraits
from .fed_broadcast import FedBroadcast
from .room_address import RoomAddress
from .room_feed import RoomFeed


class LiveSink(FedBroadcast):
    """Speaks into a room of ``oggstream serve`` elsewhere, whose listeners get the service's own packets.

    ``url`` is ``http://HOST:PORT/v1/live/NAME`` (or ``https://``), ``api_key`` a key of that server, if it wants one.
    Packets and words go over one WebSocket as they come. Time passes here as on a device, so `Heard`, words and
    `Player.stop` need no answer from there; an interruption silences the room's listeners too. What is said in the room
    by others comes before or after. It is a `Broadcast`, which local takers may join.

    `prepare` connects, and raises `DeviceError` if the room cannot be had. A connection that is lost later is made
    again, while speeches go on; each loss and return is a `Warned` event of the speech at hand, and what was said
    meanwhile is not repeated. Raises `UsageError` for what is no address; no message shows the key.
    """

    traits = SinkTraits(name="live")

    def __init__(self, url: str, api_key: str | None = None) -> None:
        super().__init__()
        self._feed = RoomFeed(RoomAddress.parse(url, api_key), self)
