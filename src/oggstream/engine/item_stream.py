"""What is received for a text, as an iterator that any task may close, at any time, or simply let go of."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..audio.frame import RATE
from ..errors import UsageError

if TYPE_CHECKING:
    from types import TracebackType

    from ..audio.frame import PcmFrame
    from ..body.body_reader import BodyItem
    from ..codec.frame_decoder import FrameDecoder
    from ..opus.items import AudioPacket
    from .requests.delivery import Delivery
    from .segment import Segment

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class ItemConverter(Protocol[T_co]):
    """Makes of what is received what is given out."""

    def take(self, segment: Segment, item: BodyItem) -> Iterable[T_co]:
        """What ``item`` of ``segment`` completes."""
        ...

    def finish(self) -> Iterable[T_co]:
        """What is left at the end."""
        ...


class SpeechFrames:
    """Decodes the pieces of a speech one after the other, and counts the positions of their frames on."""

    def __init__(self) -> None:
        self._segment: Segment | None = None
        self._decoder: FrameDecoder | None = None
        self._before = self._position = 0  # samples of the pieces before, and up to now

    def take(self, segment: Segment, item: BodyItem) -> Iterator[PcmFrame]:
        """The frames that ``item`` completes."""
        from ..codec.frame_decoder import FrameDecoder

        if segment is not self._segment or self._decoder is None:
            yield from self.finish()
            self._segment, self._before = segment, self._position
            self._decoder = FrameDecoder(stats=segment.intake.stats, soft_clip=True)
        yield from map(self._placed, self._decoder.decode(item))

    def finish(self) -> Iterator[PcmFrame]:
        """What is left of the piece."""
        if self._decoder is not None:
            yield from map(self._placed, self._decoder.finish())

    def _placed(self, frame: PcmFrame) -> PcmFrame:
        self._position = self._before + frame.position + len(frame.pcm) * RATE // frame.rate
        return frame._replace(position=self._before + frame.position) if self._before else frame


class SpeechPackets:
    """The packets of a speech, encoded where the service sent samples."""

    def __init__(self) -> None:
        from ..codec.recode import PacketMaker

        self._packets = PacketMaker()

    def take(self, segment: Segment, item: BodyItem) -> list[AudioPacket]:
        """The packets that ``item`` completes."""
        return self._packets.take(segment.index, item)

    def finish(self) -> list[AudioPacket]:
        """What is left of samples that fill no packet."""
        return self._packets.finish()


class ItemStream(AsyncGenerator[T, None]):
    """An asynchronous iterator whose work is done by a task of its own, which owns all that has to be closed.

    ``receive`` fills ``delivery`` until everything has come, and raises what failed; it starts with the first item
    that is asked for. `aclose` ends it from any task, also twice, and whoever waits for an item then gets the end. One
    that nobody holds any more ends by itself. Cancelling a task that waits for an item closes it.
    """

    def __init__(
        self,
        delivery: Delivery,
        receive: Callable[[], Coroutine[Any, Any, None]],
        converter: Callable[[], ItemConverter[T]],
    ) -> None:
        self._delivery = delivery
        self._receive = receive
        self._make_converter = converter
        self._converter: ItemConverter[T] | None = None
        self._ready: deque[T] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def __aiter__(self) -> ItemStream[T]:
        return self

    async def __anext__(self) -> T:
        try:
            while not (self._ready or self._closed):
                await self._advance()
        except BaseException:
            await self.aclose()
            raise
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()

    async def asend(self, value: None) -> T:
        """As the next item; nothing can be sent."""
        if value is not None:
            raise UsageError("nothing can be sent to a stream of speech: use anext()")
        return await self.__anext__()

    async def athrow(self, typ: Any, val: BaseException | object = None, tb: TracebackType | None = None, /) -> T:
        """Close, then raise the exception."""
        await self.aclose()
        error = typ if isinstance(typ, BaseException) else val if isinstance(val, BaseException) else typ()
        raise error.with_traceback(tb)

    async def aclose(self) -> None:
        """Close the responses, and whatever was made for this speech. On return nothing is left."""
        self._closed = True
        self._ready.clear()
        if self._task is not None:
            self._task.cancel()
            self._delivery.stop()
            await asyncio.wait({self._task})

    def __del__(self) -> None:
        if self._task is not None and not self._task.done():
            with suppress(RuntimeError):  # the loop is closed
                self._task.get_loop().call_soon_threadsafe(self._task.cancel)

    async def _advance(self) -> None:
        """Take the next thing received; at the end raise what failed."""
        if self._task is None:
            self._start()
        converter = self._converter
        assert self._task is not None and converter is not None  # noqa: PT018
        received = await self._delivery.next()
        if self._closed:
            return
        if received is not None:
            self._ready.extend(converter.take(*received))
            return
        await asyncio.wait({self._task})
        self._closed = True
        if not self._task.cancelled():
            self._task.result()
        self._ready.extend(converter.finish())

    def _start(self) -> None:
        self._converter = self._make_converter()
        self._task = asyncio.get_running_loop().create_task(self._receive(), name="oggstream-items")
        self._task.add_done_callback(_note)


def _note(task: asyncio.Task[None]) -> None:
    """Nobody may be left who asks what became of it."""
    if not task.cancelled():
        task.exception()
