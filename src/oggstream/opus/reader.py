"""From bytes to packets with positions."""

from __future__ import annotations

from .head import OpusHead
from .items import AudioPacket, Hole, StreamStats
from .tags import OpusTags

Item = OpusHead | OpusTags | AudioPacket | Hole

__all__ = ["AudioPacket", "Hole", "Item", "StreamStats"]
