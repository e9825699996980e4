"""A device's stream: opening, closing and reopening it. All of this may block, so it is called in threads."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Any

from ..errors import DeviceError
from . import interval
from .latency_steps import LatencySteps
from .sink import SinkFormat
from .stream_callback import PythonCallback

if TYPE_CHECKING:
    from .stream_callback import StreamCallback

RETRY_SECONDS = 0.1  # between two attempts to open a device again


class Opening:
    """An opening that the event loop waits for. If it is no longer ``wanted``, the opened stream is closed again."""

    def __init__(self) -> None:
        self.wanted = True


class DeviceStream:
    """At most one open stream, and the callback that it asks for samples. The parameters are `DeviceSink`'s."""

    def __init__(
        self,
        device: str | int | None,
        *,
        latency: float | None,
        blocksize: int,
        lead_in: float,
        switch_interval: float | None,
    ) -> None:
        self.device = device
        self.output: StreamCallback | None = None
        """The callback of the open stream."""
        self.make_callback = make_callback
        """Makes the callback of each stream, with the event loop's clock."""
        self.steps = LatencySteps() if latency is None else None
        """Finds the latency, if none was asked for."""
        self._latency = latency if self.steps is None else self.steps.choose
        self._blocksize = blocksize
        self._lead_in = lead_in
        self._switch_interval = switch_interval
        self._guard = Lock()  # held while opening or closing
        self._stream: Any = None  # sounddevice's
        self._form: tuple[int, int] | None = None  # channels and rate of the one that was opened last
        self._past_callbacks = self._past_underflows = 0  # of streams that were closed
        self._noted = 0  # underflows of the open stream that `steps` knows of

    @property
    def format(self) -> SinkFormat:
        """Of the stream that was opened last."""
        return SinkFormat(*(self._form or (None, 0)))

    @property
    def callbacks(self) -> int:
        """How often the device asked for samples, over all streams."""
        output = self.output
        return self._past_callbacks + (output.callbacks if output else 0)

    @property
    def underflows(self) -> int:
        """How often it said that it ran dry, over all streams."""
        output = self.output
        return self._past_underflows + (output.underflows if output else 0)

    @property
    def active(self) -> bool:
        """There is a stream, and PortAudio holds that it runs."""
        stream = self._stream
        return stream is not None and bool(stream.active)

    def open(self, opening: Opening, now: Callable[[], float], form: tuple[int, int] | None = None) -> None:
        """Open and start a stream, in the format ``form`` or none; ``now`` is the event loop's clock.

        After an earlier stream the devices are listed anew: another may be the default by now. Raises `DeviceError`.
        """
        from .portaudio import close_output, open_output, refresh

        with self._guard:
            if self._stream is not None:  # it was kept open
                return
            if self._form is not None:
                refresh()
            output = self.make_callback(now)
            stream = open_output(
                self.device,
                output.callback,
                latency=self._latency,
                blocksize=self._blocksize,
                form=form,
                before_start=lambda stream: self._settle(output, stream),
            )
            if not opening.wanted:
                close_output(stream)
                output.release()
                return
            self._noted = 0
            self._form = (stream.channels, round(stream.samplerate))
            self.output = output
            self._stream = stream
            if self._switch_interval is not None and output.kind == "python":
                interval.shorten(self._switch_interval)

    def close(self) -> None:
        """Close the stream, if there is one, after an opening that is still under way. Raises `DeviceError`."""
        from .portaudio import close_output

        with self._guard:
            stream, self._stream = self._stream, None
            output = self.output
            if stream is None or output is None:
                return
            if self._switch_interval is not None and output.kind == "python":
                interval.restore(self._switch_interval)
            self._past_callbacks += output.callbacks
            self._past_underflows += output.underflows
            self.output = None
            close_output(stream)
            output.release()  # not where closing hangs: the device may go on calling

    def note_underflows(self, now: float) -> None:
        """Tell `steps` of those since the last call."""
        output = self.output
        if self.steps is not None and output is not None:
            underflows = output.underflows
            self.steps.ran_dry(underflows - self._noted, now)
            self._noted = underflows

    def take_step(self) -> float:
        """Let the next opening ask for more latency; return it."""
        assert self.steps is not None
        return self.steps.step(self.output.longest_gap if self.output else 0.0)

    def reopen(self, opening: Opening, now: Callable[[], float], seconds: float) -> None:
        """Close the stream and open one in the same format, again and again until it works, for ``seconds``.

        Raises `DeviceError`, that of the last attempt.
        """
        deadline = time.monotonic() + seconds
        with suppress(DeviceError):  # it hangs, and is left behind
            self.close()
        while opening.wanted:
            try:
                self.open(opening, now, self._form)
            except DeviceError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return

    def _settle(self, output: StreamCallback, stream: Any) -> None:
        lead = round(self._lead_in * stream.samplerate)
        output.settle(channels=stream.channels, latency=stream.latency, lead=lead)


def make_callback(now: Callable[[], float]) -> StreamCallback:
    """A callback in C if there is one, else in Python."""
    from .native import Missing, NativeCallback

    try:
        return NativeCallback(now)
    except Missing:
        return PythonCallback(now)


_kept: DeviceStream | None = None
"""A stream of the default device, opened ahead of the sink that will use it."""


def keep() -> None:
    """Open the default device for the next sink that wants it as it is. Blocks. Raises `DeviceError`."""
    global _kept  # noqa: PLW0603  # one for the process, as the device is one
    _kept = DeviceStream(None, latency=None, blocksize=0, lead_in=0.0, switch_interval=None)
    _kept.open(Opening(), time.monotonic)


def rest() -> None:
    """Close the stream that is kept; the sink opens it again. Blocks. Raises `DeviceError`."""
    if _kept is not None:
        _kept.close()


def give_up() -> None:
    """Close the stream that is kept, and have the devices listed anew by whoever opens the next one. Blocks."""
    global _kept  # noqa: PLW0603  # as above
    from .portaudio_thread import unload

    rest()
    _kept = None
    unload()


def take(
    device: str | int | None, *, latency: float | None, blocksize: int, lead_in: float, switch_interval: float | None
) -> DeviceStream:
    """The stream that is kept, if it is as the caller wants it, else a new one that is not open."""
    global _kept  # as above
    if _kept is not None and (device, latency, blocksize, lead_in, switch_interval) == (None, None, 0, 0.0, None):
        stream, _kept = _kept, None
        return stream
    return DeviceStream(device, latency=latency, blocksize=blocksize, lead_in=lead_in, switch_interval=switch_interval)
