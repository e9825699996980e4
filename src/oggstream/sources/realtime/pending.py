"""One piece of text on its way through the Realtime API: what came of it so far, for the one who waits for it."""

from __future__ import annotations

import asyncio
import binascii
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from .messages import Coding

if TYPE_CHECKING:
    from ...errors import OggStreamError

UNREAD_BYTES = 32 << 20
"""PCM that may lie unread: eleven minutes, where the longest text takes five. A service that sends more is cut off."""
LONGEST_TRANSCRIPT = 64 << 10
"""Characters of a transcript that are kept."""

_numbers = itertools.count(1)


class Garbled(Exception):  # noqa: N818 - caught where it is translated
    """A frame that cannot be; the message is what the service sent."""


class Piece:
    """Asked for, then begun (the service named its response), then ended, well or with a failure.

    One consumer awaits `begun`, `sounding` and `take`; cancelling it loses nothing. ``again``: after a failure, the
    headers that say when to ask once more, None for not at all. ``stale``: it was asked for on a kept connection, which
    the service may just have closed.
    """

    def __init__(self, text: str, style: str | None = None) -> None:
        self.id = f"oggstream_{next(_numbers)}"
        self.text = text
        self.style = style
        self.response_id: str | None = None
        self.coding = Coding()
        self.again: Mapping[str, str] | None = None
        self.stale = False
        self.ended = False
        self._failure: OggStreamError | None = None
        self._chunks: deque[bytes] = deque()
        self._unread = 0
        self._rest = b""  # the first byte of a sample whose second one has not come
        self._heard = False  # whether any audio came
        self._parts: dict[tuple[str, str], str] = {}
        self._characters = 0
        self._changed = asyncio.Event()

    @property
    def heard(self) -> bool:
        """Whether any of its audio has come."""
        return self._heard

    @property
    def spoken(self) -> str:
        """What the service wrote down of its own speech."""
        return " ".join(self._parts.values())

    def begin(self, response_id: str, coding: Coding) -> None:
        """The service made a response of it, whose audio is coded so."""
        self.response_id = response_id
        self.coding = coding
        self._changed.set()

    def feed(self, delta: object) -> None:
        """Take a frame of base64. Raises `Garbled` for what is none, and for more than `UNREAD_BYTES`."""
        try:
            data = self._rest + binascii.a2b_base64(delta, strict_mode=True)  # type: ignore[arg-type]
        except (TypeError, ValueError):  # binascii.Error is one
            raise Garbled("audio that is not base64") from None
        whole = len(data) // self.coding.sample_bytes * self.coding.sample_bytes
        self._rest = data[whole:]
        if not whole:
            return
        pcm = self.coding.decoded(data[:whole])
        self._unread += len(pcm)
        if self._unread > UNREAD_BYTES:
            raise Garbled(f"more than {UNREAD_BYTES >> 20} MB of speech ahead of what was heard")
        self._heard = True
        self._chunks.append(pcm)
        self._changed.set()

    def write_down(self, part: tuple[str, str], words: object, *, whole: bool = False) -> None:
        """Take a bit of the transcript of a ``part`` of the response, or the ``whole`` of it."""
        if not isinstance(words, str) or self._characters + len(words) > LONGEST_TRANSCRIPT:
            return
        self._characters += len(words)
        self._parts[part] = words if whole else self._parts.get(part, "") + words

    def end(self) -> None:
        """Nothing more comes of it, as it should be."""
        self.ended = True
        self._changed.set()

    def fail(
        self, error: OggStreamError, again: Mapping[str, str] | None = None, *, connection_lost: bool = False
    ) -> None:
        """Nothing more comes of it: ``error`` is raised after what has come. Once ended, it stays as it ended."""
        if not self.ended:
            self._failure = error
            self.again = again
            self.stale = self.stale and connection_lost  # a service that refuses wants its pause
            self.end()

    async def begun(self) -> None:
        """Return when the service has named its response. Raises what it failed with."""
        await self._until(lambda: self.response_id is not None)
        if self.response_id is None and self._failure is not None:
            raise self._failure

    async def sounding(self) -> None:
        """Return when audio has come, or the end. Raises what it failed with before any."""
        await self._until(lambda: self._heard)
        if not self._heard and self._failure is not None:
            raise self._failure

    async def take(self) -> bytes | None:
        """The next chunk of PCM, whole samples; None at the end. Raises what it failed with, after the last chunk."""
        await self._until(lambda: bool(self._chunks))
        if self._chunks:
            chunk = self._chunks.popleft()
            self._unread -= len(chunk)
            return chunk
        if self._failure is not None:
            raise self._failure
        return None

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not (condition() or self.ended):
            self._changed.clear()
            await self._changed.wait()
