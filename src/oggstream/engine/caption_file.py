"""A file of captions that is written while a speech is heard, and is valid whenever that is interrupted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..audio.frame import RATE
from ..errors import OutputError
from ..events import SegmentEnded, Warned, WordStarted
from ..files import access
from ..text.captions import FORMATS, Captions, CueWord

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..events import Event, Recorder
    from .session import Session


class CaptionFile:
    """Captions at ``path``, in the format of its ending. Raises `OutputError` where it cannot be written.

    Only the cue that grows is written anew, with what ends the file behind it, in one piece.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._name = os.fsdecode(path)
        self._format = FORMATS[os.path.splitext(self._name)[1].lower()]
        self._captions = Captions()
        self._zero: float | None = None  # of the first speech
        self._at = 0  # where the cue that grows begins
        self._written = 0  # bytes from there on
        self._kept = 0  # of these, without what ends the file
        self._cue = 0
        self._file: int | None = None
        try:
            access.check_replaceable(path)
            self._file = access.open_output(path)
            access.empty(self._file)
            self._write(self._format.head.encode(), self._format.tail.encode())
            self._next()
        except OSError as error:
            self.close()
            raise OutputError(f"cannot write captions to {self._name}: {access.reason(error)}") from error

    def follow(self, session: Session, recorder: Recorder, *, at_once: Callable[[], bool]) -> None:
        """Write the words of another speech, as ``recorder`` tells them. Times count from the zero of the first one.

        ``at_once``: whether it is written to a file, as is known once it begins: then times are places in the sound.
        """
        self._captions.begin()
        self._zero = recorder.zero if self._zero is None else self._zero
        later = recorder.zero - self._zero

        def note(event: Event) -> None:
            if isinstance(event, WordStarted):
                at = event.sample / RATE if at_once() else later + event.at
                self._captions.add(CueWord(event.text, event.start, event.end, at, event.sample), session.script.text)
            elif isinstance(event, SegmentEnded) and not at_once():
                self._captions.end(later + event.at)
            else:
                return
            try:
                self._update()
            except OSError as error:
                self.close()
                message = f"no captions from here on: cannot write {self._name}: {access.reason(error)}"
                recorder.record(Warned, message=message)

        recorder.listen(note)

    def close(self) -> None:
        """Close the file; may be called twice."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def _update(self) -> None:
        """Write the cue that grows."""
        cue = self._captions.cue
        if cue is None or self._file is None:
            return
        form = self._format
        if cue.number != self._cue:
            self._cue = cue.number
            self._next()
        between = form.between if cue.number else ""
        self._write((between + form.block(cue)).encode("utf-8", "replace"), form.tail.encode())

    def _next(self) -> None:
        """Leave the present block as it is."""
        self._at += self._kept
        self._written -= self._kept
        self._kept = 0

    def _write(self, block: bytes, tail: bytes) -> None:
        """Write ``block`` where the present one begins, and ``tail`` behind it; what may be left is covered."""
        assert self._file is not None
        data = block + tail
        whole = data + b"\n" * (self._written - len(data))
        done = 0
        while done < len(whole):
            done += _write_at(self._file, whole[done:], self._at + done)
        self._kept, self._written = len(block), len(whole)


def _write_at(file: int, data: bytes, at: int) -> int:
    if hasattr(os, "pwrite"):
        return os.pwrite(file, data, at)
    os.lseek(file, at, os.SEEK_SET)  # Windows
    return os.write(file, data)
