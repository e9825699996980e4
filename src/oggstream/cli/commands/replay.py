"""``replay``: plays captures with their arrival times, and reports the latency."""

from __future__ import annotations

import os
import sys
import tempfile
from argparse import Namespace
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

from ...errors import OggStreamError, OutputError
from ...events import Event, Progress, Warned
from ...files import access
from ...lab.replay_figures import summary
from ...lab.replaying import Job, Run, jobs, play, served
from ...options import PlaybackOptions
from ...sources.captures.capture import Capture, load
from ...sources.captures.replay_source import ReplaySource
from ..output.result import SCHEMA, as_json
from ..terminal.console import Console, is_terminal, show, show_lines, write_quietly
from ..terminal.live import columns, is_wanted
from ..terminal.logs import logging_to
from ..terminal.loop import run_in_loop
from ..terminal.width import fitted, one_line
from .speaking import sinks_named

if TYPE_CHECKING:
    from ...sinks.sink import Sink
    from ...sources.source import Source
    from ..terminal.interrupts import Interrupts


def replay(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """Replay what ``args`` say, and show the figures. Raises `CaptureError`, `UsageError`, and what a replay raised.

    A replay that fails does not keep the others from being made.
    """
    with logging_to(console, args.log_level), tempfile.TemporaryDirectory(prefix="oggstream-") as folder:
        try:
            replays = Replays(args, console, os.path.join(folder, "history.json"))
        except OggStreamError as error:
            if args.json:
                with suppress(OutputError):
                    show(as_json(error, captures=[]))
            raise
        interrupts.on_leaving = console.clear
        try:
            replays.run(lambda main, loop: run_in_loop(main, interrupts, loop))
        except KeyboardInterrupt:
            with suppress(OutputError):
                replays.conclude()
            raise
        replays.conclude()
        replays.raise_failure()


class Replays:
    """All replays of one call. ``history`` is the file in which the rounds learn, unless ``args`` name another."""

    def __init__(self, args: Namespace, console: Console, history: str) -> None:
        self._args = args
        self._console = console
        captures = [load(path) for path in args.captures]
        network = None
        if args.network is not None:
            from ...lab.network import load_network

            network = load_network(args.network)
        if args.report is not None:
            _check_folder(args.report)
        self._jobs = list(jobs(captures, repeat=args.repeat, network=network, seed=args.seed))
        self._options = PlaybackOptions(
            first_byte_timeout=args.first_byte_timeout,
            stall_timeout=args.stall_timeout,
            history={None: history, "none": None}.get(args.history, args.history),
        )
        self._runs: list[Run] = []
        self._line = _Line(len(self._jobs), console)

    def run(self, in_loop: Callable[[Coroutine[Any, Any, None], Any], None]) -> None:
        """Make the replays: in virtual time each in a loop of its own, so that none depends on those before."""
        try:
            if not self._virtual:
                in_loop(self._in_real_time(), None)
                return
            from ...lab.virtual_clock import VirtualLoop
            from ...sinks.null_sink import NullSink

            for job in self._jobs:
                in_loop(self._play(job, [NullSink()], ReplaySource), VirtualLoop())
        finally:
            self._line.close()

    async def _in_real_time(self) -> None:
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(served())
            sinks = sinks_named(self._args)
            for sink in sinks:
                stack.push_async_callback(sink.aclose)
            for job in self._jobs:
                await self._play(job, sinks, source)

    @property
    def _virtual(self) -> bool:
        """Whether time is."""
        return bool(self._args.sink == ["null"])

    async def _play(self, job: Job, sinks: list[Sink], source: Callable[[Capture], Source]) -> None:
        self._line.begin(len(self._runs) + 1, job)
        make = source if self._args.save is None else self._saving(source)
        run = await play(job, sinks, options=self._options, source=make, on_event=self._on_event)
        self._runs.append(run)
        if run.error is not None and len(self._jobs) > 1:
            self._console.warn(f"{run.name}: {run.error}")

    def _saving(self, source: Callable[[Capture], Source]) -> Callable[[Capture], Source]:
        from ..save import SavingSource

        return lambda capture: SavingSource(lambda: source(capture), self._args.save)

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Warned):
            self._console.warn(event.message)
        elif isinstance(event, Progress) and not self._virtual:
            self._line.heard(event.position / 48000)

    def conclude(self) -> None:
        """Show and write what came out so far. Raises `OutputError`."""
        runs = self._runs
        if not runs:
            return
        figures = summary([run.report for run in runs], [run.stalls for run in runs])
        if self._args.report is not None:
            from ...lab.replay_page import page

            _write(self._args.report, page(runs, figures))
        if self._args.json:
            import json

            several = {"schema": SCHEMA, "captures": [run.report for run in runs], "summary": figures}
            show(json.dumps(runs[0].report if len(self._jobs) == 1 else several))
        elif "wav:-" not in self._args.sink and self._args.save != "-" and any(_has_sound(run) for run in runs):
            from ..output.latency_table import table

            show_lines(table(figures, columns() if is_terminal(sys.stdout) else None))

    def raise_failure(self) -> None:
        """Raise what the first replay that failed had raised."""
        for run in self._runs:
            if run.error is not None:
                raise run.error


def _has_sound(run: Run) -> bool:
    return bool(run.report["audio"]["samples"])


class _Line:
    """A line on a terminal that tells which replay is being made."""

    def __init__(self, total: int, console: Console) -> None:
        self._total = total
        self._console = console
        self._wanted = is_wanted() and not console.quiet
        self._title = ""
        self._shown = 0
        if self._wanted:
            console.before = self._clear

    def begin(self, number: int, job: Job) -> None:
        """Replay ``number`` begins."""
        turn = f" (round {job.round})" if job.round > 1 else ""
        self._title = f"replay {number}/{self._total}  {one_line(os.path.basename(job.capture.name))}{turn}"
        self._draw(self._title)

    def heard(self, seconds: float) -> None:
        """So much of it was heard."""
        self._draw(f"{self._title}  {seconds:.1f} s")

    def close(self) -> None:
        """Take the line off the terminal for good."""
        self._clear()
        if self._wanted:
            self._console.before = None

    def _draw(self, text: str) -> None:
        if self._wanted:
            text = fitted(text, columns() - 1)
            write_quietly(sys.stderr, f"\r{text}{' ' * (self._shown - len(text))}")
            self._shown = len(text)

    def _clear(self) -> None:
        if self._shown:
            write_quietly(sys.stderr, f"\r{' ' * self._shown}\r")
            self._shown = 0


def _check_folder(path: str) -> None:
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder) or os.path.isdir(path) or not os.access(folder, os.W_OK):
        raise OutputError(f"cannot write {path}: name a file in a folder that is there and may be written to")


def _write(path: str, text: str) -> None:
    try:
        with open(access.open_output(path), "wb") as file:
            access.empty(file.fileno())
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise OutputError(f"cannot write {path}: {access.reason(error)}") from error
