"""What a JSON message of a service tells, at the places that its description names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import UsageError

Table = Mapping[str, Any]
Sign = Mapping[str, Any]
"""Places in a message and what stands there, or `THERE`."""

CODINGS = ("base64", "hex")
AUDIO = ("at", "as")
WORDS = ("text", "start", "end", "duration", "zero", "unit", "each", "when")
THERE = "*"
"""In a sign: anything but nothing, false, 0 and an empty text."""
UNITS = {"s": 1.0, "ms": 0.001}
_LATEST = 1e12  # seconds or milliseconds; a JSON integer may be too large for a float
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


def first_at(value: object, places: Iterable[str]) -> Any:
    """The first of ``places`` where something stands."""
    return next((found for place in places if (found := at_place(value, place)) is not None), None)


def shows(message: object, signs: Sequence[Sign]) -> bool:
    """Whether ``message`` shows one of ``signs``."""
    return any(all(_stands(at_place(message, place), wanted) for place, wanted in sign.items()) for sign in signs)


def signs_of(table: Table) -> Sequence[Sign]:
    """What a message must show for ``table`` to be about it; without `when`, that is nothing."""
    when = table.get("when", {})
    return when if isinstance(when, list) else [when]


def told_times(table: Table, message: object) -> ToldTimes | None:
    """The words or characters in a message; None without any. ``table`` has the entries of `WORDS`."""
    texts = _several(message, table["text"]) if shows(message, signs_of(table)) else []
    if not texts:
        return None
    scale = UNITS[table.get("unit", "s")]
    zero = (_number(at_place(message, table["zero"])) if "zero" in table else None) or 0.0
    starts = [_scaled(start, scale, zero) for start in _several(message, table["start"])]
    if "duration" in table:
        lasts = [_scaled(last, scale) for last in _several(message, table["duration"])]
        ends = [_sum(start, last) for start, last in zip(starts, lasts, strict=False)]
    elif "end" in table:
        ends = [_scaled(end, scale, zero) for end in _several(message, table["end"])]
    else:
        ends = [*starts[1:], *starts[-1:]]  # each lasts until the next begins
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
    if table.get("unit", "s") not in UNITS:
        raise UsageError(f"words.unit is one of {', '.join(UNITS)}")
    if table.get("each", "word") not in _EACH:
        raise UsageError(f"words.each is one of {', '.join(_EACH)}")
    if not all(isinstance(sign, Mapping) for sign in signs_of(table)):
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


def _stands(found: Any, wanted: Any) -> bool:
    if wanted == THERE:
        return found is not None and found not in (0, "")
    return type(found) is type(wanted) and found == wanted


def _number(value: object) -> float | None:
    """A number that may be a time; None for anything else."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and -_LATEST < value < _LATEST else None  # type: ignore[arg-type, operator]


def _scaled(value: object, scale: float, zero: float = 0.0) -> float | None:
    number = _number(value)
    return None if number is None else (number - zero) * scale


def _sum(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else first + second
