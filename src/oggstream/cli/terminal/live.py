"""The live line: progress of a speech on a terminal (text, seconds heard, seconds buffered, first sound).

Drawn from the session's events, with no task or thread of its own: after each `Progress`, and by a timer of the loop
while nothing sounds yet. It is overwritten in place with no more than a carriage return and spaces, which every
terminal knows, and never longer than the terminal is wide.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING

from ...audio.frame import RATE
from ...events import (
    Event,
    Progress,
    RequestSent,
    ResponseStarted,
    Resumed,
    Retrying,
    SegmentEnded,
    SegmentStarted,
    Stalled,
    WordStarted,
)
from ...text.word_borders import word_end_from
from .console import BOLD, DIM, PLAIN, is_terminal, printable, write_quietly
from .width import cells, fitted, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...report import PlaybackReport

PERIOD = 0.1  # seconds between two drawings while nothing sounds yet
ROOMY = 60  # columns from which the numbers are explained
NARROW = 24  # columns below which only numbers are shown
CHARACTERS_PER_SECOND = 20  # nobody speaks faster; tells which part of a long text to show
LEAD = 16  # characters shown before the one that is presumably spoken
ECHO = 2  # cells that a terminal takes to show Ctrl-C, after which the line must still be the same one
WORTH_TELLING = 0.01  # seconds of made-up or drawn-out sound
MARGIN = 4  # cells beside the text: two in front, two brackets
AHEAD = 60  # characters behind the last word in which the next one is looked for
TELLING = 1.0  # seconds that a piece must last to tell how fast the voice speaks

_WAITS: dict[type[Event], str] = {RequestSent: "waiting", Retrying: "trying again", ResponseStarted: "receiving"}


class LiveLine:
    """A line on ``sys.stderr``: about the piece of text that is spoken, and ``title`` until there is one.

    ``pace`` is how many characters may be spoken in a second at most (0: the text does not move). Give it the events
    of a session (`on_event`), call `clear` before anything else is written, `close` at the end; it may be used again
    for another speech after `begin`.
    """

    def __init__(self, title: str, pace: float = CHARACTERS_PER_SECOND, *, colour: bool = False) -> None:
        self._pace = pace
        self._colour = colour
        self.drawn = False  # it was on the terminal at least once
        self._shown = 0  # cells of the line on the terminal
        self._timer: asyncio.TimerHandle | None = None
        self.show: Callable[[str], bool] = lambda _: False  # shows the line in our place, or says that it does not
        self._voice: float | None = None  # characters per second of the last piece that told
        self.begin(title)

    def begin(self, title: str) -> None:
        """Be about another speech."""
        self._title = self._piece = one_line(title)
        self._state = "connecting"  # until it plays; then "playing" or "stalled"
        self._clock = 0.0  # seconds waited until it plays; then seconds heard
        self._buffered = 0.0
        self._first_sound: float | None = None
        self._piece_at = 0.0  # when the piece began, on the session's clock
        self._piece_from: float | None = None  # seconds heard by then
        self._word = (0, 0)  # characters of the piece that are spoken now
        self._began = 0.0  # when waiting began, on the loop's clock

    def on_event(self, event: Event) -> None:
        """Take note, and draw if there is something new to see."""
        match event:
            case RequestSent() | Retrying() | ResponseStarted():
                self.wait(_WAITS[type(event)])
            case SegmentStarted():
                self._begin_piece(event)
            case SegmentEnded():
                self._end_piece(event)
            case WordStarted():
                self._begin_word(event)
            case Progress():
                self._clock, self._buffered = event.position / RATE, event.buffered
                if self._piece_from is None:
                    self._piece_from = max(0.0, self._clock - (event.at - self._piece_at))
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
        """Take the line off the terminal."""
        self._stop_timer()
        self.clear()
        self.show("")

    def wait(self, state: str) -> None:
        """Count the seconds from now on, until something sounds; ``state`` says what is waited for."""
        if self._first_sound is not None:  # the request is one for what comes next
            return
        self._state = state
        if self._timer is None:
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

    def _begin_piece(self, event: SegmentStarted) -> None:
        if self._first_sound is None:
            self._first_sound = event.at
            self._stop_timer()
        self._state = "playing"
        self._piece = one_line(event.text) or self._title
        self._piece_at, self._piece_from = event.at, None
        self._word = (0, 0)

    def _end_piece(self, event: SegmentEnded) -> None:
        seconds = event.at - self._piece_at
        if seconds >= TELLING:
            self._voice = len(self._piece) / seconds

    def _begin_word(self, event: WordStarted) -> None:
        """Light a word, where the piece has it: for what was replaced in the text, another one is spoken."""
        word, after = one_line(event.text), self._word[1]
        start = self._piece.find(word, after, after + AHEAD + len(word)) if word else -1
        if start >= 0:
            self._word = (start, start + len(word))
            self._draw()

    def _draw(self) -> None:
        self.drawn = True
        width = columns() - 1 - ECHO  # in the last column some terminals wrap already
        numbers = fitted(self._numbers(width), width)
        words, lit = self._words(width - len(numbers), marked=not self._colour) if width >= NARROW else ("", (0, 0))
        if self.show(printable(numbers + words)):
            return
        length = len(numbers) + cells(words)
        padding = " " * (min(self._shown, width) - length)
        if self._colour and lit[1]:
            words = f"{words[: lit[0]]}{BOLD}{words[lit[0] : lit[1]]}{PLAIN}{words[lit[1] :]}"
        if self._colour:
            numbers = f"{DIM}{numbers}{PLAIN}"
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

    def _words(self, width: int, *, marked: bool) -> tuple[str, tuple[int, int]]:
        """What goes on, and the text from shortly before what is being said; and where in it the word is that is lit.

        ``marked``: it stands between brackets, which take the place of spaces.
        """
        state = "" if self._state == "playing" else f"{self._state}: "
        start = self._start(width)
        whole, shift = f"  {state}{self._piece[start:]}", 2 + len(state) - start
        first, last = self._word[0] + shift, self._word[1] + shift
        lit = self._word[1] > start and self._state == "playing"
        if lit and marked:
            opened = whole[: first - whole.startswith(" ", first - 1)]
            whole = f"{opened}[{whole[first:last]}]{whole[last + whole.startswith(' ', last) :]}"
        shown = fitted(whole, width)
        return shown, (first, last) if lit and whole.startswith(shown[:last]) and last <= len(shown) else (0, 0)

    def _start(self, width: int) -> int:
        """Where the part of the piece begins that is worth showing: from shortly before what is being said."""
        if self._word[1] and cells(self._piece) + MARGIN <= width:
            return 0
        wide = max(cells(self._piece), 1) / max(len(self._piece), 1)
        lead = int((min(LEAD, width // 3) if self._word[1] else LEAD) / wide)  # characters; fewer of wide ones
        before = min(int(self._said()), len(self._piece)) - lead
        if before <= 0:
            return 0
        start = word_end_from(self._piece, before, before + lead)
        return start + self._piece.startswith(" ", start)

    def _said(self) -> float:
        """Characters of the piece that are said: up to the latest word, or as many as are likely.

        Early on, before much is there, the share heard of what there is would be too far: ``pace`` is the limit.
        """
        if self._first_sound is None or self._piece_from is None or not self._pace:
            return 0
        if self._word[1]:
            return self._word[0]
        heard = self._clock - self._piece_from
        share = heard / max(heard + self._buffered, 0.001)
        return heard * self._voice if self._voice else min(share * len(self._piece), heard * self._pace)


def summary(*reports: PlaybackReport) -> str:
    """One line about a speech that is over, or about several together."""
    parts = [f"{sum(report.audio.seconds for report in reports):.1f} s"]
    if len(reports) == 1 and reports[0].timing.first_sample is not None and reports[0].sink != "wav":
        parts.append(f"first sound after {reports[0].timing.first_sample:.2f} s")
    stalls = _total(reports, "stalls")
    if stalls:
        parts.append(f"{_count(int(stalls), 'stall')} ({_total(reports, 'stall_seconds'):.1f} s)")
    parts += _mended(reports)
    if underflows := int(_total(reports, "device_underflows")):
        parts.append(_count(underflows, "device underrun"))
    return ", ".join(parts)


def _mended(reports: Sequence[PlaybackReport]) -> list[str]:
    """What was made up or drawn out."""
    parts = []
    concealed, stretched = _total(reports, "concealed_seconds"), _total(reports, "stretched_seconds")
    if holes := sum(report.stream.holes for report in reports):
        parts.append(f"{_count(holes, 'hole')} concealed ({concealed:.2f} s)")
    elif concealed >= WORTH_TELLING:
        parts.append(f"{concealed:.2f} s concealed")
    if stretched >= WORTH_TELLING:
        parts.append(f"slowed down by {stretched:.2f} s")
    return parts


def _total(reports: Sequence[PlaybackReport], name: str) -> float:
    return float(sum(getattr(report.playout, name) for report in reports))


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
