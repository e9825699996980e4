"""A telephone call as a sink: the media stream of Twilio, Telnyx or Plivo."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ...audio.mulaw import to_mulaw
from ...body.media import MediaType
from ...body.samples import Framer
from ...errors import DeviceError
from ...threads import imported
from ..sink import Closing, SinkFormat, SinkTraits
from .messages import Began, HungUp, MediaStream, Other, Played, Sound
from .playing import RATE, Line, Playing
from .text_socket import TextSocket

if TYPE_CHECKING:
    from ...audio.frame import PcmFrame
    from ...audio.ring import PcmRing

BEGIN_SECONDS = 10.0
"""Longest wait for the stream's first message."""
SEND_SECONDS = 10.0
"""Longest wait until the carrier takes a message."""
CLEAR_SECONDS = 1.0
"""Longest wait for that of one that ends what is played, before the sink closes."""
MARK_SECONDS = 2.0
"""Longest wait for the last mark, after the sound should have been heard."""
HANG_UP = "the call has ended: the other side hung up"
HEARD_FRAMES = 500
"""Of the caller's sound, 10 s, that wait for whoever listens; of more, the oldest are dropped and counted."""


class MediaStreamSink(Closing):
    """Speaks into a telephone call, over the WebSocket that Twilio, Telnyx or Plivo opened for it.

    ``websocket`` is one that was accepted, of aiohttp, FastAPI (Starlette), ``websockets`` or Quart; its owner closes
    it. Nobody else may receive from it. Which carrier it is, its first message says. ``on_message`` gets the messages
    that are neither sound nor marks, as `dict`: the start, and keys that are pressed.

    Sound is sent as mu-law at 8 kHz, 20 ms a message, at most 0.16 s ahead. When a speech is stopped, the carrier is
    told to forget what it has not played, and what its marks had not said to be played by then counts as not heard.
    `incoming` is what the caller says. When the call ends, the speech raises `DeviceError`.
    """

    traits = SinkTraits(name="telephone")

    def __init__(self, websocket: Any, *, on_message: Callable[[dict[str, Any]], object] | None = None) -> None:
        self.incoming_lost = 0
        """Frames of the caller's sound that nobody took in time."""
        self._socket = TextSocket(websocket)
        self._on_message = on_message
        self._stream = MediaStream()
        self._line = Line()
        self._playings: list[Playing] = []  # not heard to their ends; the last one is the one that is sent
        self._outbox: deque[str] = deque()  # a frame, and its mark
        self._clears = False  # the carrier is to forget what it has
        self._tasks: list[asyncio.Task[None]] = []
        self._due = asyncio.Event()  # there may be something to send
        self._news = asyncio.Event()  # something came: whoever waits looks at what it waits for
        self._began: Began | None = None
        self._ended = ""  # why
        self._framer: Framer | None = None
        self._heard: deque[PcmFrame] = deque()

    async def prepare(self) -> SinkFormat:
        """Wait until the carrier has begun the stream. Raises `DeviceError`."""
        await imported("numpy")
        self._open()
        try:
            async with asyncio.timeout(BEGIN_SECONDS):
                await self._until(lambda: self._began is not None)
        except TimeoutError as error:
            raise DeviceError(
                f"no media stream began within {BEGIN_SECONDS:g} s: a carrier's first message is `start`"
            ) from error
        return SinkFormat(1, RATE)

    @property
    def damaged(self) -> int:
        """Messages that could not be understood, and were passed over."""
        return self._stream.damaged

    def start(self, ring: PcmRing) -> None:
        """Send what ``ring`` holds and will hold, behind what was sent before. Raises `DeviceError`."""
        self.check()
        if self._began is None:
            raise DeviceError("the media stream has not begun: await prepare() first")
        if (ring.channels, ring.rate) != (1, RATE):
            raise DeviceError(f"a ring for a telephone has 1 channel at {RATE} Hz")
        if any(not playing.ring.done for playing in self._playings):
            self.abort()
        self._playings = [*(playing for playing in self._playings if not playing.heard_all), Playing(ring, self._line)]
        ring.on_write = self._due.set
        self._due.set()

    async def drain(self) -> None:
        """Return when the caller has heard the last sample, as far as marks tell. Raises `DeviceError`."""
        if not self._playings:
            return
        playing = self._playings[-1]
        await self._until(lambda: playing.ring.done)
        late = self._line.until - self._now() + self._line.delay + MARK_SECONDS
        with suppress(TimeoutError):
            async with asyncio.timeout(late):
                await self._until(lambda: playing.heard_all)

    def check(self) -> None:
        """Raise `DeviceError` when the call has ended."""
        if self._ended:
            raise DeviceError(self._ended)

    def abort(self) -> None:
        """Let the carrier forget what it has not played, and the ring what was not heard."""
        playings, self._playings = self._playings, []
        for playing in playings:
            playing.ring.on_write = None
            if not playing.heard_all:
                self._clears = self._clears or playing.begun
                playing.cut(self._now())
        self._outbox.clear()
        self._due.set()
        self._news.set()

    async def aclose(self) -> None:
        """Stop what is played. The WebSocket stays open: its owner closes it."""
        self.abort()
        with suppress(TimeoutError, DeviceError):
            async with asyncio.timeout(CLEAR_SECONDS):
                await self._until(lambda: not self._clears)
        self._end("the call is closed")
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def incoming(self) -> AsyncIterator[PcmFrame]:
        """What the caller says, as it comes, until the call ends: mono, mostly 20 ms at 8 kHz. For one listener.

        Raises `DeviceError` when no stream begins, or its encoding is unknown.
        """
        await self.prepare()
        if self._framer is None:
            assert self._began is not None
            raise DeviceError(f"the caller's sound comes as {self._began.encoding!r}: let the carrier send mu-law")
        while self._heard or not self._ended:
            while self._heard:
                yield self._heard.popleft()
            with suppress(DeviceError):
                await self._until(lambda: bool(self._heard))

    # What is sent.

    async def _send(self) -> None:
        """Send what is due, until the call ends."""
        try:
            while not self._ended:
                self._due.clear()
                while (text := self._next()) is not None:
                    async with asyncio.timeout(SEND_SECONDS):
                        await self._socket.send(text)
                self._news.set()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._wait()):
                        await self._due.wait()
        except TimeoutError:
            self._end(f"the call has ended: the carrier took nothing for {SEND_SECONDS:g} s")
        except ConnectionError:
            self._end(HANG_UP)

    def _next(self) -> str | None:
        """The next message that is due."""
        if self._clears:
            self._clears = False
            return self._stream.clear()
        if not self._outbox:
            now = self._now()
            frame = next((frame for playing in self._playings if (frame := playing.due(now)) is not None), None)
            if frame is None:
                return None
            if frame.samples:
                self._outbox.append(self._stream.play(to_mulaw(frame.samples)))
            if frame.mark is not None:
                self._outbox.append(self._stream.mark(frame.mark))
        return self._outbox.popleft()

    def _wait(self) -> float | None:
        """Seconds until something is due; None: until something changes."""
        now = self._now()
        return min((wait for playing in self._playings if (wait := playing.wait(now)) is not None), default=None)

    # What comes.

    async def _receive(self) -> None:
        """Take what comes, until the call ends."""
        while not self._ended:
            text = await self._socket.receive()
            if text is None:
                self._end(HANG_UP)
            else:
                self._take(text)
                self._news.set()

    def _take(self, text: str) -> None:
        message = self._stream.read(text)
        if isinstance(message, Began):
            self._begin(message)
        elif isinstance(message, Sound):
            self._hear(message.data)
        elif isinstance(message, Played):
            for playing in self._playings:
                playing.played(message.mark, self._now())
        elif isinstance(message, HungUp):
            self._end(HANG_UP)
        if isinstance(message, Began | Other) and self._on_message is not None:
            asyncio.get_running_loop().call_soon(self._on_message, message.message)

    def _begin(self, began: Began) -> None:
        self._began = began
        form = MediaType.parse(began.encoding).form
        self._framer = Framer(form, 1, began.rate) if form is not None else None

    def _hear(self, data: bytes) -> None:
        if self._framer is None:
            return
        self._heard += self._framer.feed(data)
        while len(self._heard) > HEARD_FRAMES:
            self._heard.popleft()
            self.incoming_lost += 1

    # The call.

    def _open(self) -> None:
        """Begin to send and to receive, once."""
        self.check()
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._receive()), loop.create_task(self._send())]

    def _end(self, why: str) -> None:
        self._ended = self._ended or why
        self._due.set()
        self._news.set()

    async def _until(self, is_so: Callable[[], bool]) -> None:
        """Return when ``is_so``, which something that is sent or comes may bring about. Raises `DeviceError`."""
        while not is_so():
            self.check()
            self._news.clear()
            await self._news.wait()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
