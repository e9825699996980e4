"""What is known about the WebSocket of a speech service: what is sent on it, and what the answers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from .templates import field_names

if TYPE_CHECKING:
    from .telling import Sign

Message = Mapping[str, Any]

PIECES = ("flushed", "characters", "contexts")
CODINGS = ("base64", "hex", "binary")
ORIGINS = ("context", "piece", "message")
CUT = 70
"""Characters after which the first piece may be cut at any word."""
_MESSAGES = ("opening", "begin", "text", "flush", "end", "cancel", "alive")
_SPOKEN = ("text", "flush", "end")
_SIGNS = ("greeting", "ready", "flushed", "done", "cancelled")
_AUDIO = ("at", "as", "when")
_WORDS = ("text", "start", "end", "duration", "zero", "unit", "each", "from", "when", "late")
_ERROR = ("when", "message", "code")


_KINDS: dict[str, tuple[type, ...]] = {
    "path": (str,),
    "base_url": (str, type(None)),
    "query": (Mapping,),
    "headers": (Mapping, type(None)),
    "formats": (Mapping,),
    "alive_seconds": (float, int),
    "idle_seconds": (float, int, type(None)),
    "longest_use": (float, int),
    "contexts": (int,),
    "in_turn": (bool,),
    "cut": (int,),
    "context": (tuple, list),
    "piece": (str, type(None)),
    "audio": (Mapping,),
    "words": (Mapping,),
    "error": (Mapping,),
    "codes": (Mapping,),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """A JSON WebSocket. The entries are those of ``services.toml``, which explains them.

    Where several messages, signs or places may be given, one will do without a list. Raises `UsageError` for an
    entry that makes no sense; `Service` puts its name before it.
    """

    path: str = ""
    base_url: str | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] | None = None
    formats: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    every: Message = field(default_factory=dict)
    opening: Sequence[Message] = ()
    begin: Sequence[Message] = ()
    text: Sequence[Message] = ()
    flush: Sequence[Message] = ()
    end: Sequence[Message] = ()
    cancel: Sequence[Message] = ()
    alive: Sequence[Message] = ()
    alive_seconds: float = 15.0
    idle_seconds: float | None = None
    longest_use: float = 55 * 60.0
    pieces: str = "flushed"
    contexts: int = 1
    in_turn: bool = False
    cut: int = CUT
    context: Sequence[str] = ()
    piece: str | None = None
    audio: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, Any] = field(default_factory=dict)
    greeting: Sequence[Sign] = ()
    ready: Sequence[Sign] = ()
    flushed: Sequence[Sign] = ()
    done: Sequence[Sign] = ()
    cancelled: Sequence[Sign] = ()
    error: Mapping[str, Any] = field(default_factory=dict)
    codes: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*_MESSAGES, *_SIGNS):
            object.__setattr__(self, name, _several(name, getattr(self, name)))
        for name in _SPOKEN:
            object.__setattr__(self, name, [{**self.every, **message} for message in getattr(self, name)])
        if isinstance(self.context, str):
            object.__setattr__(self, "context", (self.context,))
        self._check_kinds()
        self._check_tables()
        if not self.text:
            raise UsageError("socket.text is missing: the message that holds {text}")
        if "text" not in field_names(list(self.text)):
            raise UsageError("socket.text has no field {text}")
        self._check_signs()

    def _check_kinds(self) -> None:
        for name, kinds in _KINDS.items():
            value = getattr(self, name)
            if not isinstance(value, kinds) or (bool not in kinds and value is True):
                word = {"Mapping": "table", "str": "text", "bool": "boolean"}.get(kinds[0].__name__, "number")
                raise UsageError(f"socket.{name} is no {word}")
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value <= 0:
                raise UsageError(f"socket.{name} must be positive")
        if self.path[:1] not in ("", "/", "?"):
            raise UsageError("socket.path begins with /, so that it cannot change the host")
        if not all(isinstance(place, str) for place in self.context):
            raise UsageError("socket.context is neither a place nor a list of places")
        if not all(status in range(400, 600) for status in self.codes.values()):
            raise UsageError("socket.codes are statuses of HTTP from 400 to 599")

    def _check_tables(self) -> None:
        for name, known in (("audio", _AUDIO), ("words", _WORDS), ("error", _ERROR)):
            if unknown := sorted(set(getattr(self, name)) - set(known)):
                raise UsageError(f"socket.{name} has no entry {unknown[0]!r}; there are {', '.join(known)}")
        _one_of("pieces", self.pieces, PIECES)
        _one_of("audio.as", self.coding, CODINGS)
        _one_of("words.unit", self.words.get("unit", "s"), ("s", "ms"))
        _one_of("words.each", self.words.get("each", "word"), ("word", "character"))
        _one_of("words.from", self.words.get("from", "piece"), ORIGINS)

    def _check_signs(self) -> None:
        if self.words and not {"text", "start"} <= set(self.words):
            raise UsageError("socket.words says neither where text nor where start is")
        if self.coding != "binary" and "at" not in self.audio:
            raise UsageError("socket.audio.at is missing: where in a message the audio is")
        if self.pieces == "flushed" and not self.flushed:
            raise UsageError("socket.flushed is missing: what says that a piece is complete (or pieces = contexts)")
        if self.pieces == "characters" and self.words.get("each") != "character":
            raise UsageError("socket.pieces are told by characters, but socket.words tells none")
        if self.pieces == "contexts" and not self.done:
            raise UsageError("socket.done is missing: what says that a context is complete")

    @property
    def coding(self) -> str:
        """How audio is encoded: one of `CODINGS`."""
        return str(self.audio.get("as", "base64"))

    @property
    def named(self) -> bool:
        """Whether contexts have names, by which their audio is told apart."""
        return bool(self.context)

    @property
    def alive_names_a_context(self) -> bool:
        """Whether each context is kept alive by a message of its own."""
        return "context" in field_names(list(self.alive))

    @property
    def messages(self) -> list[Any]:
        """All that is sent."""
        return [message for name in _MESSAGES for message in getattr(self, name)]


def socket_from(table: object) -> Socket:
    """The socket that ``table`` of a file describes. Raises `UsageError`."""
    if not isinstance(table, Mapping):
        raise UsageError("socket is no table")
    if unknown := sorted(set(table) - {known.name for known in fields(Socket)}):
        raise UsageError(f"socket has no entry {unknown[0]!r}")
    return Socket(**table)


def _several(name: str, given: object) -> list[Any]:
    found = [given] if isinstance(given, Mapping) else list(given) if isinstance(given, (list, tuple)) else [None]
    if not all(isinstance(each, Mapping) for each in found):
        raise UsageError(f"socket.{name} is neither a table nor a list of tables")
    return found


def _one_of(name: str, given: object, known: Sequence[str]) -> None:
    if given not in known:
        raise UsageError(f"socket.{name} is one of {', '.join(known)}")
