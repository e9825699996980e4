"""What is asked of a service over a socket, and the stream of what comes of one piece."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import events
from ..traits import StreamTraits

if TYPE_CHECKING:
    from ...annotations import Annotation
    from ..http.redaction import Secrets
    from .sound import Sound
    from .spoken_piece import SpokenPiece


class Address(NamedTuple):
    """A connection: where it leads, what is sent first, the fields of all messages, and the format of what comes.

    Speeches with the same ``key`` may share a connection.
    """

    url: str
    headers: Mapping[str, str]
    opening: list[Any]
    fields: Mapping[str, Any]
    chosen: str
    key: Hashable


class SocketStream:
    """What comes of one piece: bytes, and words between them."""

    def __init__(self, piece: SpokenPiece, address: Address, secrets: Secrets) -> None:
        self._piece = piece
        self._begun = False
        self.content_type = _content_type(address)
        self.request_id: str | None = None
        self.traits = StreamTraits(
            format=address.chosen, certain=address.chosen == "pcm", url=secrets.shown(address.url), secrets=secrets
        )

    def __aiter__(self) -> SocketStream:
        return self

    async def __anext__(self) -> bytes | Annotation:
        item = await self._piece.next_item()
        if not self._begun:
            self._begun = True
            events.emit(events.ResponseStarted, content_type=self.content_type, request_id=None)
        if item is None:
            self._tell_missed()
            raise StopAsyncIteration
        return item

    def _tell_missed(self) -> None:
        """Say once how many of the told words are not in the text."""
        missed, self._piece.missed = self._piece.missed, 0
        if missed:
            lost = f"{missed} of the words that the service tells have no place in the text"
            events.emit(events.Warned, message=lost)


def sound_of(address: Address) -> Sound:
    """The measure of a context's sound."""
    from .sound import CompressedSound, SampleSound

    if address.chosen == "opus":
        return CompressedSound()
    floats = str(address.fields.get("samples", "")).startswith("f32")
    return SampleSound(address.fields.get("rate") or 24000, 4 if floats else 2)


def _content_type(address: Address) -> str:
    if address.chosen != "pcm":
        return {"opus": "audio/ogg", "wav": "audio/wav"}[address.chosen]
    form = address.fields.get("samples")
    encoding = f";encoding={form}" if form else ""
    return f"audio/pcm;rate={address.fields.get('rate')}{encoding}"
