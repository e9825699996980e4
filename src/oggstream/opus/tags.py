"""OpusTags, the comment header (RFC 7845 section 5.2). Damage in it is told, never a reason not to play."""

from __future__ import annotations

from typing import NamedTuple

MAGIC = b"OpusTags"
MAX_COMMENTS = 16384  # bound on what is kept; the count in the packet is not believed


class OpusTags(NamedTuple):
    """Who made the stream, and what it is.

    ``comments`` are ``NAME=value`` strings in their order, ``padding`` the number of bytes after them, ``problem`` what
    is wrong with the packet (what could be read before it is there), None if nothing is.
    """

    vendor: str
    comments: tuple[str, ...] = ()
    padding: int = 0
    problem: str | None = None

    @classmethod
    def parse(cls, data: bytes) -> OpusTags:
        """Read a packet as far as it makes sense. Never raises."""
        if not data.startswith(MAGIC):
            return cls("", problem="not OpusTags")
        vendor, at = _string(data, len(MAGIC))
        if vendor is None:
            return cls("", problem="the vendor string is cut")
        count = int.from_bytes(data[at : at + 4], "little")
        if at + 4 > len(data):
            return cls(vendor, problem="the number of comments is cut")
        comments, at = _comments(data, at + 4, min(count, MAX_COMMENTS))
        problem = None
        if len(comments) < count:
            problem = f"{count} comments announced, {len(comments)} read"
        return cls(vendor, tuple(comments), len(data) - at, problem)

    def __bytes__(self) -> bytes:
        """The packet, padded with ``padding`` zero bytes."""
        texts = [text.encode() for text in (self.vendor, *self.comments)]
        fields = [len(text).to_bytes(4, "little") + text for text in texts]
        fields.insert(1, len(self.comments).to_bytes(4, "little"))
        return MAGIC + b"".join(fields) + bytes(self.padding)

    def get(self, name: str) -> str | None:
        """The value of the first comment of that name (in any case), or None."""
        prefix = name.lower() + "="
        for comment in self.comments:
            if comment[: len(prefix)].lower() == prefix:
                return comment[len(prefix) :]
        return None

    @property
    def track_gain(self) -> int | None:
        """R128_TRACK_GAIN in steps of 1/256 dB, to be added to the output gain if asked for; None if there is none."""
        return _gain(self.get("R128_TRACK_GAIN"))

    @property
    def album_gain(self) -> int | None:
        """R128_ALBUM_GAIN, like `track_gain`."""
        return _gain(self.get("R128_ALBUM_GAIN"))


def _string(data: bytes, at: int) -> tuple[str | None, int]:
    """A string behind its length; None if the packet is too short for it, which is found out before any copy."""
    start = at + 4
    end = start + int.from_bytes(data[at:start], "little")
    if start > len(data) or end > len(data):
        return None, at
    return data[start:end].decode("utf-8", "replace"), end


def _comments(data: bytes, at: int, count: int) -> tuple[list[str], int]:
    comments: list[str] = []
    while len(comments) < count:
        comment, at = _string(data, at)
        if comment is None:
            break
        comments.append(comment)
    return comments, at


def _gain(text: str | None) -> int | None:
    """A gain of the R128 tags: a sign or none, digits, 16 bits (RFC 7845 section 5.2.1)."""
    if text is None:
        return None
    digits = text[1:] if text[:1] in ("+", "-") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5):
        return None
    value = int(text)
    return value if -32768 <= value <= 32767 else None
