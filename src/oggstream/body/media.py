"""Media types: what a service says about its body."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..options import SAMPLE_CHANNELS, SAMPLE_RATES
from .samples import SampleFormat

EVENT_STREAM = "text/event-stream"
OCTETS = frozenset({"application/octet-stream", "binary/octet-stream", ""})
"""The types that say nothing. No type at all is an octet-stream (RFC 9110 section 8.3)."""

_BARE = frozenset({"pcm", "raw", "lpcm", "rawpcm", "pcmraw", "linear", "linearpcm"})
_ORDER = "(le|be|littleendian|bigendian)?"
_INTEGER = f"(?:pcm|lpcm|raw|linear|lin|signed|int|integer|s|i|l)*(16|24|32)(?:bits?)?(?:pcm)?{_ORDER}"
_FLOAT = f"(?:pcm|raw|linear|ieee)*(?:f|float|fp|floatingpoint)(32|64)?(?:bits?)?{_ORDER}"
_LAWS = {"mulaw": "ulaw", "ulaw": "ulaw", "pcmu": "ulaw", "basic": "ulaw", "alaw": "alaw", "pcma": "alaw"}
_LAW_RATE = 8000  # Hz, of ITU-T G.711
_ENCODINGS = ("encoding", "sampleformat", "format", "codec", "codecs", "sampletype", "subtype")
_BITS = ("bits", "bitdepth", "bitspersample", "samplebits", "depth", "width")
_RATE = ("rate", "samplerate", "samplingrate")
_CHANNELS = ("channels", "numchannels", "channelcount")
_ENDIAN = ("endianness", "endian", "byteorder")


class MediaType(NamedTuple):
    """``name`` is lower-case; both are empty where there is no type.

    The names of the ``parameters`` are lower-case letters and digits: ``sample_rate`` and ``Sample-Rate`` are one.
    """

    name: str
    parameters: dict[str, str]

    @classmethod
    def parse(cls, content_type: str) -> MediaType:
        """Read a Content-Type as RFC 9110 section 8.3.1 has it, also with commas, as GStreamer writes them; leave out
        what makes no sense in it.
        """
        name, *rest = content_type.replace(",", ";").split(";")
        pairs = (part.partition("=") for part in rest)
        parameters = {_squeezed(key): value.strip().strip('"').lower() for key, found, value in pairs if found}
        return cls(name.strip().lower(), parameters)

    @classmethod
    def of_headers(cls, headers: Mapping[str, str]) -> MediaType:
        """What headers such as ``X-Sample-Rate`` say, as if they were parameters of a type."""
        found: dict[str, str] = {}
        for name, value in headers.items():
            squeezed = _squeezed(name)
            if squeezed.startswith(("x", "sample", "audio", "pcm")):
                key = squeezed.removeprefix("x").removeprefix("audio").removeprefix("pcm")
                found.setdefault(key, value.strip().lower())
        return cls("", found)

    @property
    def linear16(self) -> bool:
        """Whether it is audio/L16, whose byte order is disputed."""
        return self.name.endswith("l16")

    @property
    def names_samples(self) -> bool:
        """Whether the type is one of bare samples."""
        kind, _, subtype = self.name.partition("/")
        return kind == "audio" and (_squeezed(subtype).removeprefix("x") in _BARE or _form(subtype) is not None)

    @property
    def rate(self) -> int | None:
        """The sample rate, in Hz."""
        if not self.has_rate and (form := self.form) is not None and form.kind in ("ulaw", "alaw"):
            return _LAW_RATE
        return self._number(_RATE, SAMPLE_RATES)

    @property
    def has_rate(self) -> bool:
        """Whether there is a sample rate, be it nonsense."""
        return any(name in self.parameters for name in _RATE)

    @property
    def channels(self) -> int | None:
        """The number of channels."""
        return self._number(_CHANNELS, SAMPLE_CHANNELS)

    @property
    def form(self) -> SampleFormat | None:
        """How the samples lie, None where it is not said."""
        names = [self.name.rpartition("/")[2], *(self.parameters.get(name, "") for name in _ENCODINGS)]
        form = next((found for name in names if (found := _form(name)) is not None), None)
        bits = self._number(_BITS, range(8, 33))
        if form is None and bits in (8, 16, 24, 32):
            form = SampleFormat("int", bits // 8)
        order = next((self.parameters[name] for name in _ENDIAN if name in self.parameters), "")
        if form is not None and order.startswith("b"):
            return form._replace(order=">")
        return form

    def _number(self, names: tuple[str, ...], within: range) -> int | None:
        """The first of the parameters that is there and within the range."""
        for name in names:
            value = self.parameters.get(name, "")
            if value.isdecimal() and len(value) < 9 and int(value) in within:
                return int(value)
        return None


def _squeezed(text: str) -> str:
    return "".join(letter for letter in text.lower() if letter.isalnum())


def _form(text: str) -> SampleFormat | None:
    """The form that a word such as ``pcm_s16le``, ``Float32``, ``linear16`` or ``mulaw`` stands for."""
    import re  # takes time, which bodies of Opus need not wait for

    word = _squeezed(text[:40]).removeprefix("x").removeprefix("audio").removeprefix("g711")
    law = _LAWS.get(word) or _LAWS.get(word.removeprefix("pcm"))
    if law is not None:
        return SampleFormat("ulaw" if law == "ulaw" else "alaw", 1)
    if word in ("u8", "uint8", "pcmu8", "unsigned8bit"):
        return SampleFormat("int", 1)
    if found := re.fullmatch(_INTEGER, word):
        # RFC 3190 section 4: L24 is big endian. So is L16 by RFC 2586, which nobody obeys.
        big = (found[2] or "").startswith("b") or word == "l24"
        return SampleFormat("int", int(found[1]) // 8, ">" if big else "<")
    if found := re.fullmatch(_FLOAT, word):
        return SampleFormat("float", int(found[1] or 32) // 8, ">" if (found[2] or "").startswith("b") else "<")
    return None
