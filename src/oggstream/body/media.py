"""Media types: what a service says about its body."""

from __future__ import annotations

from typing import NamedTuple

PCM_TYPES = frozenset(
    {"audio/pcm", "audio/x-pcm", "audio/l16", "audio/x-l16", "application/octet-stream", "binary/octet-stream", ""}
)
"""The types with which a body may be bare samples. No type at all is an octet-stream (RFC 9110 section 8.3)."""

EVENT_STREAM = "text/event-stream"
RATES = range(2000, 384_001)
"""Sample rates that are believed, in Hz."""
CHANNELS = range(1, 9)
"""Numbers of channels that a media type is believed to have."""


class MediaType(NamedTuple):
    """``name`` is lower-case, like the names of the ``parameters``; both are empty where there is no type."""

    name: str
    parameters: dict[str, str]

    @classmethod
    def parse(cls, content_type: str) -> MediaType:
        """Read a Content-Type as RFC 9110 section 8.3.1 has it; what makes no sense in it is left out."""
        name, *rest = content_type.split(";")
        pairs = (part.partition("=") for part in rest)
        parameters = {key.strip().lower(): value.strip().strip('"').lower() for key, found, value in pairs if found}
        return cls(name.strip().lower(), parameters)

    @property
    def linear16(self) -> bool:
        """Whether it is audio/L16, whose byte order is disputed."""
        return self.name.endswith("l16")

    def number(self, *names: str, within: range) -> int | None:
        """The first of the parameters that is there and within the range."""
        for name in names:
            value = self.parameters.get(name, "")
            if value.isdecimal() and len(value) < 9 and int(value) in within:
                return int(value)
        return None
