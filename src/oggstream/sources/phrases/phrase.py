"""A phrase as it is kept: its key, and its bytes with a checksum."""

from __future__ import annotations

import hashlib
import json
import zlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, NamedTuple

from ...annotations import Word
from ...options import AudioFormat

if TYPE_CHECKING:
    from ...options import SpeechOptions

_MAGIC = b"oggstream phrase 1\n"
"""A part of each key, too: phrases of another version are neither read nor replaced."""


class Phrase(NamedTuple):
    """A whole body of Ogg Opus, and the words told of it. ``plain``: it can be sent on as it is (see `is_plain`)."""

    body: bytes
    words: tuple[Word, ...] = ()
    plain: bool = False

    def packed(self) -> bytes:
        """As it is kept: what it is, a checksum, the description as JSON, the body."""
        told = {"words": [asdict(word) for word in self.words], "plain": self.plain}
        head = json.dumps(told, separators=(",", ":")).encode()
        rest = len(head).to_bytes(4, "little") + head + self.body
        return _MAGIC + zlib.crc32(rest).to_bytes(4, "little") + rest


def unpacked(data: bytes) -> Phrase | None:
    """What `Phrase.packed` gave; None for anything else, such as a damaged file or one of another version."""
    start = len(_MAGIC) + 4
    if not data.startswith(_MAGIC) or zlib.crc32(data[start:]) != int.from_bytes(data[start - 4 : start], "little"):
        return None
    size = int.from_bytes(data[start : start + 4], "little")
    try:
        told = json.loads(data[start + 4 : start + 4 + size])
        words = tuple(Word(**word) for word in told["words"])
        return Phrase(data[start + 4 + size :], words, told.get("plain") is True)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def phrase_key(sound: str, text: str, before: str, options: SpeechOptions) -> str:
    """The name of a phrase: a digest of everything that changes its sound, and of no credential.

    ``sound``: that of the source's traits; ``before``: what was said before it in the same context. Of the format only
    the rate and the channels that are asked for count: whatever it came as, it is kept as Opus.
    """
    form = AudioFormat.parse(options.format)
    parts: list[Any] = [_MAGIC.decode(), sound, text, before, options.voice, options.model, options.instructions]
    parts += [options.speed, options.language, form.rate, form.channels]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
