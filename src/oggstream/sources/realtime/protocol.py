"""The Realtime protocol of one connection: takes events of the service, returns events to send. No socket, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import OggStreamError, SourceBrokenError
from . import messages
from .dialect import Dialect, DialectChoice, dialect_of, is_about_session
from .messages import PIECE, Event, Setup, field, name_in
from .pending_response import MalformedAudio, PendingResponse

if TYPE_CHECKING:
    from ..http.redaction import Secrets
    from .failures import ServiceErrors

_EXPIRED = "session_expired"
_BUSY = "conversation_already_has_active_response"


class RealtimeProtocol:
    """Several responses at a time, told apart by the service's identifiers.

    The metadata of a response name the request that it answers. If a service leaves them out, a response answers the
    oldest request. ``place`` is the URL as it may be shown.
    """

    def __init__(self, place: str, secrets: Secrets, setup: Setup, dialect: Dialect | None = None) -> None:
        self.greeting: Dialect | None = None  # the dialect of the service's own description of the session
        self.is_set_up = False  # whether the service has answered the set-up
        self.failure: OggStreamError | None = None  # why the session cannot be used any more
        self.expires_at: float | None = None  # Unix time, if the service tells
        self._retry_headers: Mapping[str, str] | None = None  # after the failure, as in `PendingResponse`
        self._place = place
        self._secrets = secrets
        self._setup = setup
        self._coding = setup.coding  # as asked for, until the service tells
        self._dialects = DialectChoice(dialect or Dialect())
        self._asked: dict[str, PendingResponse] = {}  # by their own identifiers, oldest first
        self._created: dict[str, PendingResponse] = {}  # by the identifiers of their responses
        self._unwanted: set[str] = set()  # requests that were dropped before their response was created
        self._cancelled: deque[str] = deque(maxlen=16)  # responses that may still be active
        self._waiting: deque[PendingResponse] = deque()  # for a service that makes one response at a time
        self._reset: float | None = None  # seconds until the rate limits allow more, if one is used up
        self._last_error: Any = None  # one that names no request
        self._handlers: dict[str, Callable[[Event], list[Event]]] = {
            "session.created": self._on_session,
            "session.updated": self._on_session,
            "response.created": self._on_created,
            "response.output_audio.delta": self._on_audio,
            "response.audio.delta": self._on_audio,  # the beta's name, which others still use
            "response.output_audio_transcript.delta": self._on_transcript,
            "response.audio_transcript.delta": self._on_transcript,
            "response.output_audio_transcript.done": self._on_transcript,
            "response.audio_transcript.done": self._on_transcript,
            "response.done": self._on_done,
            "rate_limits.updated": self._on_limits,
            "error": self._on_error,
        }

    @property
    def idle(self) -> bool:
        """Whether no response is pending."""
        return not self._asked and not self._created

    @property
    def dialect(self) -> Dialect:
        """The dialect in use. It changes if the service refuses it."""
        return self._dialects.current

    def set_up(self, setup: Setup) -> Event:
        """The event that sets the session up."""
        self._setup = setup
        return messages.session_update(setup, self.dialect)

    def use(self, dialect: Dialect) -> None:
        """Use ``dialect`` from now on."""
        self._dialects = DialectChoice(dialect)

    def ask(self, pending: PendingResponse) -> list[Event]:
        """The events to send for ``pending``, which receives its audio from now on."""
        if self.failure is not None:
            pending.fail(self.failure, self._retry_headers, connection_lost=True)
            return []
        self._asked[pending.id] = pending
        return self._create(pending)

    def drop(self, pending: PendingResponse) -> list[Event]:
        """The events that cancel ``pending``. Audio of it that still comes is dropped."""
        if pending.response_id is not None and self._created.pop(pending.response_id, None) is not None:
            return self._cancel(pending, pending.response_id)
        if pending in self._waiting:
            self._waiting.remove(pending)
            del self._asked[pending.id]
        elif pending.id in self._asked:
            self._unwanted.add(pending.id)  # cancelled as soon as its response has an identifier
        return []

    def receive(self, event: object) -> list[Event]:
        """Take an event of the service, return the events to send. Unknown and malformed ones are ignored."""
        kind = field(event, "type")
        handler = self._handlers.get(kind) if isinstance(kind, str) else None
        return [] if handler is None or not isinstance(event, dict) else handler(event)

    def receive_binary(self, data: bytes) -> list[Event]:  # noqa: ARG002  # the protocol has no binary events
        """Take a binary message, which means nothing."""
        return []

    def connection_lost(self, code: int | None, reason: str) -> None:
        """The connection was closed, with ``code`` and ``reason`` (RFC 6455 section 7.1.5 and 7.1.6), if any."""
        said = self._last_error  # services say what is wrong before they close
        errors = self._errors
        failure = errors.closed(code, reason) if said is None else errors.refusal(said, reset=self._reset)
        self.fail(*failure)

    def malformed(self, what: str) -> None:
        """The service sent something that is no event, so that nothing else can be trusted: end the session."""
        self.fail(self._errors.malformed(what).error)

    def fail(self, error: OggStreamError, retry_headers: Mapping[str, str] | None = None) -> None:
        """End all responses: those without audio so far with ``error``, the others as broken off."""
        if self.failure is None:
            self.failure, self._retry_headers = error, retry_headers
        for pending in [*self._asked.values(), *self._created.values()]:
            if pending.has_audio:
                message = f"{self._place} broke off in mid-speech: {error}"
                pending.fail(SourceBrokenError(message, request_id=pending.request_id))
            else:
                pending.fail(error, retry_headers, connection_lost=True)
        for left in (self._asked, self._created, self._unwanted, self._waiting):
            left.clear()

    @property
    def _errors(self) -> ServiceErrors:
        from .failures import ServiceErrors

        return ServiceErrors(self._place, self._secrets)

    def _create(self, pending: PendingResponse) -> list[Event]:
        """The events that request it. In a conversation it may have to wait: one response is made at a time."""
        if self.dialect.in_conversation and self._busy_without(pending):
            self._waiting.append(pending)
            return []
        pending.dialect = self.dialect
        return messages.response_create(pending.id, pending.text, pending.style, self.dialect)

    def _cancel(self, pending: PendingResponse, response_id: str) -> list[Event]:
        self._cancelled.append(response_id)
        return [messages.response_cancel(response_id), *self._cleared(pending, None)]

    def _busy_without(self, pending: PendingResponse) -> bool:
        """Whether another response is under way, or was requested in the present dialect."""
        asked = [other for other in self._asked.values() if other is not pending and other not in self._waiting]
        return bool(self._created) or any(other.dialect == self.dialect for other in asked)

    def _create_next(self) -> list[Event]:
        return self._create(self._waiting.popleft()) if self._waiting else []

    def _on_session(self, event: Event) -> list[Event]:
        session = event.get("session")
        if isinstance(session, dict):
            self._coding = messages.coding_of(session) or self._coding
            self.greeting = self.greeting or dialect_of(session)
        expires = field(session, "expires_at")
        if isinstance(expires, (int, float)):
            self.expires_at = float(expires)
        self.is_set_up = self.is_set_up or event["type"] == "session.updated"
        return []

    def _on_created(self, event: Event) -> list[Event]:
        response = event.get("response")
        response_id = name_in(response, "id")
        pending = self._asked_for(response)
        if pending is None or response_id is None or response_id in self._created:  # told twice
            return []
        del self._asked[pending.id]
        self._last_error = None
        if pending.id in self._unwanted:
            self._unwanted.discard(pending.id)
            return self._cancel(pending, response_id)
        coding = messages.coding_of(response) or self._coding
        pending.created(response_id, coding)
        if not coding.playable:
            pending.fail(self._errors.unplayable(coding).error)
            return self._cancel(pending, response_id)
        self._created[response_id] = pending
        return []

    def _asked_for(self, response: object) -> PendingResponse | None:
        """The request that ``response`` answers."""
        name = field(response, "metadata", PIECE)
        if isinstance(name, str):
            return self._asked.get(name)
        return next((pending for pending in self._asked.values() if pending not in self._waiting), None)

    def _on_audio(self, event: Event) -> list[Event]:
        pending = self._speaking(event)
        if pending is None:
            return []
        try:
            pending.feed(event.get("delta"))
        except MalformedAudio as error:
            pending.fail(self._errors.malformed(str(error), request_id=pending.request_id).error)
            return self.drop(pending)
        return []

    def _on_transcript(self, event: Event) -> list[Event]:
        pending = self._speaking(event)
        if pending is not None:
            part = (name_in(event, "item_id") or "", str(event.get("content_index"))[:20])
            whole = event["type"].endswith(".done")
            pending.add_transcript(part, event.get("transcript" if whole else "delta"), whole=whole)
        return []

    def _speaking(self, event: Event) -> PendingResponse | None:
        """The response that an event belongs to: the one that it names, or the only one."""
        if event.get("response_id") is None and len(self._created) == 1:
            return next(iter(self._created.values()))
        return self._created.get(name_in(event, "response_id") or "")

    def _on_done(self, event: Event) -> list[Event]:
        response = event.get("response")
        name = name_in(response, "id") or ""
        pending = self._created.pop(name, None)
        if name in self._cancelled:
            self._cancelled.remove(name)
        if pending is None and isinstance(field(response, "metadata", PIECE), str):  # refused before it was created
            pending = self._asked_for(response)
            if pending is not None:
                del self._asked[pending.id]
                self._unwanted.discard(pending.id)
        answers = []
        if pending is not None:
            self._finish(pending, response)
            answers = self._cleared(pending, response)
        return answers + self._create_next()

    def _cleared(self, pending: PendingResponse, response: object) -> list[Event]:
        """The events that delete the items of ``pending`` from the conversation, if it used one."""
        if not pending.dialect.in_conversation:
            return []
        output = field(response, "output")
        spoken = [name_in(item, "id") for item in output[:2]] if isinstance(output, list) else []
        return [messages.item_delete(name) for name in [messages.item_name(pending.id), *spoken] if name]

    def _finish(self, pending: PendingResponse, response: object) -> None:
        if field(response, "status") in ("completed", None):
            pending.end()
        else:
            pending.fail(*self._errors.ended(response, reset=self._reset, request_id=pending.request_id))

    def _on_limits(self, event: Event) -> list[Event]:
        self._reset = messages.reset_seconds(event)
        return []

    def _on_error(self, event: Event) -> list[Event]:
        """Assign an error to the event that it names, or to the oldest request. Most leave the session intact."""
        error = event.get("error")
        code, cause = field(error, "code"), field(error, "event_id")
        if code == _EXPIRED:
            self._expire(error)
        elif cause == messages.SETTING_UP or (cause is None and not self.is_set_up and is_about_session(error)):
            return self._refuse_set_up(error)
        elif cause == messages.CANCELLING or str(code).startswith("response_cancel"):
            self._cancelled.clear()  # it had ended already
            return self._create_next()
        elif cause == messages.DELETING:
            pass  # there was no such item
        elif (pending := self._asked.get(cause) if isinstance(cause, str) else self._asked_for(None)) is not None:
            return self._refuse(pending, error, code)
        else:
            from .failures import bounded

            self._last_error = bounded(error)
        return []

    def _expire(self, error: Any) -> None:
        """A session lasts an hour: requests without audio so far are sent again at once, in a new session."""
        for pending in [*self._asked.values(), *self._created.values()]:
            pending.on_kept_connection = True
        self.fail(self._errors.refusal(error).error, {})

    def _refuse_set_up(self, error: Any) -> list[Event]:
        if self._dialects.change(self.dialect, error):
            return [messages.session_update(self._setup, self.dialect)]
        self.fail(*self._errors.refusal(error, advice=self._dialects.advice(error)))
        return []

    def _refuse(self, pending: PendingResponse, error: Any, code: object) -> list[Event]:
        if code == _BUSY and (self._created or self._cancelled) and pending.id not in self._unwanted:
            self._waiting.append(pending)
            return []
        if pending.id not in self._unwanted and self._dialects.change(pending.dialect, error):
            return self._create(pending)
        del self._asked[pending.id]
        self._unwanted.discard(pending.id)
        failure = self._errors.refusal(error, reset=self._reset, advice=self._dialects.advice(error))
        pending.fail(failure.error, {} if code == _BUSY else failure.retry_headers)
        return self._create_next()
