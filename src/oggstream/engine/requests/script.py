"""Reads the text of a speech as it arrives, and cuts it into the pieces to be requested."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable, Iterable
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ...events import Warned, emit
from ...text.ssml import is_ssml
from ...threads import pump

if TYPE_CHECKING:
    from ...options import PlaybackOptions
    from ...text.deltas import ModelText
    from ...text.piece import Piece
    from ...text.replacing.replacements import Replacements
    from ...text.segmenter import Segmenter

Text = str | Iterable[Any] | AsyncIterable[Any]

LITTLE = 1.0  # with fewer seconds left to be heard, an unfinished sentence may be requested
MOST_WAITING = 1 << 16  # characters not requested yet; with more, reading the text pauses
LOOK_SECONDS = 0.25  # between two checks of the time left to be heard
LEAST_LOOK = 0.001
MOST_LOOK = 1.0  # while nothing is being heard
LONGEST_TEXT = 4096  # characters of one request, unless the source states its own limit


class Script:
    """Reads a text that may grow, and gives its pieces in order: see `piece`. ``text`` is what was read so far.

    A ``str`` that takes at most ``options.ahead`` seconds at ``rate`` characters per second is one piece. So are any
    text for a source that takes it ``whole``, and a document of SSML for one that takes ``ssml``. Other texts are cut
    into pieces that fit into that time and have at most ``limit`` characters; with ``first_cut`` at any word, where
    that many of them are there and no clause has ended. ``language`` is that of the text, None to guess it;
    ``replacements`` are what is said for what is written, except in what is spoken as it is.
    """

    def __init__(
        self,
        text: Text,
        options: PlaybackOptions,
        *,
        whole: bool,
        rate: float,
        limit: int | None = None,
        ssml: bool = False,
        language: str | None = None,
        replacements: Replacements | None = None,
        first_cut: int | None = None,
    ) -> None:
        if isinstance(text, bytes | bytearray | dict) or not isinstance(text, str | AsyncIterable | Iterable):
            raise UsageError(f"text must be a str or an iterable of str, not {type(text).__name__}")
        self.complete = isinstance(text, str)  # nothing will be added
        self.failure: BaseException | None = None  # the exception of the text's iterator
        self._source = text
        self._read: list[str] = []
        self._length = 0
        self._options = options
        self._whole = whole
        self._limit = limit or LONGEST_TEXT
        self._rate = rate
        self._language = language
        self._replacements = replacements
        self._replaced: Piece | None = None  # all of a short text, with what is said for it
        self._first_cut = first_cut
        self._told_spelled = False
        self._segmenter: Segmenter | None = None
        self._changed = asyncio.Event()
        self._changed_at = 0.0
        self._taken = asyncio.Event()  # set when a piece was taken
        self._left = -1.0  # seconds to be heard at the last check
        self._looks = LOOK_SECONDS
        if isinstance(text, str):
            self._read.append(text)
            self._length = len(text)
            short = self._length <= min(self._limit, round(options.ahead * rate))
            as_it_is = ssml if is_ssml(text) else short and not options.speakable and self._fits(text)
            self._whole = whole or as_it_is

    def _fits(self, text: str) -> bool:
        """Whether a short text is no more than one request with what is said for it."""
        if self._replacements is None:
            return True
        from ...text.replacing.replaced_text import replaced

        self._replaced = replaced(text, self._replacements)
        return len(self._replaced.text) <= self._limit

    @property
    def text(self) -> str:
        """The text read so far."""
        self._read = ["".join(self._read)]
        return self._read[0]

    @property
    def length(self) -> int:
        """Characters read so far."""
        return self._length

    async def read(self) -> None:
        """Read the text to its end. On cancellation, close the text's iterator."""
        if self.complete:
            return
        source = self._source
        try:
            if isinstance(source, AsyncIterable):
                await self._read_from(source)
            elif isinstance(source, (list, tuple)):
                for item in source:
                    self._read_item(item)
            else:  # it may block, as the stream of a synchronous client does
                assert isinstance(source, Iterable)
                await self._read_from(pump(source))
            self._feed(self._reader.finish())
        except asyncio.CancelledError as error:
            if _cancelled_from_outside():
                raise
            self.failure = error  # the iterator was cancelled, not this task
        except Exception as error:  # noqa: BLE001  # any exception: the text before it is spoken first
            self.failure = error
        self.complete = True
        if self._segmenter is not None:
            self._segmenter.finish()
        self._changed.set()

    async def _read_from(self, source: AsyncIterable[Any]) -> None:
        iterator = aiter(source)
        try:
            async for item in iterator:
                self._read_item(item)
                while self._waiting > MOST_WAITING:
                    self._taken.clear()
                    await self._taken.wait()
        finally:
            close = getattr(iterator, "aclose", None) or getattr(source, "close", None)
            if close is not None:
                await close()

    @cached_property
    def _reader(self) -> ModelText:
        from ...text.deltas import ModelText

        return ModelText()

    def _read_item(self, item: Any) -> None:
        before = self._reader.guess
        self._feed(self._reader.read(item))
        if self._reader.guess != before:
            emit(Warned, message=self._reader.guess)

    def _feed(self, text: str) -> None:
        if not text:
            return
        self._read.append(text)
        self._length += len(text)
        if not self._whole:
            self._pieces().feed(text)
        self._changed_at = asyncio.get_running_loop().time()
        self._changed.set()

    @property
    def exhausted(self) -> bool:
        """Whether everything was read and taken."""
        return self.complete and not self._waiting and (self._taken.is_set() or not self._whole)

    @property
    def _waiting(self) -> int:
        return self._segmenter.waiting if self._segmenter is not None else 0

    def _pieces(self) -> Segmenter:
        if self._segmenter is None:
            from ...text.segmenter import Segmenter

            grows = not isinstance(self._source, str)
            speakable = grows if self._options.speakable is None else self._options.speakable
            speakable = speakable or (not grows and is_ssml(self.text))
            self._segmenter = Segmenter(
                self._limit,
                speakable=speakable,
                language=self._language,
                replacements=self._replacements,
                word_cut=self._first_cut,
            )
            self._segmenter.rate = self._rate
            if not grows:
                self._segmenter.feed(self.text)
                self._segmenter.finish()
        return self._segmenter

    async def piece(self, reserve: Callable[[], float]) -> Piece | None:
        """Wait for the next piece; None at the end. ``reserve`` returns the seconds of speech left to be heard."""
        piece = await self._only_piece() if self._whole else await self._next_piece(reserve)
        if piece is not None and piece.spelled and not self._told_spelled:
            self._told_spelled = True
            emit(Warned, message=f"the service takes no phonemes: {piece.spelled!r} is spoken without")
        return piece

    async def _next_piece(self, reserve: Callable[[], float]) -> Piece | None:
        pieces = self._pieces()
        while True:
            self._changed.clear()
            left = reserve()
            piece = pieces.take(left, room=max(0.0, self._options.ahead - left), flush=self._overdue(left))
            if piece is not None or (self.complete and not pieces.waiting):
                self._taken.set()
                return piece
            await self._change(left)

    def _overdue(self, left: float) -> bool:
        """Whether the text has paused in mid-sentence while little is ``left`` to be heard."""
        return left < LITTLE and asyncio.get_running_loop().time() - self._changed_at >= self._options.patience

    async def _only_piece(self) -> Piece | None:
        while not self.complete:
            await self._changed.wait()
            self._changed.clear()
        if self._taken.is_set():
            return None
        self._taken.set()
        return self._all()

    @property
    def only(self) -> Piece | None:
        """The only piece of a text that is all there; None where there may be others."""
        return self._all() if self._whole and self.complete else None

    def _all(self) -> Piece:
        from ...text.piece import Piece

        if self._replaced is not None:
            return self._replaced
        if self.text.isprintable():  # mostly, and this is faster than loading what looks closer
            return Piece(self.text, 0, self._length)
        from ...text.plain import without_controls

        return without_controls(self.text)

    async def _change(self, left: float) -> None:
        """Wait for more text, or until so little is ``left`` to be heard that the decision may change."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._until_look(left)):
                await self._changed.wait()

    def _until_look(self, left: float) -> float | None:
        """Seconds until the next check if no text arrives; None for never."""
        if not self._waiting:
            return None
        still, self._left = left == self._left, left
        due = self._changed_at + self._options.patience - asyncio.get_running_loop().time() + LEAST_LOOK
        patient = due if due > 0 and left < LITTLE else None
        if left <= 0:
            return patient
        # `Segmenter.take` decides in steps of LOOK_SECONDS; while nothing is heard, checks are rarer.
        self._looks = min(self._looks * 2, MOST_LOOK) if still else left % LOOK_SECONDS + LEAST_LOOK
        return self._looks if patient is None else min(self._looks, patient)


def _cancelled_from_outside() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
