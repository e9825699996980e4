"""A mount of Icecast as a sink."""

from __future__ import annotations

from ...errors import UsageError
from ..live.fed_broadcast import FedBroadcast
from ..sink import SinkTraits
from .mount import Mount
from .mount_feed import MountFeed


class IcecastSink(FedBroadcast):
    """Speaks to a mount of Icecast 2: one endless stream of Ogg Opus, in real time, silence between speeches included.

    ``url`` is ``icecast://source:PASSWORD@HOST:PORT/MOUNT``, or ``icecasts://`` for TLS; without a password in it, that
    of ``OGGSTREAM_ICECAST_PASSWORD`` is used. ``name``, ``description`` and ``genre`` are what the server shows of the
    mount. `title` may be set at any time: the next speech begins a link of the stream with that title in its tags,
    which listeners show. The packets are the service's own; it is a `Broadcast`, which local takers may join.

    `prepare` connects, and raises `DeviceError` if Icecast cannot be reached or refuses. A mount that is lost later is
    asked for again, after 0.5 to 30 s, while speeches go on; each loss and return is a `Warned` event of the speech at
    hand. Raises `UsageError` for what is no address; no message shows the password.
    """

    traits = SinkTraits(name="icecast")

    def __init__(
        self, url: str, *, name: str = "oggstream", description: str = "", genre: str = "speech", title: str = ""
    ) -> None:
        super().__init__()
        self.title = title
        """What the next speech is called; empty: the name."""
        shown = {"Ice-Name": name, "Ice-Description": description, "Ice-Genre": genre, "Ice-Public": "0"}
        if not all(value.isprintable() for value in shown.values()):
            raise UsageError("what Icecast shows of a mount is one line of text")
        headers = {header: value for header, value in shown.items() if value}
        self._feed = MountFeed(Mount.parse(url), headers, self, lambda: self.title or name)
