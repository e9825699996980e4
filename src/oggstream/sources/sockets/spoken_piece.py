"""One piece of text that a service was asked to speak over a socket, and what has come of it so far."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...annotations import Annotation
    from ...errors import OggStreamError
    from ..services.telling import ToldTimes
    from ..told_words import ToldWords

UNREAD_BYTES = 20 << 20
"""Most bytes of a piece that may wait unread: seven minutes of samples. A service that sends more is cut off."""
ITEM_BYTES = 64
"""What an item costs besides its bytes. It counts as unread, so that many small ones are bounded too."""
_RATE = 15.0  # characters spoken in a second, about


class SpokenPiece:
    """Asked for, then sounding, then ended, well or with a failure. One consumer awaits `next_item`.

    ``began``: seconds of the context's sound before its own, None as long as an earlier piece sounds.
    ``letters``: characters of the text, without white space, that were not told yet; ``last``: when the last one of
    those told ends, in seconds of the context's sound; ``until``: the same, once all are told.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.began: float | None = None
        self.letters = len("".join(text.split()))
        self.last: float | None = None
        self.until: float | None = None
        self.seconds = 0.0  # of its sound so far
        self.has_audio = False
        self.ended = False
        self.missed = 0  # words that were told and are not in its text
        self.early: list[ToldTimes] = []  # told before its sound began
        self._told: ToldWords | None = None
        self._failure: OggStreamError | None = None
        self._items: deque[bytes | Annotation] = deque()
        self._unread = 0
        self._changed = asyncio.Event()

    @property
    def half_heard(self) -> bool:
        """Whether half of the sound that such a text has, or more, has come."""
        return self.has_audio and self.seconds >= len(self.text) / _RATE / 2

    def feed(self, data: bytes) -> bool:
        """Take bytes of its sound; False if too many wait unread."""
        if self.ended or not data:
            return True
        if self._unread + len(data) > UNREAD_BYTES:
            return False
        self.has_audio = True
        self._put([data])
        return True

    def tell(self, times: ToldTimes, offset: float, *, characters: bool) -> None:
        """Take words that the service tells, ``offset`` seconds later than they say."""
        if self.ended:
            return
        if self._told is None:
            from ..told_words import ToldWords

            self._told = ToldWords(self.text)
        starts = [None if start is None else start + offset for start in times.starts]
        ends = [None if end is None else end + offset for end in times.ends]
        if characters:
            self._put(self._told.characters(times.texts, starts, ends))
        else:
            self._put(self._told.words(list(zip(times.texts, starts, ends, strict=False))))

    def end(self) -> None:
        """It is complete."""
        if self.ended:
            return
        if self._told is not None:
            self._put(self._told.finish())
            self.missed = self._told.missed
        self.ended = True
        self._changed.set()

    def fail(self, error: OggStreamError) -> None:
        """End with ``error``, which is raised after what has come. Without effect once it has ended."""
        if not self.ended:
            self._failure = error
            self.end()

    async def next_item(self) -> bytes | Annotation | None:
        """The next bytes or word; None at the end. Raises what it failed with, after the last one."""
        while not (self._items or self.ended):
            self._changed.clear()
            await self._changed.wait()
        if self._items:
            item = self._items.popleft()
            self._unread -= _size(item)
            return item
        if self._failure is not None:
            raise self._failure
        return None

    def _put(self, items: Iterable[bytes | Annotation]) -> None:
        for item in items:
            self._items.append(item)
            self._unread += _size(item)
        self._changed.set()


def _size(item: bytes | Annotation) -> int:
    return ITEM_BYTES + (len(item) if isinstance(item, bytes) else 0)
