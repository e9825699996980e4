"""The PCM of one text, and how what the service says that it spoke differs from that text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ... import events
from ..traits import StreamTraits

if TYPE_CHECKING:
    from .pending_response import PendingResponse

_APOSTROPHES = "'\u2019\u02bc\uff07"
_LONGEST_SHOWN = 60
"""Characters of a difference that are shown."""


class RealtimeStream:
    """The PCM of one text, in the chunks in which it arrives; whole samples."""

    __slots__ = ("_compared", "_pending", "content_type", "request_id", "traits")

    def __init__(self, pending: PendingResponse) -> None:
        self._pending = pending
        self._compared = False
        self.content_type = pending.content_type
        self.traits = StreamTraits(format="pcm", certain=True, secrets=pending.secrets)
        self.request_id = pending.request_id

    def __aiter__(self) -> RealtimeStream:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._pending.next_chunk()
        if chunk is not None:
            return chunk
        if not self._compared:
            self._compared = True
            _compare(self._pending.text, self._pending.transcript)
        raise StopAsyncIteration


def _compare(text: str, transcript: str) -> None:
    """Report what the service says that it spoke, and warn where that is not the text."""
    if not transcript:
        return
    events.emit(events.Transcribed, text=text, spoken=transcript)
    if (other := difference(text, transcript)) is not None:
        events.emit(events.Warned, message=f"the service did not read word for word: it {other}")


class Difference(NamedTuple):
    """From the first word that differs to the last: ``text`` as it was given, ``spoken`` as it was said."""

    text: str
    spoken: str

    def __str__(self) -> str:
        if not self.spoken:
            return f"left out {_shown(self.text)}"
        if not self.text:
            return f"added {_shown(self.spoken)}"
        return f"said {_shown(self.spoken)} for {_shown(self.text)}"


def difference(text: str, spoken: str) -> Difference | None:
    """Where ``spoken`` has other words than ``text``, None if nowhere.

    Case, punctuation, white space and the shapes of letters (Unicode NFKC) are no words. "can't" for "cannot" and
    "12" for "twelve" are differences: the one is another word, of the other nobody knows how it sounded.
    """
    ours, theirs = _words(text), _words(spoken)
    if "".join(ours) == "".join(theirs):  # "e-mail" and "email", and scripts that write no spaces
        return None
    start = _common(ours, theirs)
    end = _common(ours[start:][::-1], theirs[start:][::-1])
    return Difference(" ".join(ours[start : len(ours) - end]), " ".join(theirs[start : len(theirs) - end]))


def _words(text: str) -> list[str]:
    """Letters, marks, digits, and the apostrophes between them, in lower case."""
    import unicodedata

    plain = unicodedata.normalize("NFKC", text).casefold()
    kept = [c if unicodedata.category(c)[0] in "LMN" else _between(c) for c in plain]
    return [word for part in "".join(kept).split() if (word := part.strip("'"))]


def _between(character: str) -> str:
    return "'" if character in _APOSTROPHES else " "


def _common(ours: list[str], theirs: list[str]) -> int:
    """How many words at the start are the same."""
    pairs = enumerate(zip(ours, theirs, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(ours), len(theirs)))


def _shown(words: str) -> str:
    return f'"{words}"' if len(words) <= _LONGEST_SHOWN else f'"{words[: _LONGEST_SHOWN - 3].rstrip()}..."'
