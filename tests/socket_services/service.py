"""What the services share: connections, work in order, audio at a pace, faults, and a record of it all."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import WSCloseCode, WSMsgType, web

from .speaking import RATE, Speech, SpokenWord, speak

Event = dict[str, Any]
Words = tuple[SpokenWord, ...]
Twist = Callable[[Words], Words]
KEY = "k-5f1e9c0b7a2d4863"
CHUNK = 0.1
STRANGER = "somebody-elses"
"""The context of audio that nobody asked for."""


def out_of_order(words: Words) -> Words:
    return words[::-1]


def beyond_the_audio(words: Words) -> Words:
    return tuple(SpokenWord(word.text, word.start + 1000, word.end + 1000) for word in words)


def in_other_units(words: Words) -> Words:
    return tuple(SpokenWord(word.text, word.start * 1000, word.end * 1000) for word in words)


def spelt_otherwise(words: Words) -> Words:
    return tuple(SpokenWord(word.text.upper().strip(".,!?"), word.start, word.end) for word in words)


def left_out(words: Words) -> Words:
    return ()


@dataclass
class Faults:
    """What goes wrong; may be changed at any time.

    ``close`` the connection with a code and a reason, tell an ``error`` in the service's own words, ``hang`` (say
    nothing more), or ``drop`` the line without a word: all of them instead of an utterance's audio message number
    ``after``, counted from 0. ``never_done``: what follows an utterance's audio never comes. ``swapped``: audio comes
    as a binary message where text is promised, and the other way round. ``stray``: all that is said to a context is
    said to `STRANGER` first. ``words`` are what is told of the words that are spoken (`out_of_order` and the others).
    """

    close: tuple[int, str] | None = None
    error: str | None = None
    hang: bool = False
    drop: bool = False
    after: int = 0
    never_done: bool = False
    swapped: bool = False
    stray: bool = False
    words: Twist = field(default=lambda words: words)


class EndedError(Exception):
    """A fault has ended this work."""


class Talk:
    """One connection, as the service sees it. ``state`` is the service's own.

    ``received`` and ``sent`` are messages, each with its time of the loop; of binary ones ``sent`` has the bytes.
    """

    def __init__(self, service: SocketService, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.service = service
        self._request = request
        self.path = request.path
        self.query: Mapping[str, str] = dict(request.query)
        self.headers: Mapping[str, str] = dict(request.headers)
        self.socket = socket
        self.state: dict[str, Any] = {}
        self.received: list[tuple[float, Event]] = []
        self.sent: list[tuple[float, Event | bytes]] = []
        self._work: dict[str, list[asyncio.Task[None]]] = {}  # of each context, in order

    @property
    def context(self) -> str:
        """The context for which the running work is (see `then`)."""
        return ((task := asyncio.current_task()) and task.get_name()) or ""

    async def send(self, event: Event | bytes) -> None:
        """A message: JSON, or binary."""
        if self.service.faults.stray and (stray := _renamed(event, self.context)) != event:
            await self._put(stray)
        await self._put(event)

    async def _put(self, event: Event | bytes) -> None:
        self.sent.append((_now(), event))
        with suppress(ConnectionError):  # the client has gone; the reading loop ends with that
            if isinstance(event, bytes):
                await self.socket.send_bytes(event)
            else:
                await self.socket.send_str(json.dumps(event))

    async def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        await self.socket.close(code=code, message=reason.encode(), drain=True)

    def then(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        """Do ``work`` behind all other work of the context ``name``."""
        before = [work for work in self._work.get(name, ()) if not work.done()]

        async def in_turn() -> None:
            if before:
                await asyncio.wait(before)
            with suppress(EndedError):
                await work

        task = asyncio.create_task(in_turn(), name=name)
        self._work[name] = [*before, task]
        task.add_done_callback(lambda _: work.close())  # it may never have begun
        self.service._tasks.add(task)

    def busy(self, name: str) -> bool:
        """Whether work of the context ``name`` is not done."""
        return not all(work.done() for work in self._work.get(name, ()))

    def cancel(self, name: str) -> None:
        """Drop all work of the context ``name``."""
        self.service.note_cancel(name)
        for work in self._work.pop(name, ()):
            work.cancel()

    async def paced(
        self, speech: Speech, told: Sequence[SpokenWord] | None = None
    ) -> AsyncIterator[tuple[bytes, list[SpokenWord]]]:
        """The audio in messages of `SocketService.chunk` seconds at its pace, each with what begins in it of ``told``.

        ``told`` (None: the words) counts from the start of ``speech``. What a fault ends never comes back from here.
        """
        service = self.service
        size = 2 * max(1, int(service.chunk * speech.rate))
        await asyncio.sleep(service.delay)
        begun = _now()
        for begin in range(0, len(speech.pcm), size):
            await self._fail(begin // size)
            first, last = (at / 2 / speech.rate for at in (begin, begin + size))
            await asyncio.sleep(begun + first / service.pace - _now())
            if begin == 0:
                service.began.append((_now(), self.context))
            sound = speech.pcm[begin : begin + size]
            if service.faults.swapped:
                await self._put({"audio": b64encode(sound).decode()} if service.binary else sound)
            else:
                begins = [word for word in (told or speech.words) if _begins(word, first, last, speech)]
                yield sound, begins
        if service.faults.never_done:
            await asyncio.Event().wait()

    async def _fail(self, number: int) -> None:
        """Do what goes wrong in place of audio message ``number``."""
        faults = self.service.faults
        if number != faults.after:
            return
        if faults.hang:
            await asyncio.Event().wait()
        if faults.error is not None:
            await self.service.tell_error(self, self.context, faults.error)
            raise EndedError
        if faults.close is not None:
            await self.close(*faults.close)
            raise EndedError
        if faults.drop:
            assert self._request.transport is not None
            self._request.transport.abort()
            raise EndedError

    def end(self) -> None:
        """Drop all work: the connection has ended."""
        for name in self._work:
            for work in self._work[name]:
                work.cancel()

    async def rest(self) -> None:
        """Wait for all work that there is now, but that which asks."""
        others = {work for works in self._work.values() for work in works} - {asyncio.current_task()}
        if others:
            await asyncio.wait(others)


class SocketService:
    """One service. A subclass gives its shape: `received` at least.

    ``pace``: how many times faster than it plays audio is made; ``delay`` in seconds before the first audio of each
    utterance; ``chunk``: seconds of audio in a message. ``url`` is its address, "ws://...", without a path.
    Records: ``handshakes``; ``talks``: all connections, ``open`` ones by number; ``said``: each utterance and the true
    times of its words; ``began``: when the first audio of each left, and ``cancelled``: when which context was.
    """

    path = "/"
    binary = False
    """Whether audio is in binary messages."""

    def __init__(
        self, *, key: str = KEY, pace: float = math.inf, delay: float = 0.0, chunk: float = CHUNK, **faults: Any
    ) -> None:
        self.key = key
        self.pace = pace
        self.delay = delay
        self.chunk = chunk
        self.faults = Faults(**faults)
        self.url = ""
        self.handshakes = 0
        self.open = 0
        self.talks: list[Talk] = []
        self.said: list[Speech] = []
        self.began: list[tuple[float, str]] = []
        self.cancelled: list[tuple[float, str]] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def speak(self, text: str, rate: int = RATE) -> Speech:
        """The speech of ``text``, with its words as they are to be told; ``said`` has the true ones."""
        self.said.append(speak(text, rate))
        return dataclasses.replace(self.said[-1], words=self.faults.words(self.said[-1].words))

    def note_cancel(self, name: str) -> None:
        """The context ``name`` is cancelled; what becomes of its work the service decides (`Talk.cancel` drops it)."""
        self.cancelled.append((_now(), name))

    def refusal(self, request: web.Request) -> web.StreamResponse | None:
        """The answer to a request that is refused (its path, its key), None for one that is not."""
        return None

    async def opened(self, talk: Talk) -> None:
        """A connection is there."""

    async def received(self, talk: Talk, event: Event) -> None:
        """A message of the client's."""
        raise NotImplementedError

    async def tell_error(self, talk: Talk, name: str, message: str) -> None:
        """Say in the service's way that something went wrong in the context ``name``."""
        raise NotImplementedError

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """The answer to a request that is for no socket."""
        return web.Response(status=404)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if (refused := self.refusal(request)) is not None:
            return refused
        if "Upgrade" not in request.headers:
            return await self.answer(request)
        self.handshakes += 1
        socket = web.WebSocketResponse(timeout=0.2)
        await socket.prepare(request)
        talk = Talk(self, request, socket)
        self.talks.append(talk)
        self.open += 1
        try:
            await self._listen(talk)
        finally:
            self.open -= 1
            talk.end()
        return socket

    async def _listen(self, talk: Talk) -> None:
        await self.opened(talk)
        async for message in talk.socket:
            if message.type is WSMsgType.TEXT:
                event = json.loads(message.data)
                talk.received.append((_now(), event))
                await self.received(talk, event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Self]:
        """The service at its ``url``, until the end of the block."""
        application = web.Application()
        application.router.add_route("*", "/{any:.*}", self._handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"ws://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()
            ends = await asyncio.gather(*self._tasks, return_exceptions=True)
            for fault in ends:
                if isinstance(fault, Exception):  # of the stand-in's own
                    raise fault


def _now() -> float:
    return asyncio.get_running_loop().time()


def _begins(word: SpokenWord, first: float, last: float, speech: Speech) -> bool:
    """Whether ``word`` is told with the audio from ``first`` to ``last``: the last message has all that is left."""
    return first <= word.start < last or (last >= speech.seconds and word.start >= last)


def _renamed(value: Any, name: str) -> Any:
    """``value`` with `STRANGER` wherever it has ``name``."""
    if isinstance(value, dict):
        return {key: _renamed(each, name) for key, each in value.items()}
    if isinstance(value, list):
        return [_renamed(each, name) for each in value]
    return STRANGER if name and value == name else value
