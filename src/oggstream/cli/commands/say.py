"""The commands that make sound: ``say`` and ``play``."""

from __future__ import annotations

import os
import stat
import sys
from typing import TYPE_CHECKING

from ..terminal.logs import logging_to
from ..terminal.loop import run_in_loop
from ..wishes import text_in
from .speaking import Speaking

if TYPE_CHECKING:
    from argparse import Namespace

    from ...engine.requests.script import Text
    from ..terminal.console import Console
    from ..terminal.interrupts import Interrupts


def speak(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """Speak or play what ``args`` say, and print the report if asked for. Raises what `play_stream` raises."""
    with logging_to(console, args.log_level):
        if args.command == "say" and not args.text and stdin_is_audio():
            args.command, args.input = "play", "-"
            console.note("standard input is audio: playing it")
        text = "" if args.command == "play" else text_of(args.text)
        if text is None and args.output is not None:
            from ..terminal.stdin import arriving

            text = arriving()
        if text is None:
            from .typed import speak_lines

            speak_lines(args, console, interrupts)
        else:
            speaking = Speaking(args, console, text)
            interrupts.on_leaving = console.clear
            run_in_loop(speaking.run(), interrupts)


def stdin_is_audio() -> bool:
    """Whether standard input is a file of audio (`oggstream < hello.opus`). A pipe is not looked into."""
    if sys.stdin is None:
        return False
    try:
        number = sys.stdin.fileno()
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return False
        first = os.pread(number, 64, os.lseek(number, 0, os.SEEK_CUR))
    except (OSError, ValueError, AttributeError):  # no file, or no pread (Windows)
        return False
    return first.startswith((b"OggS", b"RIFF", b"fLaC", b"ID3"))


def text_of(words: list[str]) -> Text | None:
    """The text to say: the arguments, or standard input as it arrives; None where that is typed, line by line.

    Raises `TextError` if there is neither.
    """
    if (text := text_in(words)) is not None:
        return text
    from ..terminal import stdin

    stdin.check_connected()
    return None if stdin.is_typed() else stdin.arriving()
