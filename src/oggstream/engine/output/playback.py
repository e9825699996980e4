"""A speech on one sink: opens that, keeps its ring full, and waits for the last sample."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from ...audio.frame import RATE
from ...sinks.sink import PreparedSink, SinkFormat, WordSink, check_sink, traits_of
from ..loading import load_codec
from .outlet import Outlet

if TYPE_CHECKING:
    from ...events import WordStarted
    from ...options import PlaybackOptions
    from ...sinks.sink import Sink
    from .pacing import Pacing


class Look(Protocol):
    """What is to be done now and then while sound is played."""

    @property
    def pause(self) -> float:
        """Seconds until the next look."""
        ...

    def look(self, outlet: Outlet) -> None:
        """See how far ``outlet`` has come."""
        ...


class Playback:
    """One speech on ``sink``, through ``outlet``. ``handed_over`` is set when the sink has all samples.

    All methods raise the errors of the sink.
    """

    def __init__(self, sink: Sink, options: PlaybackOptions, pacing: Pacing) -> None:
        self.sink = sink
        self.pacing = pacing
        self.outlet = Outlet(sink, options, pacing)
        self.handed_over = asyncio.Event()
        self.tell = sink.tell if isinstance(sink, WordSink) else _untold  # of a word that is heard now

    async def prepare(self, *, samples: bool) -> SinkFormat:
        """Open the sink and load the codec, at the same time; return the format that the sink wants.

        ``samples``: the speech is likely to come as samples.
        """
        self.pacing.get_ready()
        loading = load_codec(samples=samples)
        sink_format = SinkFormat(None, RATE)
        if isinstance(self.sink, PreparedSink):
            _, sink_format = await asyncio.gather(loading, self.sink.prepare())
        else:
            await loading
        self.pacing.at_once = traits_of(self.sink).at_once  # may have changed on opening
        return sink_format

    async def fill(self, watch: Look) -> None:
        """Keep the ring full until it has everything."""
        await self.outlet.settled.wait()
        while not self.outlet.finished:
            self.outlet.top_up()
            watch.look(self.outlet)
            check_sink(self.sink)
            await asyncio.sleep(min(self.outlet.pause, watch.pause))

    async def drain(self, watch: Look) -> None:
        """Return when the last sample has been heard, if there is one."""
        if self.outlet.ring is None:
            return
        draining = asyncio.create_task(self.sink.drain())
        try:
            while not draining.done():
                await asyncio.wait({draining}, timeout=watch.pause)
                watch.look(self.outlet)
                if self.outlet.ring.done:
                    self.handed_over.set()
            draining.result()
        finally:
            draining.cancel()
            await asyncio.wait({draining})

    def silence(self) -> None:
        """Fade out this speech, but no other speech on the same sink."""
        ring = self.outlet.ring
        if ring is not None and not ring.done:
            self.sink.abort()

    def forget(self) -> None:
        """Drop what would keep the ring alive."""
        self.pacing.forget()
        self.outlet.on_ring = None


def _untold(_word: WordStarted) -> None:
    """Do nothing: the sink asks for no words."""
