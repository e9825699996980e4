"""One speech from the command line: its source, sink, live line and report.

Shared by ``say``, ``play``, ``record`` and ``chat``.
"""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ...audio.frame import RATE
from ...errors import OggStreamError, OutputError
from ...events import Event, Warned
from ...sinks import turn
from ...sinks.sink import PreparedSink, traits_of
from ...streams import play_stream
from ..save import SavingSource
from ..terminal.console import Console, show
from ..wishes import device_settings, playback_options, speech_options

if TYPE_CHECKING:
    from argparse import Namespace

    from ...engine.requests.script import Text
    from ...report import PlaybackReport
    from ...sinks.sink import Sink
    from ...sources.source import Source
    from ..terminal.live import LiveLine


class Speaking:
    """One run of ``say`` or ``play``."""

    def __init__(self, args: Namespace, console: Console, text: Text) -> None:
        self._args = args
        self._console = console
        self._text = text
        self._live: LiveLine | None = None
        self._source = SavingSource(self._make_source, args.save)
        self._sinks: list[Sink] = []
        self._report: PlaybackReport | None = None

    async def run(self) -> None:
        """Speak, and conclude in every case with the report and a word on what is left behind."""
        try:
            await self._play()
        except OggStreamError as error:
            self._report = error.report or self._unfinished(error)
            with suppress(OutputError):  # the first error is the one to tell
                self._conclude()
            raise
        except asyncio.CancelledError as cancelled:
            self._report = getattr(cancelled, "report", None) or self._unfinished(None)
            with suppress(OutputError):
                self._conclude()
            raise
        finally:
            self._close_live_line()
        self._conclude()

    async def _play(self) -> None:
        async with AsyncExitStack() as stack:
            # Closed last to first: the sink, which may sound, before the connection.
            stack.push_async_callback(self._source.aclose)
            if self._output is not None:
                await self._write(self._output)
                return
            await self._open_sinks(stack)
            self._report = await play_stream(
                self._text,
                source=self._source,
                sink=self._sinks,
                options=playback_options(self._args),
                on_event=self._on_event,
                **speech_options(self._args),
            )

    @property
    def _output(self) -> str | None:
        """The file that is written instead of playing."""
        return getattr(self._args, "output", None)

    async def _write(self, path: str) -> None:
        from ...shortcuts import save

        options, wishes = playback_options(self._args), speech_options(self._args)
        self._report = await save(
            self._text, path, source=self._source, options=options, on_event=self._on_event, **wishes
        )

    async def _open_sinks(self, stack: AsyncExitStack) -> None:
        """Make the sinks, which ``stack`` closes; open the device that was named, before a service is asked.

        Raises `DeviceError`.
        """
        self._sinks = self._make_sinks()
        for sink in self._sinks:
            stack.push_async_callback(sink.aclose)
        for sink in self._sinks if self._args.device is not None else ():
            if traits_of(sink).name == "device" and isinstance(sink, PreparedSink):
                await sink.prepare()

    def _make_source(self) -> Source:
        return make_source(self._args, self._console)

    def _make_sinks(self) -> list[Sink]:
        return make_sinks(self._args, self._console)

    def _on_event(self, event: Event) -> None:
        gc.enable()  # the request is out, or there is none; see `main.run`
        if isinstance(event, Warned):
            self._console.warn(event.message)
        if self._live is not None:
            self._live.on_event(event)
        elif not self._args.quiet:
            self._open_live_line(event)

    @property
    def _pace(self) -> float:
        """Characters spoken in a second, at most; 0 for what has no text."""
        from ..terminal.live import CHARACTERS_PER_SECOND

        return 0.0 if self._args.command == "play" else CHARACTERS_PER_SECOND * (self._args.speed or 1.0)

    def _open_live_line(self, event: Event) -> None:
        """At the first event, which is when the request is out: until then there is no time to lose."""
        from ..terminal import live

        if live.is_wanted():
            self._live = live.LiveLine(self._title, self._pace, colour=live.colour_is_wanted())
            self._console.before = self._live.clear
            self._live.on_event(event)

    @property
    def _title(self) -> str:
        """What is spoken or played, before any of it is known."""
        if self._args.command == "play":
            return str(self._args.input)
        return self._text if isinstance(self._text, str) else "standard input"

    def _close_live_line(self) -> None:
        if self._live is not None:
            self._live.close()
            if not self._live.drawn:  # then nothing has taken Ctrl-C, as the terminal shows it, away
                self._console.before = None

    def _conclude(self) -> None:
        """Say what was odd and what is left behind; print the report."""
        report = self._report
        assert report is not None
        self._close_live_line()
        if report.audio.samples:  # what is odd about a body without sound is told by its error
            for warning in report.stream.warnings:
                self._console.warn(warning)
        if not report.completed:
            self._tell_leftovers(report)
        elif self._live is not None:
            from ..terminal.live import summary

            self._console.note(summary(report))
        if self._args.json:
            import json

            show(json.dumps(report.as_dict()))

    def _tell_leftovers(self, report: PlaybackReport) -> None:
        """Say what files hold now, but those whose very failure is the error."""
        failure = report.error.message if report.error else ""
        left: dict[str, str] = {}
        saved = self._source.saved
        if saved is not None and saved.count:
            left[saved.path] = f"{saved.count} bytes"
        for place, sink in zip(self._places, report.sinks, strict=False):
            if (sink.name == "wav" or self._output) and sink.samples:
                left[place.removeprefix("wav:")] = f"{sink.samples / RATE:.1f} s"
        for path, amount in left.items():
            if path != "-" and path not in failure:
                self._console.note(f"{path} holds the {amount} that came")

    @property
    def _places(self) -> list[str]:
        """What the sinks are called, in their order."""
        return [self._output] if self._output else self._args.sink or ["wav:speech.wav"]

    def _unfinished(self, error: OggStreamError | None) -> PlaybackReport:
        """The report of a speech that did not begin, or that could not be brought to its end."""
        from ... import report

        told = report.ErrorInfo(type=type(error).__name__, message=str(error)) if error else None
        if self._report is not None:
            return replace(self._report, completed=False, error=told)
        return report.PlaybackReport(
            completed=False,
            stopped=error is None,
            text_chars=len(self._text) if isinstance(self._text, str) else 0,
            source=self._source.name,
            sink=traits_of(self._sinks[0]).name if self._sinks else "",
            timing=report.Timing(),
            audio=report.AudioInfo(),
            stream=report.StreamInfo(),
            playout=report.PlayoutInfo(),
            requests=report.RequestInfo(),
            error=told,
        )


def make_source(args: Namespace, console: Console) -> Source:
    """What ``args`` say that speaks, or is played."""
    if args.command == "play":
        return _source_of(args.input, args.connect_timeout)
    settings = {"base_url": args.base_url, "connect_timeout": args.connect_timeout}
    if args.service is None:
        from ..service_choice import default_source

        return default_source(console, **settings)
    from ...sources.resolve_source import named

    return named(args.service, **settings)


def make_sinks(args: Namespace, console: Console) -> list[Sink]:
    """Where ``args`` want the sound, and in whose company; the leading sink first."""
    turn.way = next((way for way in ("interrupt", "mix") if getattr(args, way, False)), "queue")
    if args.device is None and not args.sink:
        from ..fallback import DeviceOrFile

        return [DeviceOrFile(console, **device_settings(args))]
    return sinks_named(args)


def sinks_named(args: Namespace) -> list[Sink]:
    """The sinks that ``args`` name; the default device where they name none."""
    return [_sink_named(name, args) for name in args.sink or ["device"]]


def _sink_named(name: str, args: Namespace) -> Sink:
    if name == "device" and args.device is not None:
        from ...sinks.device_sink import DeviceSink

        return DeviceSink(args.device, **device_settings(args))
    from ...sinks.resolve_sink import coerce_sink

    return coerce_sink(name, playback_options(args))[0]


def _source_of(place: str, connect_timeout: float) -> Source:
    """What ``play`` plays: a URL, a path, or ``-``."""
    if place.startswith(("http://", "https://")):
        from ...sources.http.url_source import HttpSource

        return HttpSource(place, connect_timeout=connect_timeout)
    from ...sources.resolve_source import from_place

    return from_place(place)
