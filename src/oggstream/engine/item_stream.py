"""The received items of a text, as an iterator that any task may close at any time, or drop without closing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..annotations import Word
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
    """Converts received items to the items of the iterator."""

    @property
    def at_once(self) -> int:
        """How many received items it takes in one go, where so many are there."""
        ...

    def take(self, segment: Segment, items: list[BodyItem]) -> Iterable[T_co]:
        """The items that ``items`` of ``segment`` complete."""
        ...

    def finish(self) -> Iterable[T_co]:
        """The remaining items, at the end."""
        ...


class SpeechFrames:
    """Decodes the pieces of a speech one after the other; the positions of their frames run on across pieces.

    ``rate``: of what is decoded here, see `FrameDecoder`.
    """

    at_once = 1

    def __init__(self, volume: float = 1.0, rate: int = RATE) -> None:
        self._volume = volume
        self._rate = rate
        self._segment: Segment | None = None
        self._decoder: FrameDecoder | None = None
        self._before = self._position = 0  # samples of the earlier pieces, and of all so far

    def take(self, segment: Segment, items: list[BodyItem]) -> Iterator[PcmFrame]:
        """The frames that ``items`` complete."""
        from ..codec.frame_decoder import FrameDecoder

        if segment is not self._segment or self._decoder is None:
            yield from self.finish()
            self._segment, self._before = segment, self._position
            self._decoder = FrameDecoder(self._rate, stats=segment.intake.stats, soft_clip=True)
        for item in items:
            yield from map(self._placed, self._decoder.decode(item))

    def finish(self) -> Iterator[PcmFrame]:
        """The remaining frames of the piece."""
        if self._decoder is not None:
            yield from map(self._placed, self._decoder.finish())

    def _placed(self, frame: PcmFrame) -> PcmFrame:
        if self._volume != 1:
            from ..playout.volume import at_volume

            frame = frame._replace(pcm=at_volume(frame.pcm, self._volume))
        self._position = self._before + frame.position + len(frame.pcm) * RATE // frame.rate
        return frame._replace(position=self._before + frame.position) if self._before else frame


class SpeechPackets:
    """The packets of a speech, encoded here if the service sent samples.

    ``on_word`` gets the words that the source tells, each once, its samples counted from the first one of the speech.
    """

    at_once = 1

    def __init__(self, on_word: Callable[[Word], object] | None = None) -> None:
        from ..codec.recode import PacketMaker

        self._packets = PacketMaker()
        self._on_word = on_word
        self._segment: Segment | None = None
        self._told = 0  # words of the piece

    def take(self, segment: Segment, items: list[BodyItem]) -> list[AudioPacket]:
        """The packets that ``items`` complete."""
        if segment is not self._segment:
            self._tell(whole=True)
            self._segment, self._told = segment, 0
        packets = [packet for item in items for packet in self._packets.take(segment.index, item)]
        self._tell(whole=False)
        return packets

    def finish(self) -> list[AudioPacket]:
        """The last packet, from samples that do not fill one."""
        self._tell(whole=True)
        return self._packets.finish()

    def _tell(self, *, whole: bool) -> None:
        """Tell the words that have come. The last one may go on, where several are said for one of the text."""
        if self._on_word is None or self._segment is None or not self._segment.intake.annotations:
            return
        from .words import reported_words

        known = list(reported_words(self._segment))
        for word in known[self._told : None if whole else len(known) - 1]:
            self._told += 1
            begins, ends = (self._packets.begun_at + sample for sample in (word.start_sample, word.end_sample))
            self._on_word(
                Word(
                    text=word.text,
                    start=word.start,
                    end=word.end,
                    start_sample=begins,
                    end_sample=ends,
                    told_by=word.told_by,
                )
            )


class ItemStream(AsyncGenerator[T, None]):
    """An asynchronous iterator with a task of its own that does the work and owns everything that must be closed.

    ``receive`` fills ``delivery`` until everything is received, and raises errors; it starts when the first item is
    requested. `aclose` ends the iterator from any task and may be called twice; a task that waits for an item then
    gets the end. An iterator without references ends by itself. Cancelling a task that waits for an item closes it.
    """

    def __init__(
        self,
        delivery: Delivery,
        receive: Callable[[], Coroutine[Any, Any, None]],
        converter: Callable[[], ItemConverter[T]],
    ) -> None:
        self._delivery = delivery
        self._receive = receive
        self._converter = cache(converter)
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
        """Return the next item, like ``anext``; a value cannot be sent."""
        if value is not None:
            raise UsageError("nothing can be sent to a stream of speech: use anext()")
        return await self.__anext__()

    async def athrow(self, typ: Any, val: BaseException | object = None, tb: TracebackType | None = None, /) -> T:
        """Close, then raise the exception."""
        await self.aclose()
        error = typ if isinstance(typ, BaseException) else val if isinstance(val, BaseException) else typ()
        raise error.with_traceback(tb)

    async def aclose(self) -> None:
        """Close the responses and everything else made for this speech. On return nothing is left open."""
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
        """Take the next received items; at the end raise the error, if there was one."""
        task = self._task = self._task or self._begun()
        segment = await self._delivery.next()
        if self._closed:
            return
        if segment is not None:
            converter = self._converter()
            self._ready.extend(converter.take(segment, segment.queue.pop_some(converter.at_once)))
            return
        await asyncio.wait({task})
        self._closed = True
        if not task.cancelled():
            task.result()
        self._ready.extend(self._converter().finish())

    def _begun(self) -> asyncio.Task[None]:
        self._delivery.prepare = self._converter
        task = asyncio.get_running_loop().create_task(self._receive(), name="oggstream-items")
        task.add_done_callback(_note)
        return task


def _note(task: asyncio.Task[None]) -> None:
    """Retrieve the exception of a task that nobody awaits, so that asyncio does not log it."""
    if not task.cancelled():
        task.exception()
