"""``say`` without a text on a terminal: speaks typed lines, one by one."""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from ...errors import TextError
from .conversation import Conversation

if TYPE_CHECKING:
    from ..terminal.console import Console
    from ..terminal.interrupts import Interrupts

INTERRUPT = "!"
END = "Ctrl-Z and Enter" if sys.platform == "win32" else "Ctrl-D"


def speak_lines(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """Speak what is typed, until Ctrl-D and to the end of that. Raises what `play_stream` raises."""
    console.note(f"type lines; one with {INTERRUPT} interrupts, an empty one stops, {END} ends")
    Lines(args, console, typing=True).speak(interrupts)


class Lines(Conversation):
    """Says each line behind those before it. An empty one stops, one that begins with `INTERRUPT` interrupts."""

    _said = False

    async def heed(self, line: str) -> None:
        """Say a line, or stop."""
        text = line.strip()
        interrupt = text.startswith(INTERRUPT)
        text = text.removeprefix(INTERRUPT).strip()
        if text:
            self._said = True
            self._group.create_task(self.follow(self.say(text, text, interrupt=interrupt)))
        else:
            await self.player.stop()

    async def _read(self) -> None:
        await super()._read()
        if not self._said:
            raise TextError("the text is empty: there is nothing to say")
