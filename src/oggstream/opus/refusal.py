"""Why a body cannot be played: what was found, where, and what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EmptyBodyError, FormatError, NoAudioError, WrongContainerError
from ..sniff import UNKNOWN, describe

if TYPE_CHECKING:
    from ..ogg.page import PageReader
    from .links import LinkFinder

_OTHER = "ask the service for opus, or convert the file"
_PARTIAL = "try again, or look for a whole file"

MAX_JUNK = 1 << 18
"""The first page begins at most this many bytes into the body."""


def not_ogg(first: bytes, pages: PageReader) -> FormatError:
    """The error for a body without a page, which begins with ``first``."""
    if not first:
        return EmptyBodyError(f"the body is empty: Ogg Opus expected; {_PARTIAL}", offset=0)
    kind = describe(first)
    ogg = kind.startswith("Ogg")
    if pages.bad_checksums and (ogg or kind.startswith(UNKNOWN)):
        return FormatError(
            f"damaged Ogg: all {pages.bad_checksums} pages from byte 0 on have a wrong checksum, a right one expected; "
            f"{_PARTIAL}",
            offset=0,
        )
    if ogg:
        return NoAudioError(f"no audio: the body is cut in its first Ogg page, at byte 0; {_PARTIAL}", offset=0)
    return WrongContainerError(f"the body is {kind} from byte 0 on, Ogg Opus expected; {_OTHER}", offset=0)


def no_audio(links: LinkFinder) -> FormatError:
    """The error for a body with pages, but without a link that gave audio."""
    if links.opus_at is not None:
        return NoAudioError(
            f"no audio: the Opus stream at byte {links.opus_at} has no packet that can be played; {_PARTIAL}",
            offset=links.opus_at,
        )
    if links.bad_head is not None:
        return NoAudioError(f"no audio that can be played: {links.bad_head}; {_OTHER}", offset=links.bad_head.offset)
    if links.other is not None:
        offset, codec = links.other
        message = f"the body is Ogg {codec} from byte {offset} on, Ogg Opus expected; {_OTHER}"
        return WrongContainerError(message, offset=offset)
    return NoAudioError(f"no audio: Ogg pages, but none that begins a stream with OpusHead; {_PARTIAL}", offset=0)
