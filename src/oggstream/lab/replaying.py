"""Replays captures: on a virtual clock into a simulated device, or in real time over HTTP into a real one."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import OggStreamError
from ..events import Event, Progress, Resumed, SegmentStarted
from ..sources.captures.replay_source import ReplaySource, end_of
from ..sources.wrapper import close
from ..streams import play_stream
from .clairvoyant import Clairvoyant, Point, clairvoyant, packets
from .replay_figures import Stall, regret
from .virtual_clock import VirtualLoop

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..options import PlaybackOptions
    from ..report import PlaybackReport
    from ..sources.captures.capture import Capture
    from ..sources.source import Source
    from ..types import SinkLike
    from .network import Network

RATE = 48000


class Job(NamedTuple):
    """One replay to be made: ``capture`` as it arrives, by way of the network if there is one, in this ``round``."""

    capture: Capture
    round: int


class Run(NamedTuple):
    """One replay that was made.

    ``report`` is that of section 3 of the contract with the lab's figures in its ``playout``. ``arrived`` says when
    which audio was there, ``played`` are points (seconds since the request, seconds of audio heard) of the playout,
    ``stalls`` its gaps. ``error`` is what ended it early.
    """

    job: Job
    report: dict[str, Any]
    best: Clairvoyant | None
    arrived: list[Point]
    played: list[tuple[float, float]]
    stalls: list[Stall]
    error: OggStreamError | None

    @property
    def name(self) -> str:
        """The capture's name."""
        return self.job.capture.name


def jobs(
    captures: Sequence[Capture], *, repeat: int = 1, network: Network | None = None, seed: int | None = None
) -> Iterator[Job]:
    """All captures, ``repeat`` times over, so that what was learnt from one may serve the next.

    A ``network`` is entered at its beginning, or with a ``seed`` at a moment that follows from seed, round and place.
    """
    for turn in range(1, repeat + 1):
        for place, capture in enumerate(captures):
            if network is None:
                yield Job(capture, turn)
                continue
            chance = random.Random(f"{seed}/{turn}/{place}")  # noqa: S311  # it must be repeatable
            start = 0.0 if seed is None else chance.uniform(0, network.period)
            yield Job(shaped(capture, network, start), turn)


def shaped(capture: Capture, network: Network, start: float = 0.0) -> Capture:
    """The capture as it would have come through ``network``."""
    arrivals = network.pass_through(capture.arrivals, start)
    ended = max(end_of(capture), arrivals[-1][0]) if arrivals else capture.ended
    return capture._replace(arrivals=arrivals, ended=ended)


async def play(
    job: Job,
    sink: SinkLike,
    *,
    options: PlaybackOptions,
    source: Callable[[Capture], Source] = ReplaySource,
    on_event: Callable[[Event], object] | None = None,
) -> Run:
    """Play one capture and account for it. A failure of the speech is part of the result, and is not raised."""
    trace = _Trace(on_event)
    error: OggStreamError | None = None
    report: PlaybackReport | None
    voice = source(job.capture)
    try:
        report = await play_stream(
            job.capture.text,
            source=voice,
            sink=sink,
            options=options,
            on_event=trace.note,
            format=job.capture.format,
        )
    except OggStreamError as failure:
        if failure.report is None:
            raise
        error, report = failure, failure.report
    finally:
        await close(voice)
    arrived = packets(job.capture)
    best = clairvoyant(arrived, options.slowest)
    told = accounted(report, job, best)
    return Run(job, told, best, arrived, trace.played(report), trace.stalls(report), error)


def accounted(report: PlaybackReport, job: Job, best: Clairvoyant | None) -> dict[str, Any]:
    """The report as plain data, with the capture's name and what the playout paid above the best. Needs a loop."""
    told = report.as_dict()
    told["capture"], told["round"] = job.capture.name, job.round
    if isinstance(asyncio.get_running_loop(), VirtualLoop):
        told["timing"]["process_start"] = None  # it was on another clock
    told["playout"]["clairvoyant_start"] = None if best is None else round(best.start, 6)
    told["playout"]["clairvoyant_start_stretched"] = None if best is None else round(best.start_stretched, 6)
    told["playout"]["regret"] = regret(told, best)
    return told


class _Trace:
    """Keeps what the events say about the course of playing."""

    def __init__(self, on_event: Callable[[Event], object] | None) -> None:
        self._on_event = on_event
        self._played: list[tuple[float, float]] = []
        self._stalls: list[Stall] = []

    def note(self, event: Event) -> None:
        """Take notice of an event and pass it on."""
        match event:
            case SegmentStarted() if not self._played:
                self._played.append((event.at, 0.0))
            case Progress():
                self._played.append((event.at, event.position / RATE))
            case Resumed():
                begun = event.at - event.seconds
                heard = event.position / RATE
                self._stalls.append(Stall(begun, event.seconds))
                self._played += [(begun, heard), (event.at, heard)]
        if self._on_event is not None:
            self._on_event(event)

    def played(self, report: PlaybackReport) -> list[tuple[float, float]]:
        """The course of playing, times counted from the request. It never goes back."""
        zero = report.timing.request_sent or 0.0
        end = [] if report.timing.end is None else [(report.timing.end, report.audio.seconds)]
        points = sorted([*self._played, *end])
        most = accumulate((heard for _, heard in points), max)
        return [(at - zero, heard) for (at, _), heard in zip(points, most, strict=True)]

    def stalls(self, report: PlaybackReport) -> list[Stall]:
        """The silences after which sound went on, times counted from the request."""
        zero = report.timing.request_sent or 0.0
        return [gap._replace(at=gap.at - zero) for gap in self._stalls]


@asynccontextmanager
async def served() -> AsyncIterator[Callable[[Capture], Source]]:
    """A server on this machine that sends captures chunk by chunk when their times come, for sources that read them.

    Yields what makes a source of a capture: one that asks the server over HTTP. Raises `SourceError` if no port is
    to be had.
    """
    from .capture_server import CaptureServer

    server = CaptureServer()
    await server.start()
    try:
        yield server.source
    finally:
        await server.stop()
