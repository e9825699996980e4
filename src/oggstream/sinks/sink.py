"""What a sink is: small protocols that anything may implement, and what a sink tells of itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, runtime_checkable

from ..errors import UsageError

if TYPE_CHECKING:
    from ..audio.ring import PcmRing
    from ..body.body_reader import BodyItem
    from ..events import WordStarted


class SinkFormat(NamedTuple):
    """The number of channels (None: as many as the stream has) and the rate in which a sink wants its ring."""

    channels: int | None
    rate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkTraits:
    """What a sink is. Every field has a default.

    - ``name``: what the report calls it; empty: the name of its class.
    - ``at_once``: it takes samples as soon as they are in the ring and plays nothing, so that no sample can be late.
    """

    name: str = ""
    at_once: bool = False


@runtime_checkable
class Sink(Protocol):
    """Plays what a ring holds, by calling its ``read_into``.

    One ring at a time; after `drain` or `abort` the next may be started. Who made a sink closes it. That is all that a
    sink must have. What it tells of itself stands in ``traits`` (see `SinkTraits`); what it may do besides are the
    protocols below.
    """

    def start(self, ring: PcmRing) -> None:
        """Begin to read ``ring``. Must not block; silence is played until the ring begins."""
        ...

    async def drain(self) -> None:
        """Return when the last sample of the ring has been heard. Cancelling it changes nothing that is played."""
        ...

    def abort(self) -> None:
        """Silence now: fade out and forget the ring. Never blocks, never raises, may be called twice."""
        ...

    async def aclose(self) -> None:
        """Stop and release everything. May be called twice, and at any time."""
        ...


class Closing:
    """Gives a sink that has ``aclose`` what ``async with`` calls: leaving it closes the sink."""

    async def aclose(self) -> None:
        """As `Sink.aclose`."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


@runtime_checkable
class PreparedSink(Sink, Protocol):
    """A sink that must be opened before it is started, and has a format of its own."""

    async def prepare(self) -> SinkFormat:
        """Open what there is to open, once, off the event loop's thread; return the format of the rings to start.

        Raises `DeviceError`.
        """
        ...


@runtime_checkable
class PacketSink(Sink, Protocol):
    """A sink that also wants the speech as it came, before it is decoded."""

    def take(self, body: int, item: BodyItem) -> None:
        """Take an item of the body of that number: all items in their order, each before its samples are decoded.

        Packets of a page that proves to be damaged later were taken all the same, where the sink is not ``at_once``.
        """
        ...


@runtime_checkable
class WordSink(Sink, Protocol):
    """A sink that also wants to know of words when they are heard."""

    def tell(self, word: WordStarted) -> None:
        """A word of the speech at hand is heard now."""
        ...


@runtime_checkable
class DescribedSink(Protocol):
    """A sink that describes itself. The description may change until `PreparedSink.prepare` has returned."""

    @property
    def traits(self) -> SinkTraits:
        """What it is."""
        ...


@runtime_checkable
class NamedSink(Protocol):
    """A sink that tells no more than its name."""

    @property
    def name(self) -> str:
        """What the report calls it."""
        ...


@runtime_checkable
class CheckedSink(Protocol):
    """A sink whose device may vanish."""

    def check(self) -> None:
        """Raise `DeviceError` if the device is gone. Called many times a second while sound is played."""
        ...


@runtime_checkable
class CountingSink(Protocol):
    """A sink that counts how often its device ran dry."""

    @property
    def underflows(self) -> int:
        """How often, since the sink was made."""
        ...


def traits_of(sink: Sink) -> SinkTraits:
    """What ``sink`` tells of itself, with a name in any case.

    This is the only place that knows of sinks that tell nothing. Raises `UsageError` for ``traits`` of another type.
    """
    traits = sink.traits if isinstance(sink, DescribedSink) else _DEFAULTS
    if not isinstance(traits, SinkTraits):
        raise UsageError(f"the sink {type(sink).__name__!r} describes itself with {traits!r}: use SinkTraits(...)")
    if traits.name:
        return traits
    name = sink.name if isinstance(sink, NamedSink) else ""
    return replace(traits, name=str(name or type(sink).__name__))


def check_sink(sink: Sink) -> None:
    """Raise `DeviceError` if the device of ``sink`` is gone; nothing happens for a sink that cannot tell."""
    if isinstance(sink, CheckedSink):
        sink.check()


def underflows_of(sink: Sink) -> int:
    """How often the device of ``sink`` ran dry; 0 for a sink that cannot tell."""
    return sink.underflows if isinstance(sink, CountingSink) else 0


_DEFAULTS = SinkTraits()
