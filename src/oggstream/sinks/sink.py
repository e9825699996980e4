"""What a sink is: a small protocol that anything may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..audio.ring import PcmRing


class SinkFormat(NamedTuple):
    """The number of channels (None: as many as the stream has) and the rate in which a sink wants its ring."""

    channels: int | None
    rate: int


@runtime_checkable
class Sink(Protocol):
    """Plays what a ring holds, by calling its ``read_into``.

    One ring at a time; after `drain` or `abort` the next may be started. Who made a sink closes it. A sink whose device
    may vanish has ``check()``, which raises `DeviceError` then; it is called many times a second while sound is played.
    One that takes what there is when it is there, and plays nothing, has ``at_once = True``.
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


@runtime_checkable
class PreparedSink(Sink, Protocol):
    """A sink that must be opened before it is started, and has a format of its own."""

    async def prepare(self) -> SinkFormat:
        """Open what there is to open, once, off the event loop's thread; return the format of the rings to start.

        Raises `DeviceError`.
        """
        ...
