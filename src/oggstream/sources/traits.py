"""What a source tells of itself, with the defaults for all that it does not tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..errors import UsageError
from .source import ByteStream, DescribedSource, DescribedStream, Source

if TYPE_CHECKING:
    from ..options import SpeechOptions
    from .http.exchange import Request
    from .http.redaction import Secrets

KNOWN = ("opus", "wav", "pcm")
"""The formats that a source may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTraits:
    """What a source is, and what it can be asked for. Every field has a default.

    - ``name``: what the report calls it; empty: the name of its class.
    - ``formats``: the values of `SpeechOptions.format` that it can be asked for, the one that "auto" means first; or a
      function of the `SpeechOptions` that gives them. Empty: not known.
    - ``samples_known``: rate, width and channels of the bare samples that it sends for "pcm" are known, so that these
      may be asked for without being told to.
    - ``longest_text``: characters of one request, None for no limit of its own.
    - ``requests``: how many requests it takes at a time, None for no limit of its own.
    - ``whole``: its answer does not depend on the text, which is therefore not asked for in pieces.
    - ``words``: its streams tell words (see `Word`).
    - ``keeps_context``: it has ``context(options)`` (see `ContextSource`) and wants it used.
    - ``identity``: host, model and voice, and no credential, under which the behaviour of the service is remembered;
      or a function of the `SpeechOptions` that gives it. None: nothing is remembered.
    """

    name: str = ""
    formats: tuple[str, ...] | Callable[[SpeechOptions], tuple[str, ...]] = ()
    samples_known: bool = False
    longest_text: int | None = None
    requests: int | None = None
    whole: bool = False
    words: bool = False
    keeps_context: bool = False
    identity: str | Callable[[SpeechOptions], str | None] | None = None

    def formats_for(self, options: SpeechOptions) -> tuple[str, ...]:
        """The formats that can be asked for with ``options``."""
        return self.formats(options) if callable(self.formats) else self.formats

    def identity_for(self, options: SpeechOptions) -> str | None:
        """Under what the behaviour of the service is remembered with ``options``."""
        return self.identity(options) if callable(self.identity) else self.identity


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTraits:
    """What a stream tells of its body. Every field has a default.

    - ``format``: what was asked of the service, where the source chose that; None: what the `SpeechOptions` say.
    - ``certain``: the transport itself says that the body is of this format, as a socket that was told to send samples
      does: it is not looked at to find out.
    - ``url`` (fit to be shown), ``status``, ``headers``, ``request``: the exchange over HTTP as it was, credentials
      included: for captures, which leave out what ``secrets`` knows.
    """

    format: str | None = None
    certain: bool = False
    url: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    request: Request | None = None
    secrets: Secrets | None = None


def traits_of(source: Source) -> SourceTraits:
    """What ``source`` tells of itself, with a name in any case.

    This is the only place that knows of sources that tell nothing. Raises `UsageError` for nonsense.
    """
    traits = source.traits if isinstance(source, DescribedSource) else _DEFAULTS
    if not traits.name:
        traits = replace(traits, name=str(getattr(source, "name", "") or type(source).__name__))
    _check(traits)
    return traits


def formats_for(source: Source, options: SpeechOptions) -> tuple[str, ...]:
    """The formats that ``source`` can be asked for with ``options``. Raises `UsageError` for unknown ones."""
    traits = traits_of(source)
    found = tuple(traits.formats_for(options))
    _check_formats(traits.name, found)
    return found


def stream_traits_of(stream: ByteStream) -> StreamTraits:
    """What ``stream`` tells of itself."""
    return stream.traits if isinstance(stream, DescribedStream) else _STREAM_DEFAULTS


_DEFAULTS = SourceTraits()
_STREAM_DEFAULTS = StreamTraits()


def _check(traits: SourceTraits) -> None:
    for name in ("longest_text", "requests"):
        value = getattr(traits, name)
        if value is not None and (not isinstance(value, int) or value < 1):
            raise UsageError(
                f"the source {traits.name!r} describes itself with {name}={value!r}: use 1 or more, or None"
            )
    if not callable(traits.formats):
        _check_formats(traits.name, traits.formats)


def _check_formats(name: str, formats: tuple[str, ...]) -> None:
    for found in formats:
        if found not in KNOWN:
            raise UsageError(f"the source {name!r} describes itself with the format {found!r}: use {', '.join(KNOWN)}")
