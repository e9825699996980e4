"""What is said of bodies that cannot be played, and what to do about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import EmptyBodyError, WrongContainerError
from ..sniff import UNKNOWN, describe, quote
from .media import OCTETS

if TYPE_CHECKING:
    from .stated import Stated

_NOTHING = "the service ended its answer before any audio: it may not have this voice or format"
_WORDS = ("JSON", "HTML", "XML", "text", "server-sent events", "nothing")


def empty(*, events: bool = False) -> EmptyBodyError:
    """The error for a body without a byte of audio. ``events``: there were some, without audio in a known field."""
    what = "its events hold no audio in a known field" if events else "the body is empty"
    return EmptyBodyError(f"{_NOTHING} ({what})", offset=0)


def empty_file() -> EmptyBodyError:
    """The same for a file."""
    return EmptyBodyError("the body is empty: audio expected; try again", offset=0)


def wrong(first: bytes, stated: Stated, *, service: bool) -> WrongContainerError:
    """The error for a body that begins with ``first``, which is nothing that can be played."""
    kind = describe(first)
    if kind.startswith(UNKNOWN) and (refusal := _unbelieved(stated)):
        return refusal
    what = f"the body is {kind} from byte 0 on"
    if not service:
        return WrongContainerError(f"{what}, which cannot be played; convert it to Ogg Opus or WAV", offset=0)
    if kind.startswith(_WORDS):
        return WrongContainerError(f"{_NOTHING} ({what})", offset=0)
    return WrongContainerError(f"{what}, which cannot be played; {stated.advice}", offset=0)


def _unbelieved(stated: Stated) -> WrongContainerError | None:
    """Why a body that may be samples is not taken for them."""
    name = stated.media.name
    named = stated.media.names_samples or (stated.wanted == "pcm" and name in OCTETS)
    if named and not stated.samples_known:
        return WrongContainerError(
            f"the body is bare samples ({quote(name or 'no type')}) at an unknown rate; if you know it, ask for a "
            "format of pcm:RATE (--format)",
            offset=0,
        )
    if stated.wanted == "pcm":
        return WrongContainerError(
            f"the body may be samples, but its type is {quote(name)}: PCM is believed with audio/pcm, audio/L16 or "
            "application/octet-stream; ask the service for opus or wav (--format)",
            offset=0,
        )
    return None
