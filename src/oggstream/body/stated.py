"""What is said about a body before its first byte: by the user, the media type, other headers and the source."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple, TypeVar

from ..options import AudioFormat
from .media import OCTETS, MediaType
from .samples import FLOAT32, PCM16, SampleFormat

_T = TypeVar("_T")


class SampleFacts(NamedTuple):
    """What is said of bare samples; None where nobody says. ``contradictions`` are warnings."""

    rate: int | None
    channels: int | None
    form: SampleFormat | None
    contradictions: tuple[str, ...]


class Stated:
    """``media`` is the media type, ``wanted`` what the service was asked for: "opus", "pcm", "wav".

    ``asked`` is the user's option, ``chosen`` what the source made of it, ``headers`` those of the answer; ``certain``
    says that the transport itself vouches for bare samples.
    """

    def __init__(
        self,
        content_type: str = "",
        asked: str = "opus",
        chosen: str | None = None,
        headers: Mapping[str, str] | None = None,
        *,
        certain: bool = False,
    ) -> None:
        self.media = MediaType.parse(content_type)
        self.certain = certain
        self._option = AudioFormat.parse(asked)
        self._source = AudioFormat.parse(chosen or "auto")
        self._headers = headers or {}
        wanted = self._option.name if self._source.name == "auto" else self._source.name
        self.wanted = "opus" if wanted == "auto" else wanted

    @cached_property
    def samples(self) -> SampleFacts:
        """What is said of bare samples. The option comes first, then the type, other headers, the source."""
        option, source, headers = self._option, self._source, MediaType.of_headers(self._headers)
        rates = {
            "the format option": option.rate,
            "the media type": self.media.rate,
            "a header": headers.rate,
            "the source": source.rate,
        }
        return SampleFacts(
            _first(*rates.values()),
            _first(option.channels, self.media.channels, headers.channels, source.channels),
            _first(_form(option), self.media.form, headers.form, _form(source)),
            _contradictions({name: rate for name, rate in rates.items() if rate is not None}),
        )

    @property
    def may_be_samples(self) -> bool:
        """Whether the body may be bare samples: their type, and either the user wants them or their rate is known."""
        named = self.media.name in OCTETS or self.media.names_samples
        return named and self.samples_known

    @property
    def samples_known(self) -> bool:
        """Whether the user answers for bare samples, or their rate is known."""
        return self._option.name == "pcm" or self.samples.rate is not None

    @property
    def advice(self) -> str:
        """What else to ask the service for: not for what it was asked for, and did not give."""
        others = [name for name in ("opus", "wav", "pcm") if name != self.wanted]
        return f"ask the service for {' or '.join(filter(None, (', '.join(others[:-1]), others[-1])))} (--format)"

    def leave_envelope(self) -> None:
        """Forget the name of a type that is that of the envelope, not of what is in it."""
        if not self.media.names_samples:
            self.media = MediaType("", self.media.parameters)
            self.__dict__.pop("samples", None)

    def learn(self, facts: Mapping[str, str]) -> None:
        """Take up what stands beside the audio in an envelope: as headers, and ``mimetype`` as a type."""
        if not self.media.name and "mimetype" in facts:
            self.media = MediaType.parse(facts["mimetype"])
        self._headers = {**{f"X-{name}": value for name, value in facts.items()}, **self._headers}
        self.__dict__.pop("samples", None)


def _form(option: AudioFormat) -> SampleFormat | None:
    if option.rate is None:
        return None
    return FLOAT32 if option.floats else PCM16


def _first(*values: _T | None) -> _T | None:
    return next((value for value in values if value is not None), None)


def _contradictions(rates: dict[str, int]) -> tuple[str, ...]:
    (first, rate), *others = rates.items() or [("", 0)]
    return tuple(
        f"{first} says {rate} Hz, {name} {other} Hz: {first} is believed" for name, other in others if other != rate
    )
