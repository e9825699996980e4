"""What a JSON message of a service tells, at the places that its description names. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import UsageError

Table = Mapping[str, Any]

CODINGS = ("base64", "hex")
AUDIO = ("at", "as")
WORDS = ("text", "start", "end", "duration", "unit", "each", "when")
_UNITS = {"s": 1.0, "ms": 0.001}
_EACH = ("word", "character")


class ToldTimes(NamedTuple):
    """Words, or characters one by one, and their times in seconds; None for what is no time."""

    texts: Sequence[Any]
    starts: Sequence[Any]
    ends: Sequence[Any]


class AudioLayout:
    """Where a service puts its audio: the `Layout` of an envelope. ``table`` has the entries of `AUDIO`."""

    def __init__(self, table: Table) -> None:
        self._place = str(table["at"])
        self._hex = table.get("as") == "hex"

    def audio(self, value: dict[str, Any]) -> str | None:
        """The text of the audio in a value."""
        found = at_place(value, self._place)
        return found if isinstance(found, str) else None

    def decode(self, text: bytes) -> bytes:
        """The audio of such a text. Raises `ValueError`."""
        from ...body.envelope import from_base64

        return bytes.fromhex(text.decode("ascii")) if self._hex else from_base64(text)


def at_place(value: object, place: str) -> Any:
    """What stands at ``place``: names with dots between them lead into tables, numbers into lists, and ``*`` into each
    entry of a list, which gives a list. None where there is nothing.
    """
    name, _, rest = place.partition(".")
    if name == "*" and isinstance(value, list):
        return [at_place(each, rest) if rest else each for each in value]
    if isinstance(value, Mapping):
        found = value.get(name)
    elif isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        found = value[int(name)]
    else:
        return None
    return at_place(found, rest) if rest else found


def told_times(table: Table, message: object) -> ToldTimes | None:
    """The words or characters in a message; None without any. ``table`` has the entries of `WORDS`."""
    texts = _several(message, table["text"])
    if not texts or not all(at_place(message, place) == wanted for place, wanted in table.get("when", {}).items()):
        return None
    scale = _UNITS[table.get("unit", "s")]
    starts = [_scaled(start, scale) for start in _several(message, table["start"])]
    if "duration" in table:
        lasts = [_scaled(last, scale) for last in _several(message, table["duration"])]
        ends = [_sum(start, last) for start, last in zip(starts, lasts, strict=False)]
    elif "end" in table:
        ends = [_scaled(end, scale) for end in _several(message, table["end"])]
    else:
        ends = [*starts[1:], *starts[-1:]]
    return ToldTimes(texts, _padded(starts, len(texts)), _padded(ends, len(texts)))


def check_audio(table: Table) -> None:
    """Raise `UsageError` for a description of audio that makes no sense."""
    _check_names("audio", table, AUDIO)
    if not isinstance(table.get("at"), str):
        raise UsageError("audio.at is missing: where in the answer the audio is")
    if table.get("as", "base64") not in CODINGS:
        raise UsageError(f"audio.as is one of {', '.join(CODINGS)}")


def check_words(table: Table) -> None:
    """The same for words."""
    _check_names("words", table, WORDS)
    for name in ("text", "start"):
        if not isinstance(table.get(name), str):
            raise UsageError(f"words.{name} is missing: where in the answer that is")
    if table.get("unit", "s") not in _UNITS:
        raise UsageError(f"words.unit is one of {', '.join(_UNITS)}")
    if table.get("each", "word") not in _EACH:
        raise UsageError(f"words.each is one of {', '.join(_EACH)}")
    if not isinstance(table.get("when", {}), Mapping):
        raise UsageError("words.when is no table")


def _check_names(place: str, table: Table, known: Sequence[str]) -> None:
    if unknown := sorted(set(table) - set(known)):
        raise UsageError(f"{place} has no entry {unknown[0]!r}; there are {', '.join(known)}")
    for name in known:
        if name != "when" and not isinstance(table.get(name, ""), str):
            raise UsageError(f"{place}.{name} is no text")


def _several(message: object, place: str) -> list[Any]:
    found = at_place(message, place)
    return found if isinstance(found, list) else [] if found is None else [found]


def _padded(times: list[float | None], count: int) -> list[float | None]:
    return [*times[:count], *[None] * (count - len(times))]


def _scaled(value: object, scale: float) -> float | None:
    return value * scale if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
