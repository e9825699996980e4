"""``chat``: asks a chat model, and speaks the answer while it is written."""

from __future__ import annotations

import asyncio
import sys
from argparse import Namespace
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ...events import Event, Progress, SegmentEnded, SegmentStarted, WordStarted
from ...text.deltas import text_of
from ..terminal import stdin
from ..terminal.console import is_terminal
from ..terminal.echo import Transcript
from .chat_model import ChatModel
from .conversation import Conversation
from .typed import END

if TYPE_CHECKING:
    from ...errors import OggStreamError
    from ...player import Speech
    from ...report import PlaybackReport
    from ..terminal.console import Console
    from ..terminal.interrupts import Interrupts

SYSTEM = (
    "Your answers are spoken aloud. Answer as one speaks: in plain sentences, brief unless asked for more, "
    "without headings, lists, tables, code or links unless they are asked for."
)


def chat(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """Ask ``args.question``, or what is typed, and speak the answers. Raises what `play_stream` raises."""
    question = " ".join(args.question).strip()
    question = "" if question == "-" else question
    typing = stdin.is_typed()
    if not question and typing:
        console.note(f"ask; another line interrupts, an empty one stops, {END} ends")
    if not question and not typing:
        stdin.check_connected()
    Chat(args, console, question, typing=typing).speak(interrupts)


class Answer:
    """What the model has written so far of the answer to ``question``."""

    def __init__(self, question: str) -> None:
        self.question = question
        self._parts: list[str] = []

    def add(self, text: str) -> None:
        """It has written on."""
        self._parts.append(text)

    @property
    def text(self) -> str:
        """All that it has written."""
        self._parts = ["".join(self._parts)]
        return self._parts[0]


class Chat(Conversation):
    """A conversation with a model that knows of its answers what was heard of them.

    A line that is typed interrupts the answer and is the next question. With a ``question`` it ends with the answer,
    unless somebody has typed a line by then. The answer is written to standard output as far as it was spoken.
    """

    def __init__(self, args: Namespace, console: Console, question: str, *, typing: bool) -> None:
        super().__init__(args, console, typing=typing)
        self._question = question
        self._ends = bool(question)
        system = SYSTEM if args.system is None else args.system
        self._messages = [{"role": "system", "content": system}] if system else []
        self._answers: list[tuple[PlaybackReport, Answer]] = []
        self._answer = Answer("")
        self._cut = False  # by a line that was typed
        self._speaking: asyncio.Task[None] | None = None
        on_screen = self._live is not None and is_terminal(sys.stdout)
        self._transcript = None if args.json else Transcript(wraps=on_screen, keyboard=self._keyboard)

    async def begin(self) -> None:
        """Ask the first question, if there is one already."""
        if not self._question and not self.typing:
            self._question = "".join([part async for part in stdin.arriving()])
        if self._question:
            self._ask(self._question)

    async def heed(self, line: str) -> None:
        """Stop the answer, and ask what was typed."""
        self._ends = False
        self._cut = bool(line.strip())
        if self._speaking is not None:
            await self.player.stop()
            await self._speaking
        if line.strip():
            self._ask(line.strip())

    def ended(self, speech: Speech, report: PlaybackReport, error: OggStreamError | None) -> None:
        """Keep in mind what was heard of an answer, and show all of it that will be."""
        answer = self._answer
        said = speech.heard().text if report.stopped or error else answer.text
        if said.strip():
            self._messages.append({"role": "assistant", "content": said})
        elif error is not None:
            self._messages.pop()  # as if it had not been asked
        self._answers.append((report, answer))
        if self._transcript is not None:
            if not self._keyboard.active:
                self._console.clear()
            # After a typed line the text of the last moment has no place any more.
            self._transcript.finish("" if self._cut else answer.text if error else said)

    def as_dict(self, report: PlaybackReport) -> dict[str, Any]:
        """The report of an answer, with what was asked and what the model wrote."""
        pairs = ({"question": it.question, "answer": it.text} for other, it in self._answers if other is report)
        return super().as_dict(report) | next(pairs, {})

    async def _play(self) -> None:
        args = self._args
        self._model = ChatModel(
            args.chat_model,
            args.chat_base_url,
            connect_timeout=args.connect_timeout,
            patience=args.first_byte_timeout,
        )
        try:
            await super()._play()
        finally:
            await self._model.aclose()

    def _ask(self, question: str) -> None:
        self._answer = Answer(question)
        self._cut = False
        if self._messages and self._messages[-1]["role"] == "user":  # of whose answer nothing was heard
            self._messages[-1]["content"] += f"\n{question}"
        else:
            self._messages.append({"role": "user", "content": question})
        speech = self.say(self._written(self._answer), question)
        if self._live is not None:
            self._live.wait("asking")
        self._speaking = self._group.create_task(self._follow(speech))

    async def _written(self, answer: Answer) -> AsyncGenerator[Any, None]:
        async with aclosing(self._model.answer(list(self._messages))) as chunks:
            async for chunk in chunks:
                answer.add(text_of(chunk))
                yield chunk

    async def _follow(self, speech: Speech) -> None:
        await self.follow(speech)
        if self._ends and not self._keyboard.typed:
            self._reading.cancel()

    def _on_event(self, event: Event) -> None:
        on_screen = self._transcript is not None and self._transcript.wraps
        if not (on_screen and isinstance(event, Progress | WordStarted)):  # the text stands where they are shown
            super()._on_event(event)
        if self._transcript is None or not isinstance(event, SegmentStarted | SegmentEnded | Progress):
            return
        if on_screen and isinstance(event, SegmentStarted) and self._live is not None:
            self._live.close()  # the text takes its place
        if self._open:
            self._transcript.show(self._open[-1].heard().text)

    def _interrupt(self) -> bool:
        """The only question was on the command line: then it ends the program."""
        return not self._ends and super()._interrupt()

    def _make_room(self) -> None:
        super()._make_room()
        if self._transcript is not None:
            self._transcript.break_row()
