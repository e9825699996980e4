"""What is said on one socket of a service: contexts, the pieces in them, and who gets what comes. No socket, no clock.

Times are seconds on the clock of whoever calls. What a method returns is to be sent, in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from ...errors import OggStreamError, SourceBrokenError
from ..services.templates import fill
from .contexts import Context, Speech
from .reading import Told, read

if TYPE_CHECKING:
    from ..http.redaction import Secrets
    from ..services.socket_table import Socket
    from .handshake import Advise
    from .refusals import Refusals
    from .sound import Sound
    from .spoken_piece import SpokenPiece

Message = dict[str, Any]

QUIET_SECONDS = 3.0
"""Seconds without a message in mid-piece after which the service is asked to end the context, and then taken to have
ended it.
"""
CANCEL_SECONDS = 1.5
"""Seconds in which a service must say that it has cancelled; otherwise the connection is not used any more."""
_NOTHING = Told()


class SocketProtocol:
    """The contexts of one connection.

    ``dropped`` counts what came for no context, such as late audio of a cancelled one. ``spent``: the connection is of
    no use for another context.
    """

    def __init__(
        self, socket: Socket, place: str, secrets: Secrets, advise: Advise, sound: Callable[[], Sound]
    ) -> None:
        self.failure: OggStreamError | None = None
        self.retry_headers: Mapping[str, str] | None = None
        self.is_greeted = not socket.greeting
        self.is_ready = not socket.ready
        self.dropped = 0
        self.spent = False
        self._socket = socket
        self._place = place
        self._secrets = secrets
        self._advise = advise
        self._sound = sound
        self._speeches: list[Speech] = []  # those that may ask for more, or wait for something
        self._contexts: dict[str, Context] = {}
        self._clearing: list[
            float
        ] = []  # until when each cancellation, or end, must be confirmed; contexts without names
        self._sent_at = 0.0
        self.now = 0.0

    @property
    def idle(self) -> bool:
        """Whether no piece is awaited."""
        return not any(context.pieces for context in self._contexts.values())

    @property
    def free(self) -> bool:
        """Whether there is room for another speech."""
        room = 1 if self._socket.pieces == "contexts" else self._socket.contexts
        return self.usable and len(self._speeches) < room

    @property
    def usable(self) -> bool:
        """Whether pieces may be asked for."""
        return not self.spent and self.failure is None

    def enter(self, speech: Speech) -> None:
        """Keep room for ``speech``, until it is left or complete."""
        self._speeches.append(speech)

    def ask(self, speech: Speech, piece: SpokenPiece) -> list[Message]:
        """Have ``piece`` spoken in the context of ``speech``."""
        if self.failure is not None:
            piece.fail(SourceBrokenError(str(self.failure)))
            return []
        socket, context = self._socket, speech.context
        messages: list[Message] = []
        if context is None or context.ended or context.name not in self._contexts:
            context = speech.context = self._new(speech)
            messages += self._filled(socket.begin, context)
        waits = socket.in_turn and bool(context.pieces)
        context.add(piece, waits=waits)
        self._sent_at = self.now
        return messages if waits else messages + self._spoken(context, piece)

    def _spoken(self, context: Context, piece: SpokenPiece) -> list[Message]:
        """The messages that have ``piece`` spoken."""
        alone = self._socket.pieces == "contexts"
        messages = self._filled(self._socket.text, context, text=piece.text)
        if not alone:
            messages += self._filled(self._socket.flush, context)
        if alone or (context.speech.finished and not context.unsent):
            messages += self._end(context)
        return messages

    def _next(self, context: Context) -> list[Message]:
        """The messages for the piece whose turn it is."""
        if not context.unsent or len(context.pieces) > len(context.unsent):
            return []
        return self._spoken(context, context.unsent.popleft())

    def finish(self, speech: Speech) -> list[Message]:
        """No more pieces will be asked for in ``speech``."""
        speech.finished = True
        context = speech.context
        if self.failure is not None or context is None or context.ended or context.name not in self._contexts:
            return []
        return [] if context.unsent else self._end(context)

    def leave(self, speech: Speech) -> list[Message]:
        """End the contexts of ``speech``. Those with pieces under way are cancelled: what still comes is dropped."""
        messages: list[Message] = []
        self._speeches = [other for other in self._speeches if other is not speech]
        for context in [context for context in self._contexts.values() if context.speech is speech]:
            del self._contexts[context.name]
            if self.failure is not None:
                continue
            if context.pieces:
                messages += self._cancel(context)
            else:
                messages += self._leave_complete(context)
            context.fail(SourceBrokenError(f"the context at {self._place} was left; try again"))
        speech.context = None
        self._sent_at = self.now if messages else self._sent_at
        return messages

    def _leave_complete(self, context: Context) -> list[Message]:
        """End a context whose pieces are complete. What still comes of it must not be taken for the next one's."""
        messages = [] if context.ended else self._filled(self._socket.end, context)
        if (messages or context.ended) and self._socket.done and not self._socket.named:
            self._clearing.append(self.now + CANCEL_SECONDS)
        return messages

    def receive(self, event: object) -> list[Message]:
        """Take a message of the service."""
        try:
            told = read(self._socket, event)
        except ValueError as error:
            self.malformed(str(error))
            return []
        self.is_greeted = self.is_greeted or told.greeted
        self.is_ready = self.is_ready or told.ready
        if told.error:
            self._refused(told, event)
        elif (told.cancelled or told.done) and self._clearing:
            self._clearing.pop(0)
        elif told != _NOTHING:
            return self._hear(told)
        return []

    def receive_binary(self, data: bytes) -> list[Message]:
        """Take a binary message, which is audio or a mistake."""
        if self._socket.coding != "binary":
            self.malformed(f"{len(data)} bytes of binary data where messages of text are promised")
        else:
            return self._hear(_NOTHING._replace(audio=data))
        return []

    def due(self) -> list[Message]:
        """What the passing of time asks for: see `next_due`."""
        if self._clearing and self._clearing[0] <= self.now:
            self.fail(SourceBrokenError(f"{self._place} does not say that it has cancelled; try again"), {})
            return []
        messages: list[Message] = []
        for context in list(self._contexts.values()):
            context.end_late(self.now)
            self._forget_if_over(context)
            if context.quiet_since is not None and context.quiet_since + QUIET_SECONDS <= self.now:
                messages += self._quiet(context)
        if self._alive_at is not None and self._alive_at <= self.now:
            self._sent_at = self.now
            messages += self._keep_alive()
        return messages

    @property
    def next_due(self) -> float | None:
        """When `due` is to be called; None for not at all."""
        quiet = (context.quiet_since for context in self._contexts.values())
        times = [since + QUIET_SECONDS for since in quiet if since is not None]
        times += [until for context in self._contexts.values() for _, until in context.late]
        times += self._clearing[:1] + ([] if self._alive_at is None else [self._alive_at])
        return min(times, default=None)

    def connection_lost(self, code: int | None, reason: str) -> None:
        """The connection was closed, with ``code`` and ``reason`` (RFC 6455 section 7.1.5 and 7.1.6), if any."""
        error = self._refusals.closed(code, reason)
        self.fail(error, {} if isinstance(error, SourceBrokenError) else None)

    def malformed(self, what: str) -> None:
        """The service sent something that cannot be read, so that nothing else can be trusted."""
        self.fail(self._refusals.malformed(what))

    def fail(self, error: OggStreamError, retry_headers: Mapping[str, str] | None = None) -> None:
        """End all pieces with ``error``; those that sound break off."""
        if self.failure is None:
            self.failure, self.retry_headers = error, retry_headers
        for context in self._contexts.values():
            context.fail(error, broken=self._broken_off)
        self._contexts.clear()
        self._clearing.clear()

    @property
    def _refusals(self) -> Refusals:
        from .refusals import Refusals

        return Refusals(self._socket, self._place, self._secrets, self._advise)

    def _broken_off(self, error: OggStreamError) -> OggStreamError:
        """The error of a piece that sounds already."""
        if isinstance(error, SourceBrokenError):
            return error
        return SourceBrokenError(f"{self._place} broke off in mid-speech: {error}")

    def _new(self, speech: Speech) -> Context:
        name = uuid4().hex
        context = self._contexts[name] = Context(name, speech, self._sound(), self._socket)
        return context

    def _filled(self, templates: Any, context: Context, **own: str) -> list[Message]:
        fields = {**context.speech.fields, "context": context.name, **own}
        return [fill(template, fields) or {} for template in templates]

    def _end(self, context: Context) -> list[Message]:
        messages = self._filled(self._socket.end, context)
        context.ended = bool(messages) or self._socket.pieces == "contexts"
        self._forget_if_over(context)
        return messages

    def _forget_if_over(self, context: Context) -> None:
        """Make room where nothing more is asked for or expected: a context that was ended is told to be done."""
        told = context.ended and bool(self._socket.done)
        if context.speech.finished and not context.pieces and not context.late and not told:
            self._contexts.pop(context.name, None)
            self._speeches = [speech for speech in self._speeches if speech is not context.speech]

    def _cancel(self, context: Context) -> list[Message]:
        messages = self._filled(self._socket.cancel, context)
        if not self._socket.named:
            if messages and self._socket.cancelled:
                self._clearing.append(self.now + CANCEL_SECONDS)
            else:
                self.spent = True  # what still comes cannot be told from what is asked for next
        return messages

    def _hear(self, told: Told) -> list[Message]:
        context = self._context_of(told)
        if context is None:
            self.dropped += told.audio is not None
            return []
        context.heard(told, self.now)
        if context.unread:
            self.fail(self._refusals.malformed("more speech than can be kept ahead of what is heard"))
        elif told.done:
            context.complete()
            context.ended = False
            self._forget_if_over(context)
            self._contexts.pop(context.name, None)
        else:
            self._forget_if_over(context)
            return self._next(context)
        return []

    def _context_of(self, told: Told) -> Context | None:
        """The context that a message is of: the one that it names, or the only one."""
        if told.context is not None:
            return self._contexts.get(told.context)
        if self._clearing or len(self._contexts) != 1:
            return None
        return next(iter(self._contexts.values()))

    def _refused(self, told: Told, event: object) -> None:
        error = self._refusals.refusal(event)
        context = self._contexts.pop(told.context, None) if told.context is not None else None
        if context is not None:
            context.fail(error, broken=self._broken_off)
        elif told.context is None:
            self.fail(error, {} if isinstance(error, SourceBrokenError) else None)

    def _quiet(self, context: Context) -> list[Message]:
        """The service has said nothing for long in mid-piece: have it end the context, or take it as ended."""
        context.quiet_since = self.now
        if not context.ended and self._socket.end:
            return self._end(context)
        context.end_quiet()
        return []

    @property
    def _alive_at(self) -> float | None:
        if not self._socket.alive or self.failure is not None:
            return None
        return self._sent_at + self._socket.alive_seconds

    def _keep_alive(self) -> list[Message]:
        """A message for each context where it names one, else one for the connection."""
        contexts = list(self._contexts.values())
        if self._socket.alive_names_a_context:
            return [message for context in contexts for message in self._filled(self._socket.alive, context)]
        return [dict(message) for message in self._socket.alive]
