"""The traits: how sources and streams describe themselves, with the defaults."""

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
"""The formats that traits may name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTraits:
    """The description of a source. Every field has a default.

    - ``name``: its name in the report; empty: the name of its class.
    - ``formats``: the values of `SpeechOptions.format` that can be requested, first the one that "auto" means; or a
      function of the `SpeechOptions` that returns them. Empty: not known.
    - ``samples_known``: rate, width and channels of its "pcm" are known, so that "auto" may request samples.
    - ``longest_text``: characters of one request, None for no limit of its own.
    - ``requests``: how many requests it takes at a time, None for no limit of its own.
    - ``ssml``: it takes documents of SSML as text, as they are.
    - ``whole``: its answer does not depend on the text, which is therefore not cut into pieces.
    - ``words``: its streams give words (see `Word`).
    - ``first_cut``: characters after which the first piece may be cut at any word, None for only where a clause ends.
    - ``ipa``: how it is given phonemes in its text: a text with ``{ipa}`` and ``{word}``, such as "[{word}](/{ipa}/)"
      (a brace of its own is doubled); or a function of the `SpeechOptions` that returns it. None: it takes none.
    - ``keeps_context``: it has ``context(options)`` (see `ContextSource`) and wants it used.
    - ``side_by_side``: in a context, a piece may be requested before the request of the one before it is answered.
    - ``model``: the model that speaks unless another is asked for; None: not known.
    - ``nearby``: it is on this machine, so that samples cost no more than Opus.
    - ``openai_names``: it knows OpenAI's names of voices and models, or makes something of any.
    - ``identity``: host, model and voice, without credentials: the key of the service in the history; or a function of
      the `SpeechOptions` that returns it. None: the history is not used.
    - ``sound``: what its sound depends on beside the text and the `SpeechOptions`, without credentials: the key of its
      phrases in a cache; or a function of the `SpeechOptions` that returns it. None: the ``identity``. Empty: they are
      not kept.
    """

    name: str = ""
    formats: tuple[str, ...] | Callable[[SpeechOptions], tuple[str, ...]] = ()
    samples_known: bool = False
    longest_text: int | None = None
    requests: int | None = None
    whole: bool = False
    ssml: bool = False
    words: bool = False
    ipa: str | Callable[[SpeechOptions], str | None] | None = None
    keeps_context: bool = False
    first_cut: int | None = None
    side_by_side: bool = False
    model: str | None = None
    nearby: bool = False
    openai_names: bool = False
    identity: str | Callable[[SpeechOptions], str | None] | None = None
    sound: str | Callable[[SpeechOptions], str | None] | None = None

    def formats_for(self, options: SpeechOptions) -> tuple[str, ...]:
        """The formats that can be requested with ``options``."""
        return self.formats(options) if callable(self.formats) else self.formats

    def ipa_for(self, options: SpeechOptions) -> str | None:
        """How it is given phonemes with ``options``."""
        return self.ipa(options) if callable(self.ipa) else self.ipa

    def identity_for(self, options: SpeechOptions) -> str | None:
        """The key of the service in the history with ``options``."""
        return self.identity(options) if callable(self.identity) else self.identity

    def sound_for(self, options: SpeechOptions) -> str | None:
        """What its sound depends on with ``options``; None or empty: its answers are not kept."""
        sound = self.sound(options) if callable(self.sound) else self.sound
        return self.identity_for(options) if sound is None else sound


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamTraits:
    """The description of a stream. Every field has a default.

    - ``format``: the requested format, if the source chose it; None: that of the `SpeechOptions`.
    - ``substitute``: another source answers than the one whose traits were asked for.
    - ``certain``: the transport guarantees the format, as a socket that was set up to send samples does, so that the
      body is not examined.
    - ``url`` (safe to show), ``status``, ``headers``, ``request``: the HTTP exchange as it was, with credentials, for
      captures, which remove those that ``secrets`` knows.
    """

    format: str | None = None
    substitute: bool = False
    certain: bool = False
    url: str | None = None
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    request: Request | None = None
    secrets: Secrets | None = None


def traits_of(source: Source) -> SourceTraits:
    """The traits of ``source``, always with a name.

    Only this function handles sources without traits. Raises `UsageError` for invalid traits.
    """
    traits = source.traits if isinstance(source, DescribedSource) else _DEFAULTS
    if not traits.name:
        traits = replace(traits, name=str(getattr(source, "name", "") or type(source).__name__))
    _check(traits)
    return traits


def formats_for(source: Source, options: SpeechOptions) -> tuple[str, ...]:
    """The formats that can be requested from ``source`` with ``options``. Raises `UsageError` for unknown ones."""
    traits = traits_of(source)
    found = tuple(traits.formats_for(options))
    _check_formats(traits.name, found)
    return found


def stream_traits_of(stream: ByteStream) -> StreamTraits:
    """The traits of ``stream``, or the defaults."""
    return stream.traits if isinstance(stream, DescribedStream) else _STREAM_DEFAULTS


_DEFAULTS = SourceTraits()
_STREAM_DEFAULTS = StreamTraits()


def _check(traits: SourceTraits) -> None:
    for name in ("longest_text", "requests", "first_cut"):
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
