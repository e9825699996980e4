"""Decides what to do when a piece fails. Pure functions of the facts in `Case`."""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

from ...errors import (
    FormatError,
    OggStreamError,
    RateLimitError,
    RequestRefusedError,
    ServerError,
    SourceBrokenError,
    SourceConnectionError,
    SourceError,
)

ATTEMPTS = 3
"""Requests for a piece whose body breaks off."""
WAITS = 6
"""How often a piece waits for a service that is busy with another request of ours."""

_OF_FORMATS = (406, 415)  # these statuses always mean the format
_MAY_BE_FORMATS = (400, 404, 422, 500, 501)  # 500: the encoder is missing, and nothing catches that
_MAY_BE_THE_PIECE = (400, 413, 414, 422, 431, 451)  # 414 and 431: a text within the URL that is too long
_BUSY = (409, 423, 425, 502, 503, 504)  # 502 and 504: a gateway says it of the service behind it
_FORMAT_WORDS = re.compile(
    r"response_format|\bformats?\b|\bopus\b|\bogg\b|\bcodec|\bcontainer|\bmedia[- ]type|\bmime", re.IGNORECASE
)
_LOOKED_AT = 2000  # characters of a message that are searched


class Remedy(Enum):
    """What to do about a failed piece."""

    OTHER_FORMAT = "ask for the same piece in another format"
    AGAIN = "ask again for what is missing"
    LATER = "ask again when fewer of our requests are under way"
    SKIP = "go on without this piece"
    END = "end the speech after what was received"


class Case(NamedTuple):
    """The facts about a piece that failed.

    ``received``: some of its audio was received. ``attempts``: requests so far; ``waits``: how often it waited.
    ``elsewhere``: the next request goes to another service. ``trial``: its format was only tried for a sooner start.
    ``other_format``: another format is left to try; ``proven``: the service has delivered this one before.
    ``ours``: another request of ours is, or just was, under way. ``skippable``: pieces may be skipped, there are
    others, and the one before it was not skipped.
    """

    received: bool
    attempts: int
    waits: int = 0
    elsewhere: bool = False
    trial: bool = False
    other_format: bool = False
    proven: bool = False
    ours: bool = False
    skippable: bool = False


def remedy_for(error: OggStreamError, case: Case) -> Remedy:
    """What to do about ``error``."""
    if case.elsewhere:
        return Remedy.AGAIN if case.attempts < ATTEMPTS else Remedy.END
    if case.received:
        broken = isinstance(error, SourceBrokenError) and case.attempts < ATTEMPTS
        return Remedy.AGAIN if broken else Remedy.END
    if case.ours and case.waits < WAITS and is_busy(error):
        return Remedy.LATER
    if case.trial or (case.other_format and concerns_format(error, proven=case.proven, attempts=case.attempts)):
        return Remedy.OTHER_FORMAT
    return _remedy_for_piece(error, case)


def _remedy_for_piece(error: OggStreamError, case: Case) -> Remedy:
    """What to do where the text of the piece, or the moment, may be to blame."""
    if isinstance(error, SourceBrokenError) and case.attempts < ATTEMPTS:
        return Remedy.AGAIN
    if case.ours and not case.waits and isinstance(error, ServerError):
        return Remedy.LATER  # it may be busy without saying so
    return Remedy.SKIP if case.skippable and concerns_piece(error) else Remedy.END


def concerns_format(error: OggStreamError, *, proven: bool = False, attempts: int = 1) -> bool:
    """Whether ``error`` may mean that the service does not deliver the format. ``proven``: it has done so before."""
    if isinstance(error, SourceError) and error.status is not None:
        if error.status in _OF_FORMATS or _speaks_of_formats(error):
            return True
        return not proven and error.status in _MAY_BE_FORMATS
    if isinstance(error, SourceBrokenError):
        return not proven and attempts > 1
    return not proven and isinstance(error, FormatError)


def concerns_piece(error: OggStreamError) -> bool:
    """Whether ``error`` may be caused by this piece of text alone."""
    if isinstance(error, SourceError):
        return isinstance(error, ServerError) or error.status in _MAY_BE_THE_PIECE
    return isinstance(error, FormatError)


def is_busy(error: OggStreamError) -> bool:
    """Whether a service that takes one request at a time may fail like this while it serves another."""
    if isinstance(error, SourceError) and error.status is not None:
        return isinstance(error, RateLimitError) or error.status in _BUSY
    return isinstance(error, (SourceConnectionError, SourceBrokenError))


def _speaks_of_formats(error: OggStreamError) -> bool:
    refused = isinstance(error, (RequestRefusedError, ServerError))
    return refused and _FORMAT_WORDS.search(str(error)[:_LOOKED_AT]) is not None
