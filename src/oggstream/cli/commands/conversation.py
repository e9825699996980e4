"""The base of commands that speak several times with one `Player` while lines are typed."""

from __future__ import annotations

import asyncio
import gc
from argparse import Namespace
from contextlib import AsyncExitStack, aclosing, nullcontext
from typing import TYPE_CHECKING, Any

from ...errors import FormatError, OggStreamError, SourceError
from ...player import Player, Speech
from ..terminal import live
from ..terminal.console import Console, ReportedError, show
from ..terminal.keyboard import Keyboard
from ..terminal.logs import logging_to
from ..terminal.loop import run_in_loop
from ..wishes import playback_options, speech_options
from .speaking import Speaking

if TYPE_CHECKING:
    from ...events import Event
    from ...report import PlaybackReport
    from ..terminal.interrupts import Interrupts


class Conversation(Speaking):
    """One run of a command that speaks several times. ``typing``: somebody may type lines, `heed` is what they do.

    A service that fails ends one speech and not the conversation, if somebody types; anything else that fails ends it.
    """

    def __init__(self, args: Namespace, console: Console, *, typing: bool) -> None:
        super().__init__(args, console, "")
        self.typing = typing
        self._reports: list[PlaybackReport] = []
        self._open: list[Speech] = []
        self._told = False
        if not args.quiet and live.is_wanted():
            self._live = live.LiveLine("", self._pace, colour=live.colour_is_wanted())
        edits = typing and self._live is not None
        self._keyboard = Keyboard(edits=edits, make_room=self._make_room, on_interrupt=self._interrupt)
        if self._live is not None:
            self._live.show = self._keyboard.show
            console.before, console.after = self._clear, self._keyboard.draw

    async def begin(self) -> None:
        """What is done before anything is typed."""

    async def heed(self, line: str) -> None:
        """Do what a typed line wants."""
        raise NotImplementedError

    def ended(self, speech: Speech, report: PlaybackReport, error: OggStreamError | None) -> None:
        """Take note that a speech has ended."""

    def speak(self, interrupts: Interrupts) -> None:
        """Run to the end, with the terminal taken over and given back."""
        with logging_to(self._console, self._args.log_level), self._keyboard if self.typing else nullcontext():
            interrupts.on_leaving = self._leave_terminal
            run_in_loop(self.run(), interrupts)
        if self._told:
            raise ReportedError

    async def _play(self) -> None:
        gc.enable()
        try:
            async with AsyncExitStack() as stack:
                stack.push_async_callback(self._source.aclose)
                await self._open_sinks(stack)
                player = Player(
                    source=self._source,
                    sink=self._sinks,
                    options=playback_options(self._args),
                    on_event=self._on_event,
                    **speech_options(self._args),
                )
                self.player = await stack.enter_async_context(player)
                await self._converse()
        finally:
            for speech in self._open:  # they have ended with the player
                report, error = await self._outcome(speech)
                self._reports.append(report)
                self.ended(speech, report, error)

    async def _converse(self) -> None:
        try:
            async with asyncio.TaskGroup() as self._group:
                self._reading = self._group.create_task(self._read() if self.typing else _nothing())
                await self.begin()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures.exceptions[0].__cause__

    async def _read(self) -> None:
        async with aclosing(self._keyboard.lines()) as lines:
            async for line in lines:
                await self.heed(line)
                self._settle()

    def _interrupt(self) -> bool:
        """Stop what is being said, as an empty line does; false if nothing is."""
        if self._open:
            self._group.create_task(self.heed(""))
        return bool(self._open)

    def _clear(self) -> None:
        """Take everything off the terminal that does not stay."""
        if self._live is not None:
            self._live.clear()
        self._keyboard.erase()

    def _make_room(self) -> None:
        """See to it that a row of the terminal can be written from its beginning."""
        if self._live is not None:
            self._live.clear()

    def say(self, text: Any, title: str, *, interrupt: bool = False) -> Speech:
        """Say ``text`` behind what is being said, or with ``interrupt`` instead of it."""
        if self._live is not None and (interrupt or not self._open):
            self._live.begin(title)
        speech = self.player.say(text, interrupt=interrupt)
        self._open.append(speech)
        return speech

    async def follow(self, speech: Speech) -> PlaybackReport:
        """Wait for the end of ``speech``; tell why it failed, or raise that."""
        report, error = await self._outcome(speech)
        self._open.remove(speech)
        self._reports.append(report)
        self.ended(speech, report, error)
        if error is not None:
            if not self.typing or not isinstance(error, SourceError | FormatError):
                self._reports.pop()  # it comes with the error
                raise error
            self._told = True
            self._console.error(str(error))
        self._settle()
        return report

    async def _outcome(self, speech: Speech) -> tuple[PlaybackReport, OggStreamError | None]:
        try:
            return await speech, None
        except OggStreamError as error:
            return error.report or self._unfinished(error), error

    def _settle(self) -> None:
        """Show nothing of a speech where there is none."""
        if self._live is not None and not self._open:
            self._live.close()

    def _leave_terminal(self) -> None:
        self._console.clear()
        self._keyboard.restore()

    def _open_live_line(self, event: Event) -> None:
        """There is none, or it is open already."""

    def _close_live_line(self) -> None:
        if self._live is not None:
            self._live.close()

    def _conclude(self) -> None:
        """Say what was odd and what is left behind; print the report, or all of them."""
        self._close_live_line()
        reports = self._reports
        if self._report is not None and (self._report.error is not None or not reports):
            reports.append(self._report)
        for report in reports:
            for warning in report.stream.warnings if report.audio.samples else ():
                self._console.warn(warning)
        if self._report is not None:
            self._tell_leftovers(reports[-1])
        elif any(report.audio.samples for report in reports) and self._live is not None:
            self._console.note(live.summary(*reports))
        if self._args.json:
            import json

            show(json.dumps(self.as_json(reports)))

    def as_json(self, reports: list[PlaybackReport]) -> dict[str, Any]:
        """The report of the only speech, or all of them in one object."""
        if len(reports) == 1:
            return self.as_dict(reports[0])
        speeches = [self.as_dict(report) for report in reports]
        return {
            "schema": 1,
            "completed": all(report.completed or report.stopped for report in reports),
            "stopped": bool(speeches) and speeches[-1]["stopped"],
            "error": speeches[-1]["error"] if speeches else None,
            "speeches": speeches,
        }

    def as_dict(self, report: PlaybackReport) -> dict[str, Any]:
        """One of the reports as plain data."""
        return report.as_dict()


async def _nothing() -> None:
    """Nobody types."""
