"""OpusHead and OpusTags: valid, odd and invalid ones (RFC 7845 section 5)."""

from __future__ import annotations

import struct

from oggstream.opus.head import OpusHead
from oggstream.opus.tags import OpusTags

from .build import (
    BOS,
    HEAD,
    PACKETS,
    PER_PAGE,
    PRE_SKIP,
    SAMPLES,
    TAGS,
    WHOLE,
    Case,
    cases,
    link,
    packets,
    page,
    resealed,
)

SHORT = 20 * SAMPLES - PRE_SKIP


def _headed(head: bytes, name: str, what: str, **expected: object) -> Case:
    body = b"".join([page(head, flags=BOS), *link(packets(20))[1:]])
    return Case(name, "OpusHead", what, body, **{"samples": str(SHORT), **expected})  # type: ignore[arg-type]


def _refused(head: bytes, name: str, what: str, says: str) -> Case:
    return _headed(head, name, what, links=0, channels="", samples="", error="NoAudioError", says=says)


@cases
def heads() -> list[Case]:
    """Heads that are read, and heads that are refused."""
    good = bytes(HEAD)
    table = OpusHead(0, 1, 1, PRE_SKIP, 24000, 0, 1, 1, 0, b"\0")
    two = table._replace(channels=2, mapping=b"\0\xff")
    matrix = struct.pack("<2h", 16384, -16384)
    third = table._replace(channels=2, mapping_family=3, mapping=b"\0\1", demixing=matrix)

    def mapped(**changes: object) -> bytes:
        return bytes(table._replace(**changes))  # type: ignore[arg-type]

    return [
        _headed(good[:8] + b"\x0f" + good[9:] + b"more", "head_version_15", "version 15, with more bytes"),
        _headed(bytes(table), "head_family_1", "family 1, one channel"),
        _headed(bytes(two), "head_silent_channel", "family 1, the second channel silent", channels="2"),
        _headed(mapped(mapping_family=2), "head_family_2", "family 2 (ambisonics)"),
        _headed(bytes(third), "head_family_3", "family 3 (ambisonics with a matrix)", channels="2"),
        _headed(mapped(mapping_family=255), "head_family_255", "family 255 (discrete)"),
        _headed(mapped(mapping_family=77), "head_family_77", "a reserved family, played as discrete"),
        _refused(good[:18], "head_short", "18 bytes", "19"),
        _refused(good[:8] + b"\x10" + good[9:], "head_version_16", "version 16", "version"),
        _refused(good[:9] + b"\0" + good[10:], "head_channels_0", "no channels", "channels"),
        _refused(good[:9] + b"\3" + good[10:], "head_channels_3", "three channels in family 0", "channels"),
        _refused(mapped(channels=9, mapping=bytes(9)), "head_channels_9", "nine channels in family 1", "channels"),
        _refused(mapped(streams=0), "head_streams_0", "no streams", "streams"),
        _refused(mapped(coupled=2), "head_coupled_2", "more coupled streams than streams", "streams"),
        _refused(mapped(streams=200, coupled=100), "head_streams_300", "300 decoded channels", "streams"),
        _refused(mapped(mapping=b"\1"), "head_index", "an index beyond the decoded channels", "index"),
        _refused(bytes(table)[:20], "head_table_cut", "a mapping table that is cut", "table"),
        _refused(bytes(third)[:-1], "head_matrix_cut", "a demixing matrix that is cut", "matrix"),
    ]


@cases
def tags() -> list[Case]:
    """Tags never prevent playing."""
    good = link()
    text = bytes(TAGS)
    audio = [
        page(*packets()[at : at + PER_PAGE], number=2 + at // 5, granule=(at + 5) * SAMPLES)
        for at in range(0, PACKETS, PER_PAGE)
    ]

    def told(name: str, what: str, second: bytes) -> Case:
        return Case(name, "OpusTags", what, b"".join([good[0], page(second, number=1), *good[2:]]))

    long = OpusTags("x", ("COVER=" + "A" * 5000,))
    shared = page(bytes(HEAD), text, flags=BOS)
    with_audio = page(text, *packets()[:PER_PAGE], number=1, granule=PER_PAGE * SAMPLES)
    return [
        told("tags_magic", "a wrong magic number", b"OpusTagz" + text[8:]),
        told("tags_cut", "a vendor string longer than the packet", text[:14]),
        told("tags_count", "2^31 comments announced, none there", text[:8] + bytes(4) + struct.pack("<I", 2**31)),
        told("tags_length", "a comment of 4 GB", text[:8] + bytes(4) + struct.pack("<2I", 1, 2**32 - 1)),
        told("tags_bytes", "a comment that is not UTF-8", bytes(OpusTags("x", ("A=x",)))[:-1] + b"\xff"),
        told("tags_padding", "764 bytes of zeros behind the comments", text + bytes(764)),
        told("tags_long", "a comment of 5 KB, over several segments", bytes(long)),
        Case("tags_missing", "OpusTags", "no tags at all", b"".join([good[0], *_numbered(audio, 1)]),
             samples=str(WHOLE)),
        Case("tags_with_head", "OpusTags", "tags on the page of the head", b"".join([shared, *_numbered(audio, 1)]),
             samples=str(WHOLE)),
        Case("tags_with_audio", "OpusTags", "audio on the page of the tags",
             b"".join([good[0], with_audio, *_numbered(good[3:], 2)])),
    ]  # fmt: skip


def _numbered(pages: list[bytes], first: int) -> list[bytes]:
    return [resealed(part[:18] + struct.pack("<I", number) + part[22:]) for number, part in enumerate(pages, first)]
