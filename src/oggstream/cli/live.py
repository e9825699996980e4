"""The line on a terminal that tells how a speech is going: what is said, heard, buffered, and when it began.

Drawn from the session's events, with no task or thread of its own: after each `Progress`, and by a timer of the loop
while nothing sounds yet. It is overwritten in place with no more than a carriage return and spaces, which every
terminal knows, and never longer than the terminal is wide.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from ..audio.frame import RATE
from ..events import Event, Progress, RequestSent, ResponseStarted, Resumed, Retrying, SegmentStarted, Stalled
from .console import is_terminal, write_quietly
from .width import cells, fitted, one_line

if TYPE_CHECKING:
    from ..report import PlaybackReport

PERIOD = 0.1  # seconds between two drawings while nothing sounds yet
ROOMY = 60  # columns from which the numbers are explained
NARROW = 24  # columns below which only numbers are shown
CHARACTERS_PER_SECOND = 20  # nobody speaks faster; tells which part of a long text to show
LEAD = 16  # characters shown before the one that is presumably spoken
ECHO = 2  # cells that a terminal takes to show Ctrl-C, after which the line must still be the same one

_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"


class LiveLine:
    """A line on ``sys.stderr``. ``text`` is what is said, at ``pace`` characters per second (0: do not follow it).

    Give it the events of the session (`on_event`), call `clear` before anything else is written, `close` at the end.
    """

    def __init__(self, text: str, pace: float = CHARACTERS_PER_SECOND, *, colour: bool = False) -> None:
        self._text = one_line(text)
        self._pace = pace
        self._colour = colour
        self._state = "connecting"  # until it plays; then "playing" or "stalled"
        self._clock = 0.0  # seconds waited until it plays; then seconds heard
        self._buffered = 0.0
        self._first_sound: float | None = None
        self._began = 0.0  # when waiting began, on the loop's clock
        self._shown = 0  # cells of the line on the terminal
        self._timer: asyncio.TimerHandle | None = None

    def on_event(self, event: Event) -> None:
        """Take note, and draw if there is something new to see."""
        match event:
            case RequestSent():
                self._wait("waiting")
            case Retrying():
                self._wait("trying again")
            case ResponseStarted():
                self._wait("receiving")
            case SegmentStarted():
                self._first_sound = event.at
                self._state = "playing"
                self._stop_timer()
            case Progress():
                self._clock, self._buffered = event.position / RATE, event.buffered
                self._draw()
            case Stalled():
                self._state = "stalled"
            case Resumed():
                self._state = "playing"

    def clear(self) -> None:
        """Take the line off the terminal, until the next event."""
        if self._shown:
            write_quietly(sys.stderr, f"\r{' ' * min(self._shown + ECHO, columns() - 1)}\r")
            self._shown = 0

    def close(self) -> None:
        """Take the line off the terminal for good."""
        self._stop_timer()
        self.clear()

    def _wait(self, state: str) -> None:
        self._state = state
        if self._timer is None and self._first_sound is None:
            self._began = asyncio.get_running_loop().time()
            self._tick()

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(PERIOD, self._tick)
        self._clock = loop.time() - self._began
        self._draw()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _draw(self) -> None:
        width = columns() - 1 - ECHO  # in the last column some terminals wrap already
        numbers = fitted(self._numbers(width), width)
        words = fitted(f"  {self._words()}", width - len(numbers)) if width >= NARROW else ""
        length = len(numbers) + cells(words)
        padding = " " * (min(self._shown, width) - length)
        if self._colour:
            numbers = f"{_DIM}{numbers}{_PLAIN}"
        write_quietly(sys.stderr, f"\r{numbers}{words}{padding}")
        self._shown = length

    def _numbers(self, width: int) -> str:
        """Waiting: for how long. Playing: heard, buffered, and if there is room when the first sound came."""
        if width < NARROW:
            return f"{self._clock:.1f} s"
        clock = f"{self._clock:5.1f} s"
        if self._first_sound is None:
            return clock
        if width < ROOMY:
            return f"{clock} +{self._buffered:.1f} s"
        return f"{clock}, {self._buffered:4.1f} s buffered, first sound {self._first_sound:.2f} s"

    def _words(self) -> str:
        """What goes on, and the text from shortly before what is being said."""
        if self._state == "playing":
            return self._text[self._start() :]
        return f"{self._state}: {self._text[self._start() :]}"

    def _start(self) -> int:
        """Where the part of the text begins that is worth showing: by the share heard of what there is by now.

        Early on, before much is there, that would be too far: `CHARACTERS_PER_SECOND` is the limit.
        """
        if self._first_sound is None or not self._pace:
            return 0
        share = self._clock / max(self._clock + self._buffered, 0.001)
        before = min(int(share * len(self._text)), int(self._clock * self._pace)) - LEAD
        if before <= 0:
            return 0
        space = self._text.find(" ", before, before + LEAD)
        return before if space < 0 else space + 1


def summary(report: PlaybackReport) -> str:
    """One line about a speech that is over."""
    parts = [f"{report.audio.seconds:.1f} s"]
    if report.timing.first_sample is not None and report.sink != "wav":
        parts.append(f"first sound after {report.timing.first_sample:.2f} s")
    playout = report.playout
    if playout.stalls:
        parts.append(f"{_count(playout.stalls, 'stall')} ({playout.stall_seconds:.1f} s)")
    if report.stream.holes:
        parts.append(f"{_count(report.stream.holes, 'hole')} concealed ({playout.concealed_seconds:.2f} s)")
    if playout.device_underflows:
        parts.append(_count(playout.device_underflows, "device underrun"))
    return ", ".join(parts)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def is_wanted() -> bool:
    """Whether somebody looks at standard error, on a terminal that can overwrite a line."""
    return is_terminal(sys.stderr) and os.environ.get("TERM") != "dumb"


def colour_is_wanted() -> bool:
    """Whether the terminal may be sent colours (https://no-color.org)."""
    terminal = os.environ.get("TERM", "")
    return not os.environ.get("NO_COLOR") and terminal not in ("", "dumb")


def columns() -> int:
    """The width of the terminal right now; 80 where it does not tell."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80
