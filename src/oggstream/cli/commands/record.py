"""``record``: speaks to a capture, and to a device only if one is named."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...sinks.sink import SinkTraits
from ...sinks.wav_sink import WavSink
from ...sources.captures.recording import RecordingSource, check_place
from ..terminal.logs import logging_to
from ..terminal.loop import run_in_loop
from ..terminal.stdin import arriving
from . import say
from .speaking import Speaking

if TYPE_CHECKING:
    from argparse import Namespace

    from ...sinks.sink import Sink
    from ...sources.source import Source
    from ..terminal.console import Console
    from ..terminal.interrupts import Interrupts


def record(args: Namespace, console: Console, interrupts: Interrupts) -> None:
    """Speak ``args.text`` to the capture ``args.name``. Raises what `play_stream` raises, and `OutputError`.

    What came of a speech that fails or is interrupted is a capture all the same.
    """
    with logging_to(console, args.log_level):
        check_place(args.name)
        text = say.text_of(args.text)
        recording = Recording(args, console, arriving() if text is None else text)
        interrupts.on_leaving = console.clear
        try:
            run_in_loop(recording.run(), interrupts)
        finally:
            for path in recording.written:
                console.note(f"recorded {path}")


class Recording(Speaking):
    """One run of ``record``: as ``say``, but written down, and unheard unless a sink was named."""

    _recorder: RecordingSource | None = None

    @property
    def written(self) -> list[str]:
        """The captures that there are now."""
        return [] if self._recorder is None else self._recorder.names

    def _make_source(self) -> Source:
        self._recorder = RecordingSource(super()._make_source(), self._args.name)
        return self._recorder

    def _make_sinks(self) -> list[Sink]:
        if not self._args.sink and self._args.device is None:
            return [Unheard()]
        return super()._make_sinks()


class Unheard(WavSink):
    """Takes what comes at once, so that nothing waits for it to be heard; keeps nothing."""

    traits = SinkTraits(name="capture", at_once=True)

    def __init__(self) -> None:
        super().__init__(os.devnull)
