"""What is public of tracks for aiortc: how one is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import LibraryError

if TYPE_CHECKING:
    from .broadcast import Broadcast
    from .packet_track import PacketTrack


def OpusTrack(broadcast: Broadcast) -> PacketTrack:  # noqa: N802  # a class of aiortc's, which is not imported before
    """A track that says what ``broadcast`` does, for `aiortc.RTCPeerConnection.addTrack`.

    It joins with the first `recv`, which comes once the other end is connected. Nothing is decoded or encoded: `recv`
    gives packets, of whatever duration they have, each when it is due, with timestamps at 48 kHz that have no gap.
    Between speeches there are packets of silence. An interruption drops what is not sent. The track ends with the
    broadcast; `stop` leaves it.

    Raises `LibraryError` without aiortc (the extra ``webrtc``). Importing that takes most of a second, the first time:
    a server imports it beforehand.
    """
    try:
        from .packet_track import PacketTrack
    except ImportError as error:
        raise LibraryError("a track of WebRTC needs aiortc: pip install 'oggstream[webrtc]'") from error
    return PacketTrack(broadcast)
