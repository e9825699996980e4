"""Any body as Ogg Opus, in which phrases are kept: 4 KB a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import OggStreamError

if TYPE_CHECKING:
    from ..traits import StreamTraits

PACKETS_PER_PAGE = 50
_OGG = b"OggS"


def is_plain(body: bytes) -> bool:
    """Whether ``body`` is Ogg Opus in one link of one or two channels, whole, without damage or oddities."""
    from ...opus.opus_reader import OpusReader

    reader = OpusReader()
    try:
        reader.feed(body)
        reader.finish()
    except OggStreamError:
        return False
    stats, head = reader.stats, reader.head
    in_one = stats.complete and stats.links == 1 and not (stats.holes or stats.warnings)
    return in_one and head is not None and head.mapping_family == 0


def as_ogg_opus(body: bytes, content_type: str, traits: StreamTraits, wanted: str) -> bytes | None:
    """``body`` itself where it is Ogg, else its samples encoded; None for what cannot be read, or without libopus.

    ``wanted``: the format that was asked for (`SpeechOptions.format`).
    """
    if body.startswith(_OGG):
        return body
    from ...body.body_reader import BodyReader
    from ...codec.recode import PacketMaker
    from ...opus.remux import Remuxer

    reader = BodyReader(
        content_type=content_type,
        format=wanted,
        chosen=traits.format,
        headers=traits.headers,
        certain=traits.certain,
    )
    packets, pages = PacketMaker(), Remuxer(PACKETS_PER_PAGE, one_link=True)
    try:
        items = reader.feed(body)
        while reader.pending:
            items += reader.feed(b"")
        items += reader.finish()
        made = [packet for item in items for packet in packets.take(0, item)] + packets.finish()
    except OggStreamError:
        return None
    return b"".join(map(pages.take, made)) + pages.finish() if made and reader.failure is None else None
