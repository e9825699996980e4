"""What a message of a service says, by the table of its socket. Pure."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, NamedTuple

from ..services.telling import ToldTimes, at_place, first_at, shows, signs_of, told_times

if TYPE_CHECKING:
    from ..services.socket_table import Socket

LONGEST_NAME = 256
"""Characters of the name of a context; a longer one is of no context of ours."""


class Told(NamedTuple):
    """``context``: the name that the message bears; ``piece``: the number of the piece in it.

    ``audio``: decoded bytes, None where there are none. ``error``: whether the service refuses or gives up.
    """

    context: str | None = None
    piece: int | None = None
    audio: bytes | None = None
    words: ToldTimes | None = None
    greeted: bool = False
    ready: bool = False
    flushed: bool = False
    done: bool = False
    cancelled: bool = False
    error: bool = False


def read(socket: Socket, message: object) -> Told:
    """What ``message`` says; nothing where it is of no kind that the table knows.

    Raises `ValueError` for audio that is not encoded as the table says.
    """
    context = first_at(message, socket.context)
    number = None if socket.piece is None else at_place(message, socket.piece)
    return Told(
        context=context if isinstance(context, str) and len(context) <= LONGEST_NAME else None,
        piece=number if type(number) is int else None,
        audio=_audio(socket, message),
        words=told_times(socket.words, message) if socket.words else None,
        greeted=shows(message, socket.greeting),
        ready=shows(message, socket.ready),
        flushed=shows(message, socket.flushed),
        done=shows(message, socket.done),
        cancelled=shows(message, socket.cancelled),
        error=shows(message, signs_of(socket.error)) if socket.error else False,
    )


def _audio(socket: Socket, message: object) -> bytes | None:
    if "at" not in socket.audio or not shows(message, signs_of(socket.audio)):
        return None
    found = at_place(message, socket.audio["at"])
    if found is None or found == "":
        return None
    try:
        if socket.coding == "hex":
            return bytes.fromhex(found)
        return binascii.a2b_base64(found, strict_mode=True)
    except (TypeError, ValueError):  # binascii.Error is one
        raise ValueError(f"audio that is not {socket.coding}") from None
