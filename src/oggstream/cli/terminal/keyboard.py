"""Lines typed on the terminal while something else is shown there: edited by prompt_toolkit, below what goes on."""

from __future__ import annotations

import asyncio
import os
import sys
from codecs import getincrementaldecoder
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Any, Self

from ...threads import in_thread, pump
from ..files import read_chunks
from .console import printable, write_quietly
from .reflow import moved, reflows

if TYPE_CHECKING:
    from prompt_toolkit.application import Application

PROMPT = "> "
HISTORY = "typed"
"""The file in the cache folder that keeps what was typed."""
MOST_HISTORY = 1 << 18  # bytes of it; beyond that it begins anew


class Keyboard:
    """The terminal at standard input. ``edits``: with a line editor, which has the last rows of the terminal to itself.

    ``make_room`` is called before a row is written: it ends one that is not complete. ``on_interrupt`` is called at
    Ctrl-C; it says whether there was something to interrupt, else the program gets the signal. In its ``with`` block
    the terminal's modes are kept, so that `restore` can give them back at any moment. Where there is no line editor the
    terminal edits and shows the line itself.
    """

    def __init__(self, *, edits: bool, make_room: Callable[[], object], on_interrupt: Callable[[], bool]) -> None:
        self._edits = edits
        self._make_room = make_room
        self._on_interrupt = on_interrupt
        self._above = ""
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._app: Application[None] | None = None
        self._modes: list[Any] | None = None

    @property
    def active(self) -> bool:
        """Whether the line editor is on the terminal."""
        return self._app is not None and self._app.is_running

    @property
    def typed(self) -> str:
        """The line so far, where it is known."""
        return str(self._app.current_buffer.text) if self._app is not None and self.active else ""

    def __enter__(self) -> Self:
        with suppress(ImportError, OSError, ValueError):
            import termios

            with suppress(termios.error):
                self._modes = termios.tcgetattr(sys.stdin.fileno())
        return self

    def __exit__(self, *_: object) -> None:
        self.restore()

    def restore(self) -> None:
        """Give the terminal back as it was. May be called twice."""
        modes, self._modes = self._modes, None
        if modes is not None:
            import termios

            with suppress(OSError, ValueError, termios.error):
                termios.tcsetattr(sys.stdin.fileno(), termios.TCSADRAIN, modes)

    def show(self, text: str) -> bool:
        """Show ``text`` above the line that is typed; false where there is no line editor."""
        if text != self._above:
            self._above = text
            self.draw()
        return self.active

    def erase(self) -> None:
        """Make room to write on the terminal; `draw` comes behind it."""
        if self._app is not None and self.active:
            self._app.renderer.erase()

    def draw(self) -> None:
        """Show everything again, soon."""
        if self._app is not None and self.active:
            self._app.invalidate()

    async def lines(self) -> AsyncGenerator[str, None]:
        """The lines, each when it is complete, to Ctrl-D. Raises `SourceError`."""
        if self._edits:
            with suppress(ImportError):
                await in_thread(_load_editor)
                self._app = _application(self)
        async with aclosing(_plain_lines() if self._app is None else self._edited_lines(self._app)) as lines:
            async for line in lines:
                yield line

    async def _edited_lines(self, app: Application[None]) -> AsyncGenerator[str, None]:
        self._make_room()
        running = asyncio.ensure_future(app.run_async(handle_sigint=False, set_exception_handler=False))
        running.add_done_callback(lambda _: self._lines.put_nowait(None))  # also where the terminal is gone
        try:
            while (line := await self._lines.get()) is not None:
                yield line
        finally:
            if self.active:
                app.exit()
            else:
                running.cancel()
            with suppress(asyncio.CancelledError, EOFError):
                await running

    def accept(self, line: str) -> None:
        """A line is complete: it stays on the terminal, and goes to whoever waits for it."""
        line = " ".join(line.splitlines())  # of a paste
        self._make_room()
        self.erase()
        if line:
            write_quietly(sys.stderr, f"{PROMPT}{printable(line)}\n")
        self.draw()
        self._lines.put_nowait(line)

    def end(self) -> None:
        """Nothing more will be typed."""
        self._lines.put_nowait(None)

    def interrupt(self) -> None:
        """Ctrl-C: interrupt what goes on, or the program."""
        if not self._on_interrupt():
            import signal

            signal.raise_signal(signal.SIGINT)

    def above(self) -> str:
        """What is shown above the line that is typed."""
        return self._above


async def _plain_lines() -> AsyncGenerator[str, None]:
    """Lines that the terminal has edited itself."""
    decode = getincrementaldecoder("utf-8")("replace").decode
    rest = ""
    async with aclosing(pump(read_chunks("-"))) as chunks:
        async for chunk in chunks:
            *lines, rest = (rest + decode(chunk)).replace("\r", "").split("\n")
            for line in lines:
                yield line
    if rest:
        yield rest


def _load_editor() -> None:
    import prompt_toolkit.shortcuts  # noqa: F401  # takes 0.1 s, which nobody has to wait for


def _application(keyboard: Keyboard) -> Application[None]:
    """The line editor: a row about what goes on, if there is something, and the line below it."""
    from prompt_toolkit.application import Application
    from prompt_toolkit.buffer import Buffer
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.layout import BufferControl, ConditionalContainer, FormattedTextControl, HSplit, Layout, Window
    from prompt_toolkit.layout.processors import BeforeInput

    def accept(typed: Buffer) -> bool:
        keyboard.accept(typed.text)
        return False

    line = Buffer(history=_history(), accept_handler=accept, multiline=False)
    above = Window(FormattedTextControl(keyboard.above), height=1)
    entry = Window(BufferControl(line, [BeforeInput(PROMPT)]), wrap_lines=True, dont_extend_height=True)
    rows = HSplit([ConditionalContainer(above, Condition(lambda: bool(keyboard.above()))), entry])

    app: Application[None] = Application(
        Layout(rows, focused_element=entry),
        key_bindings=_keys(keyboard, line),
        output=_output(),
        erase_when_done=True,
    )
    _find_rows_again(app)
    return app


def _find_rows_again(app: Any) -> None:
    """Where the terminal wraps its rows anew, erase them all before they are drawn anew."""
    draw = app._on_resize  # noqa: SLF001  # it has no public place for this, here and below

    def resized() -> None:
        renderer = app.renderer
        if renderer.last_rendered_screen is not None and reflows():
            cells, columns = renderer.last_rendered_screen.data_buffer, app.output.get_size().columns
            renderer._cursor_pos = moved(cells, renderer._cursor_pos, columns)  # noqa: SLF001
        draw()

    app._on_resize = resized  # noqa: SLF001


def _keys(keyboard: Keyboard, line: Any) -> Any:
    """Ctrl-C, the end of input, and Ctrl-Z; all others are those of Emacs and readline."""
    from prompt_toolkit.filters import Condition
    from prompt_toolkit.key_binding import KeyBindings

    def interrupt(_event: Any) -> None:
        if line.text:
            line.reset()
        else:
            keyboard.interrupt()

    def end(_event: Any) -> None:
        keyboard.end()

    def suspend(event: Any) -> None:
        event.app.suspend_to_background()

    keys, empty = KeyBindings(), Condition(lambda: not line.text)
    keys.add("c-c")(interrupt)
    keys.add("c-d", filter=empty)(end)
    keys.add("c-@", filter=empty)(end)  # what Linux makes of a Ctrl-D that was typed ahead
    keys.add("c-z")(end if sys.platform == "win32" else suspend)
    return keys


def _output() -> Any:
    """Standard error: standard output is for results, and may be a file."""
    from prompt_toolkit.output import create_output

    if sys.platform == "win32":
        return create_output(stdout=sys.stderr)
    from prompt_toolkit.data_structures import Size
    from prompt_toolkit.output.vt100 import Vt100_Output

    def size() -> Any:
        try:
            columns, rows = os.get_terminal_size(sys.stderr.fileno())
        except OSError:
            columns = rows = 0
        return Size(rows=rows or 24, columns=columns or 80)

    # Without asking the terminal where the cursor is: not every one answers, and nothing here needs to know.
    return Vt100_Output(sys.stderr, size, term=os.environ.get("TERM"), enable_cpr=False)


def _history() -> Any:
    """What was typed before: in a private file in the cache folder, or in memory where that cannot be written."""
    from prompt_toolkit.history import FileHistory, InMemoryHistory

    from ...history import default_path

    path = os.path.join(os.path.dirname(default_path()), HISTORY)
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if os.fstat(descriptor).st_size > MOST_HISTORY:
            os.truncate(descriptor, 0)
        os.close(descriptor)
    except OSError:
        return InMemoryHistory()
    return FileHistory(path)
