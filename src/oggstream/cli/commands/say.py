"""The commands that make sound: ``say`` and ``play``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..terminal.logs import logging_to
from ..terminal.loop import run_in_loop
from .speaking import Speaking

if TYPE_CHECKING:
    from argparse import Namespace

    from ...engine.requests.script import Text
    from ..terminal.console import Console
    from ..terminal.interrupts import Interrupts


def speak(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """Speak or play what ``args`` say, and print the report if asked for. Raises what `play_stream` raises."""
    with logging_to(console, args.log_level):
        text = "" if args.command == "play" else text_of(args.text)
        if text is None:
            from .typed import speak_lines

            speak_lines(args, console, interrupts)
        else:
            speaking = Speaking(args, console, text)
            interrupts.on_leaving = console.clear
            run_in_loop(speaking.run(), interrupts)


def text_of(words: list[str]) -> Text | None:
    """The text to say: the arguments, or standard input as it arrives; None where that is typed, line by line.

    Raises `TextError` if there is neither.
    """
    if words and words != ["-"]:
        # Bytes that were no text in the terminal's encoding came as lone surrogates; no service takes those.
        return " ".join(words).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    from ..terminal import stdin

    stdin.check_connected()
    return None if stdin.is_typed() else stdin.arriving()
