"""Replays captures: the recorded bytes, at the recorded times, on the event loop's clock."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ... import events
from ...errors import CaptureError, SourceBrokenError
from ..traits import SourceTraits
from .capture import Capture, load

if TYPE_CHECKING:
    from ...options import SpeechOptions
    from ..source import ByteStream


class ReplaySource:
    """Replays captures: the first request gets the first one, and so on; the last one answers all further requests.

    ``captures`` are names, paths of either file, or `Capture` objects. Text and options are ignored. On a loop with a
    virtual clock the same capture always gives the same bytes at the same times. Raises `CaptureError`.
    """

    def __init__(self, *captures: str | os.PathLike[str] | Capture) -> None:
        if not captures:
            raise CaptureError("there is no capture to replay: name at least one")
        self._captures = [capture if isinstance(capture, Capture) else load(capture) for capture in captures]
        self._opened = 0

    @property
    def traits(self) -> SourceTraits:
        """Its traits. A single capture answers any text as a whole; the identity is that of the captured service.

        What it answers depends on no text, and is not kept.
        """
        whole = len(self._captures) == 1
        return SourceTraits(name="replay", whole=whole, identity=identity(self._captures[0]), sound="")

    def __repr__(self) -> str:
        return f"ReplaySource({', '.join(repr(capture.name) for capture in self._captures)})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:  # noqa: ARG002
        """Begin the next capture now. Its body raises `SourceBrokenError` where the recorded answer broke off."""
        capture = self._captures[min(self._opened, len(self._captures) - 1)]
        self._opened += 1
        return _opened(capture, len(text))


@asynccontextmanager
async def _opened(capture: Capture, characters: int) -> AsyncIterator[ByteStream]:
    stream = ReplayStream(capture, asyncio.get_running_loop().time())
    events.emit(events.RequestSent, characters=characters)
    await stream.answered()
    events.emit(events.ResponseStarted, content_type=stream.content_type, request_id=stream.request_id)
    yield stream


class ReplayStream:
    """The body of a capture whose request was sent at ``zero``, on the loop's clock."""

    def __init__(self, capture: Capture, zero: float) -> None:
        self.content_type = capture.content_type
        self.request_id = next((v for k, v in capture.headers.items() if k.lower() == "x-request-id"), None)
        self._capture = capture
        self._zero = zero
        self._body = memoryview(capture.body)
        self._at = 0
        self._arrivals = iter([arrival for arrival in capture.arrivals if arrival[1]])

    def __aiter__(self) -> ReplayStream:
        return self

    async def answered(self) -> None:
        """Wait until the recorded time of the headers, or of the first byte if the capture does not contain it."""
        times = [at for at, _ in self._capture.arrivals[:1]]
        if self._capture.answered is not None:
            times.append(self._capture.answered)
        await self._until(min(times, default=0.0))

    async def __anext__(self) -> bytes:
        arrival = next(self._arrivals, None)
        if arrival is None:
            await self._until(end_of(self._capture))
            if self._capture.broken is not None:
                raise SourceBrokenError(self._capture.broken, request_id=self.request_id)
            raise StopAsyncIteration
        at, count = arrival
        await self._until(at)
        self._at += count
        return bytes(self._body[self._at - count : self._at])

    async def _until(self, at: float) -> None:
        delay = self._zero + at - asyncio.get_running_loop().time()
        if delay > 0:
            await asyncio.sleep(delay)


def end_of(capture: Capture) -> float:
    """When the end of the body was known, in seconds since the request."""
    times: Iterable[float] = (at for at, _ in capture.arrivals[-1:])
    return max([*times, capture.ended or 0.0])


def identity(capture: Capture) -> str:
    """Host, model and voice of the captured request."""
    try:
        host = urlsplit(capture.url or "").netloc or "capture"
    except ValueError:  # not a valid URL
        host = "capture"
    return "|".join([host, *(str(capture.fields.get(name) or "") for name in ("model", "voice"))])
