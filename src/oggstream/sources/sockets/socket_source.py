"""Speech services by description over their WebSockets: one source for all, one context for each speech."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from ... import events
from ...errors import OggStreamError, SourceBrokenError, SourceTimeoutError, UsageError
from ...options import SpeechOptions
from ..asking import asking
from ..http.client import delay_after
from ..hurry import hurried
from ..openai_api import check_text
from ..services.places import as_query, check_fields, check_path, in_url
from ..services.service_source import ServiceSource
from ..services.table import Service, service as described
from ..services.templates import fill, fill_text
from .contexts import Speech
from .handshake import Handshake
from .protocol import SocketProtocol
from .service_connection import ServiceConnection
from .service_pool import ServicePool
from .socket_stream import Address, SocketStream, sound_of
from .spoken_piece import SpokenPiece

if TYPE_CHECKING:
    from ssl import SSLContext

    from ...voice.engine import VoiceInfo
    from ..services.socket_table import Socket
    from ..source import ByteStream, Source
    from ..traits import SourceTraits


class SocketSource(ServiceSource):
    """Speech from ``service``, a `Service` with a ``socket`` or the name of one, over its WebSocket.

    A speech is one context of the service (`context`): its pieces are flushed into it one after the other, and the next
    speech uses the same connection, where the service allows that. The settings are those of `ServiceSource`.
    Connections stay open until `aclose`. Raises `UsageError` for a service without a socket.
    """

    def __init__(
        self,
        service: Service | str,
        *,
        max_retries: int = 2,
        connect_timeout: float = 5.0,
        trust_env: bool = True,
        ssl_context: SSLContext | None = None,
        **settings: Any,
    ) -> None:
        given = described(service) if isinstance(service, str) else service
        settings |= {"max_retries": max_retries, "connect_timeout": connect_timeout}
        settings |= {"trust_env": trust_env, "ssl_context": ssl_context}
        super().__init__(given.over_socket(), **settings)
        self._lists = partial(ServiceSource, given, **settings)
        self._socket = _socket_of(given)
        self._max_retries = max_retries
        self._connect_timeout = connect_timeout
        self._handshake = Handshake(
            self._url, {}, connect_timeout=connect_timeout, trust_env=trust_env, ssl_context=ssl_context
        )
        self._handshake.secrets.include(self._client.secrets)
        self._pools: dict[asyncio.AbstractEventLoop, ServicePool] = {}

    def __repr__(self) -> str:
        return f"SocketSource({self._service.name!r}, base_url={self._handshake.shown!r})"

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask for ``text`` in a context of its own. Raises as `ServiceSource`; leaving early cancels."""
        return self._alone(text, options)

    @asynccontextmanager
    async def _alone(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        async with self._context(alone=True) as context, context.open(text, options) as stream:
            yield stream

    def context(self, options: SpeechOptions) -> AbstractAsyncContextManager[Source]:  # noqa: ARG002  # of each piece
        """A context for one speech. Its connection is opened with the first piece."""
        return self._context()

    @asynccontextmanager
    async def _context(self, *, alone: bool = False) -> AsyncIterator[SocketContext]:
        context = SocketContext(self, alone=alone)
        try:
            yield context
        finally:
            await context.leave()

    def spare(self) -> None:
        """A piece is not asked for twice: it waits for those before it in the context."""
        return

    @property
    def traits(self) -> SourceTraits:
        """What its entry in the table says."""
        from dataclasses import replace

        limit = self._socket.contexts if self._socket.pieces == "contexts" else None
        requests = min((number for number in (limit, self._service.requests) if number), default=None)
        return replace(
            super().traits,
            samples_known=False,  # one format for all pieces of a context
            requests=requests,
            words=bool(self._socket.words),
            keeps_context=True,
            first_cut=self._socket.cut,
        )

    async def voices(self) -> list[VoiceInfo]:
        """The voices that the service lists over HTTP. Raises as `ServiceSource`."""
        lists = self._lists()
        try:
            return await lists.voices()
        finally:
            await lists.aclose()

    async def warm(self) -> None:
        """Open a connection ahead of the first text. Never fails."""
        with suppress(OggStreamError, TimeoutError):
            await self._connection(self._address(SpeechOptions()), None)

    async def aclose(self) -> None:
        """Close the connections of the running loop. May be called twice; a later text opens new ones."""
        pool = self._pools.pop(asyncio.get_running_loop(), None)
        if pool is not None:
            await pool.aclose()
        await self._handshake.aclose()
        await super().aclose()

    def _address(self, options: SpeechOptions, text: str = "") -> Address:
        """Where ``text`` goes, and the fields of its messages. Raises as `open`."""
        chosen = self._format(options)
        fields = self._speech(text, options, chosen)
        check_fields(fields)
        self._check(fields)
        self._warn(options)
        service, socket = self._service, self._socket
        url = self._handshake.checked_url().rstrip("/")
        target = check_path(fill_text(service.path, fields, in_url)) + as_query(fill(service.query, fields) or {})
        headers = {name: str(value) for name, value in (fill(service.headers, fields) or {}).items()}
        opening = [fill(message, fields) or {} for message in socket.opening]
        key = json.dumps([chosen, target, headers, opening, fields.get("rate")], sort_keys=True, default=str)
        return Address(url + target, headers, opening, fields, chosen, key)

    async def _connection(self, address: Address, speech: Speech | None) -> ServiceConnection:
        """A connection with room for ``speech``. What may pass is tried again."""
        number = 0
        while True:
            asked = _Asked()
            try:
                return await self._pool().get(
                    address.key, speech, partial(self._connect, address, asked), fresh=asking().fresh
                )
            except OggStreamError as error:
                if asked.retry_headers is None or number >= self._max_retries or hurried():
                    raise
                delay, reason = delay_after(number, asked.retry_headers), str(error)
            events.emit(events.Retrying, delay=delay, reason=reason)
            await asyncio.sleep(delay)
            number += 1

    async def _connect(self, address: Address, asked: _Asked) -> ServiceConnection:
        handshake = self._handshake
        socket = await handshake.open(
            address.url, {**handshake.headers, **address.headers}, asked, self._advice_of_socket
        )
        protocol = SocketProtocol(
            self._socket, handshake.shown, handshake.secrets, self._advice_of_socket, partial(sound_of, address)
        )
        connection = ServiceConnection(socket, protocol, handshake.shown, self._socket, address.key)
        try:
            async with asyncio.timeout(self._connect_timeout):
                await connection.begin(address.opening)
        except BaseException as error:
            await connection.aclose()
            asked.retry_headers = protocol.retry_headers
            if isinstance(error, TimeoutError):
                waited = f"{handshake.shown} does not begin within {self._connect_timeout:g} s; try again"
                raise SourceTimeoutError(waited) from error
            raise
        return connection

    def _advice_of_socket(self, status: int, said: str) -> str | None:
        return self._advice(status, said)

    def _pool(self) -> ServicePool:
        """The pool of the running loop. Pools of closed loops are forgotten."""
        loop = asyncio.get_running_loop()
        if loop not in self._pools:
            self._pools = {other: pool for other, pool in self._pools.items() if not other.is_closed()}
            self._pools[loop] = ServicePool(self._handshake.shown)
        return self._pools[loop]


class SocketContext:
    """One speech: its pieces go to the same connection as long as they can. ``alone``: it has one piece."""

    def __init__(self, source: SocketSource, *, alone: bool = False) -> None:
        self._source = source
        self._alone = alone
        self._finished = alone
        self._connection: ServiceConnection | None = None
        self._speech: Speech | None = None
        self._placing = asyncio.Lock()
        self._left = False

    def open(self, text: str, options: SpeechOptions) -> AbstractAsyncContextManager[ByteStream]:
        """Ask for ``text`` behind what was asked before. Entering returns when it is sent.

        Raises as `SocketSource.open`. What fails later, the stream raises: `SourceBrokenError` where the connection or
        the context is lost. Leaving a stream that has not ended cancels the context.
        """
        return self._open(text, options)

    @asynccontextmanager
    async def _open(self, text: str, options: SpeechOptions) -> AsyncIterator[ByteStream]:
        source = self._source
        check_text(text, source._service.longest_text or len(text))  # noqa: SLF001  # a part of it
        address = source._address(options, text)  # noqa: SLF001
        piece = SpokenPiece(text)
        async with self._placing:  # the first piece opens the connection, the others wait for it
            connection, speech = await self._place(address)
        try:
            await connection.ask(speech, piece)
            events.emit(events.RequestSent, characters=len(text))
            yield SocketStream(piece, address, source._handshake.secrets)  # noqa: SLF001
        finally:
            if not piece.ended:
                await connection.leave(speech)

    async def finish(self) -> None:
        """No more pieces will be asked for. Never fails."""
        self._finished = True
        if self._connection is not None and self._speech is not None:
            await self._connection.finish(self._speech)

    async def leave(self) -> None:
        """Leave the context; what is asked for in it from now on is refused. Never fails."""
        self._left = True
        await self._leave()

    async def _leave(self) -> None:
        connection, speech, self._connection, self._speech = self._connection, self._speech, None, None
        if connection is not None and speech is not None:
            await connection.leave(speech)

    async def _place(self, address: Address) -> tuple[ServiceConnection, Speech]:
        """The connection and the speech for a piece: those of the pieces before it, if they can be used."""
        if self._connection is not None and (self._connection.key != address.key or not self._connection.usable):
            await self._leave()
        connection, speech = self._connection, self._speech
        if connection is None or speech is None:
            speech = Speech(address.fields)
            connection = await self._source._connection(address, speech)  # noqa: SLF001  # a part of it
            self._connection, self._speech = connection, speech
        if self._left:
            await self._leave()
            raise SourceBrokenError("the context was left while it was opened; try again")
        speech.fields = address.fields
        speech.finished = self._finished
        return connection, speech


class _Asked:
    """A handshake, and when to try once more after it failed."""

    retry_headers: Mapping[str, str] | None = None


def _socket_of(service: Service) -> Socket:
    if service.socket is None or isinstance(service.socket, Mapping):
        raise UsageError(f"{service.name} has no socket")
    return service.socket
