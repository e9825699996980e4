"""The Realtime API's side of one connection: events of the service in, what to answer out. No socket, no clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import FormatError, OggStreamError, SourceBrokenError
from .messages import (
    CANCELLING,
    PIECE,
    SETTING_UP,
    Coding,
    coding_of,
    field,
    response_cancel,
    response_create,
)
from .pending import Garbled, Piece

if TYPE_CHECKING:
    from ..http.redaction import Secrets
    from .refusals import Teller, Verdict

Event = dict[str, Any]
_EXPIRED = "session_expired"
_BUSY = "conversation_already_has_active_response"


class Dialogue:
    """Pieces asked for and under way, several at a time, told apart by the service's identifiers.

    A response is known by the piece that its metadata name, or, where a service leaves them out, as that of the piece
    asked for first. ``place`` is the URL as it may be shown; ``coding`` what was asked for, until the service tells.
    """

    def __init__(self, place: str, secrets: Secrets, coding: Coding) -> None:
        self.coding = coding
        self.set_up = False  # whether the service has answered the set-up
        self.failure: OggStreamError | None = None  # why the session is of no use any more
        self.expires_at: float | None = None  # Unix time, where the service tells
        self._again: Mapping[str, str] | None = None  # after the failure, as in `Piece`
        self._place = place
        self._secrets = secrets
        self._asked: dict[str, Piece] = {}  # by their own names, in the order of asking
        self._begun: dict[str, Piece] = {}  # by the names of their responses
        self._unwanted: set[str] = set()  # of those asked for: nobody waits for them any more
        self._refused: deque[Piece] = deque()  # asked for too early, by a service that makes one response at a time
        self._reset: float | None = None  # seconds after which the limits allow more, when one is used up
        self._said: Any = None  # the last error that was nobody's
        self._handlers: dict[str, Callable[[Event], list[Event]]] = {
            "session.created": self._session,
            "session.updated": self._session,
            "response.created": self._created,
            "response.output_audio.delta": self._audio,
            "response.audio.delta": self._audio,  # the beta's name, which others still use
            "response.output_audio_transcript.delta": self._words,
            "response.audio_transcript.delta": self._words,
            "response.output_audio_transcript.done": self._words,
            "response.audio_transcript.done": self._words,
            "response.done": self._done,
            "rate_limits.updated": self._limits,
            "error": self._error,
        }

    @property
    def idle(self) -> bool:
        """Whether nobody waits for anything."""
        return not self._asked and not self._begun

    def ask(self, piece: Piece) -> Event:
        """What to send for ``piece``, of which this tells from now on."""
        if self.failure is None:
            self._asked[piece.id] = piece
        else:
            piece.fail(self.failure, self._again, connection_lost=True)
        return response_create(piece.id, piece.text, piece.style)

    def forget(self, piece: Piece) -> list[Event]:
        """Nobody waits for ``piece`` any more; what to send, and what still comes of it is dropped."""
        if piece.response_id is not None and self._begun.pop(piece.response_id, None) is not None:
            return [response_cancel(piece.response_id)]
        if piece in self._refused:
            self._refused.remove(piece)
            del self._asked[piece.id]
        elif piece.id in self._asked:
            self._unwanted.add(piece.id)  # cancelled as soon as it has a name
        return []

    def receive(self, event: object) -> list[Event]:
        """Take an event of the service, return what to answer. What is not known, or has an odd shape, is passed by."""
        if not isinstance(event, dict):
            return []
        kind = event.get("type")
        handler = self._handlers.get(kind) if isinstance(kind, str) else None
        return [] if handler is None else handler(event)

    def lost(self, code: int | None, reason: str) -> None:
        """The connection was closed, with ``code`` and ``reason`` (RFC 6455 section 7.1.5 and 7.1.6), if any."""
        said = self._said  # services say what is wrong before they close
        verdict = self._tell.closed(code, reason) if said is None else self._tell.refusal(said, reset=self._reset)
        self.fail(*verdict)

    def garbled(self, what: str) -> None:
        """The service sent what is no event: nothing that it sends can be believed any more."""
        self.fail(self._tell.garbled(what).error)

    def fail(self, error: OggStreamError, again: Mapping[str, str] | None = None) -> None:
        """End all pieces: those of which nothing was heard with ``error``, the others as broken off."""
        if self.failure is None:
            self.failure, self._again = error, again
        for piece in [*self._asked.values(), *self._begun.values()]:
            if piece.heard:
                message = f"{self._place} broke off in mid-speech: {error}"
                piece.fail(SourceBrokenError(message, request_id=piece.response_id))
            else:
                piece.fail(error, again, connection_lost=True)
        self._asked.clear()
        self._begun.clear()
        self._unwanted.clear()
        self._refused.clear()

    @property
    def _tell(self) -> Teller:
        from .refusals import Teller

        return Teller(self._place, self._secrets)

    def _session(self, event: Event) -> list[Event]:
        session = event.get("session")
        self.coding = coding_of(session) or self.coding if isinstance(session, dict) else self.coding
        expires = field(session, "expires_at")
        if isinstance(expires, (int, float)):
            self.expires_at = float(expires)
        self.set_up = self.set_up or event["type"] == "session.updated"
        return []

    def _created(self, event: Event) -> list[Event]:
        response = event.get("response")
        response_id = field(response, "id")
        piece = self._piece_of(response)
        if piece is None or not isinstance(response, dict) or not isinstance(response_id, str):
            return []
        if response_id in self._begun:  # told twice
            return []
        del self._asked[piece.id]
        self._said = None
        if piece.id in self._unwanted:
            self._unwanted.discard(piece.id)
            return [response_cancel(response_id)]
        coding = coding_of(response) or self.coding
        piece.begin(response_id, coding)
        if not coding.playable:
            kind = f"{coding.kind} at {coding.rate}" if coding.rate > 0 else coding.kind
            error = FormatError(
                f"{self._place} speaks {self._secrets.strike(kind)[:100]}, which cannot be played; ask it for audio/pcm"
            )
            piece.fail(error)
            return [response_cancel(response_id)]
        self._begun[response_id] = piece
        return []

    def _piece_of(self, response: object) -> Piece | None:
        """The piece asked for that ``response`` is made of."""
        name = field(response, "metadata", PIECE)
        if isinstance(name, str):
            return self._asked.get(name)
        return next((piece for piece in self._asked.values() if piece not in self._refused), None)

    def _audio(self, event: Event) -> list[Event]:
        piece = self._speaking(event)
        if piece is None:
            return []
        try:
            piece.feed(event.get("delta"))
        except Garbled as error:
            piece.fail(self._tell.garbled(str(error), request_id=piece.response_id).error)
            return self.forget(piece)
        return []

    def _words(self, event: Event) -> list[Event]:
        piece = self._speaking(event)
        if piece is not None:
            part = (str(event.get("item_id")), str(event.get("content_index")))
            whole = event["type"].endswith(".done")
            piece.write_down(part, event.get("transcript" if whole else "delta"), whole=whole)
        return []

    def _speaking(self, event: Event) -> Piece | None:
        response_id = event.get("response_id")
        return self._begun.get(response_id) if isinstance(response_id, str) else None

    def _done(self, event: Event) -> list[Event]:
        response = event.get("response")
        response_id = field(response, "id")
        piece = self._begun.pop(response_id, None) if isinstance(response_id, str) else None
        if piece is None and isinstance(field(response, "metadata", PIECE), str):  # refused before it was created
            piece = self._piece_of(response)
            if piece is not None:
                del self._asked[piece.id]
                self._unwanted.discard(piece.id)
        if piece is not None:
            self._finish(piece, response)
        if not self._refused:
            return []
        waiting = self._refused.popleft()
        return [response_create(waiting.id, waiting.text, waiting.style)]

    def _finish(self, piece: Piece, response: object) -> None:
        status, details = field(response, "status"), field(response, "status_details")
        name = piece.response_id
        if status in ("completed", None):
            piece.end()
            return
        if status == "failed":
            error = field(details, "error") or {"message": "the speech failed", "code": "server_error"}
            verdict = self._tell.refusal(error, reset=self._reset, request_id=name)
        elif status in ("incomplete", "cancelled"):
            verdict = self._tell.ended(status, field(details, "reason"), request_id=name)
        else:
            verdict = self._tell.unknown_status(status, request_id=name)
        piece.fail(verdict.error, verdict.again)

    def _limits(self, event: Event) -> list[Event]:
        limits = event.get("rate_limits")
        spent = [limit for limit in limits if field(limit, "remaining") == 0] if isinstance(limits, list) else []
        resets = [field(limit, "reset_seconds") for limit in spent]
        self._reset = max((float(one) for one in resets if isinstance(one, (int, float))), default=None)
        return []

    def _error(self, event: Event) -> list[Event]:
        """An error belongs to the event that it names, or to what was asked first; most leave the session as it is."""
        error = event.get("error")
        code, cause = field(error, "code"), field(error, "event_id")
        if code == _EXPIRED:
            self._expire(error)
        elif cause == SETTING_UP:
            self.fail(*self._tell.refusal(error))
        elif cause == CANCELLING or str(code).startswith("response_cancel"):
            pass  # it had ended already
        elif (piece := self._asked.get(cause) if isinstance(cause, str) else self._piece_of(None)) is not None:
            self._refuse(piece, error, code)
        else:
            self._said = error
        return []

    def _expire(self, error: Any) -> None:
        """A session lasts an hour: what was not heard yet is asked for again, on a new one and at once."""
        for piece in self._asked.values():
            piece.stale = True
        for piece in self._begun.values():
            piece.stale = True
        self.fail(self._tell.refusal(error).error, {})

    def _refuse(self, piece: Piece, error: Any, code: object) -> None:
        if code == _BUSY and self._begun and piece.id not in self._unwanted:
            self._refused.append(piece)
            return
        del self._asked[piece.id]
        self._unwanted.discard(piece.id)
        verdict: Verdict = self._tell.refusal(error, reset=self._reset)
        piece.fail(verdict.error, {} if code == _BUSY else verdict.again)
