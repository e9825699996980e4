"""What a message of a service says, by the table of its socket. Pure."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from ..services.socket_table import THERE
from .messages import at_place, first_at, shows

if TYPE_CHECKING:
    from ..services.socket_table import Socket

LONGEST_NAME = 256
"""Characters of the name of a context; a longer one is of no context of ours."""


class ToldTimes(NamedTuple):
    """Words, or characters one by one, and their times in seconds."""

    texts: Sequence[Any]
    starts: Sequence[Any]
    ends: Sequence[Any]


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
        words=_words(socket, message),
        greeted=shows(message, socket.greeting, THERE),
        ready=shows(message, socket.ready, THERE),
        flushed=shows(message, socket.flushed, THERE),
        done=shows(message, socket.done, THERE),
        cancelled=shows(message, socket.cancelled, THERE),
        error=shows(message, _when(socket.error), THERE) if socket.error else False,
    )


def _when(table: Any) -> list[Any]:
    """The conditions of a table; none is one that always holds."""
    when = table.get("when", {})
    return when if isinstance(when, list) else [when]


def _audio(socket: Socket, message: object) -> bytes | None:
    if "at" not in socket.audio or not shows(message, _when(socket.audio), THERE):
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


def _words(socket: Socket, message: object) -> ToldTimes | None:
    table = socket.words
    if not table or not shows(message, _when(table), THERE):
        return None
    texts, starts = _several(message, table["text"]), _several(message, table["start"])
    if not texts:
        return None
    scale = 0.001 if table.get("unit") == "ms" else 1.0
    zero = _number(at_place(message, table["zero"])) if "zero" in table else None
    begins = [_shifted(start, scale, zero or 0.0) for start in starts]
    if "duration" in table:
        lasts = _several(message, table["duration"])
        ends = [_sum(begin, _shifted(last, scale, 0.0)) for begin, last in zip(begins, lasts, strict=False)]
    elif "end" in table:
        ends = [_shifted(end, scale, zero or 0.0) for end in _several(message, table["end"])]
    else:
        ends = _until_the_next(begins)
    return ToldTimes(texts, begins, ends)


def _several(message: object, place: str) -> list[Any]:
    found = at_place(message, place)
    return found if isinstance(found, list) else [] if found is None else [found]


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _shifted(value: object, scale: float, zero: float) -> float | None:
    number = _number(value)
    return None if number is None else (number - zero) * scale


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second


def _until_the_next(begins: list[float | None]) -> list[float | None]:
    """Ends where none are told: each lasts until the next begins."""
    return [*begins[1:], begins[-1]] if begins else []
