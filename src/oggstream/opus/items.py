"""What flows out of the reader, beside the headers: packets with their place in time, holes, and the counters.

A reader that is ``eager`` gives packets before their page is complete. Marks of three kinds say so: see `PageBegun`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from .head import OpusHead
    from .tags import OpusTags

MAX_WARNINGS = 50  # bound on what a damaged stream may write into the report


class AudioPacket(NamedTuple):
    """One Opus packet and what of it is to be heard. All lengths are in samples at 48 kHz per channel.

    ``samples`` is what the packet decodes to (120 to 5760); of these ``trim_start`` at the front (pre-skip) and
    ``trim_end`` at the back (end trim) are dropped, together at most ``samples``. ``position`` is the number of
    samples that the whole stream gives before the first one kept of this packet, over all links, holes included.
    """

    data: bytes
    position: int
    samples: int
    trim_start: int
    trim_end: int


class Hole(NamedTuple):
    """A gap in the audio of a link: pages or packets that are lost.

    ``offset`` and ``bytes`` say where in the body unusable bytes lie (0 bytes: pages are missing altogether, and
    ``offset`` is that of the next page). ``samples`` (48 kHz, 1 to 96000) are to be concealed at ``position``; so many
    more are ``omitted``, where the gap is too long to be concealed as a whole.
    """

    offset: int
    bytes: int
    position: int
    samples: int
    reason: str
    omitted: int = 0


class PageBegun:
    """What comes next is of a page that is not complete yet, so that nothing vouches for it.

    It is settled by a `PageSettled` or made void by a `PageWithdrawn`, of which one follows.
    """

    __slots__ = ()


class PageSettled:
    """The page is complete and its checksum right: all that was given since its `PageBegun` stands."""

    __slots__ = ()


class PageWithdrawn(NamedTuple):
    """The page is no page: all that was given since its `PageBegun` is void, a link's head and tags included.

    ``position`` is that of the first sample which is void.
    """

    position: int


class NextBody:
    """What comes next is of another body, which goes on where the one before was cut off."""

    __slots__ = ()


Item: TypeAlias = "OpusHead | OpusTags | AudioPacket | Hole | PageBegun | PageSettled | PageWithdrawn | NextBody"
"""What bodies consist of. The three of pages only come from a reader that is ``eager``, `NextBody` from no reader."""


class StreamStats:
    """Counters of one body, kept up while it is read.

    ``pages`` are those with a right checksum, ``packets`` those of audio that were passed on, ``links`` those that gave
    audio, ``holes`` the gaps, ``bad_packets`` the packets dropped as malformed, refused by libopus, or beyond the
    `oggstream.opus.budget`. ``complete`` turns false when the body ends and something may be missing from its end.
    """

    __slots__ = ("bad_packets", "bytes", "complete", "holes", "links", "packets", "pages", "warnings")

    def __init__(self) -> None:
        self.bytes = 0
        self.pages = 0
        self.packets = 0
        self.links = 0
        self.holes = 0
        self.bad_packets = 0
        self.complete = True
        self.warnings: list[str] = []

    def warn(self, message: str) -> None:
        """Note something odd that does not stop the audio; after `MAX_WARNINGS` one last line says that more came."""
        if len(self.warnings) < MAX_WARNINGS:
            self.warnings.append(message)
        elif len(self.warnings) == MAX_WARNINGS:
            self.warnings.append("further warnings are left out")

    def as_dict(self) -> dict[str, int | bool | list[str]]:
        """The ``stream`` part of the report."""
        return {
            "bytes": self.bytes,
            "pages": self.pages,
            "packets": self.packets,
            "links": self.links,
            "holes": self.holes,
            "bad_packets": self.bad_packets,
            "complete": self.complete,
            "warnings": list(self.warnings),
        }
