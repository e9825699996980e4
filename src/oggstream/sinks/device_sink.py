"""The loudspeaker: a PortAudio stream whose callback reads the ring.

The callback runs in PortAudio's thread and must return within a period (5 ms by default). It is written in C where that
was built (`oggstream.sinks.native`), else in Python (`oggstream.sinks.stream_callback`), where the period includes the
wait for the interpreter's lock.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from ..errors import DeviceError
from ..events import Warned, emit
from ..threads import begin
from .device_clock import Heartbeat
from .device_stream import Opening, take
from .sink import Closing, SinkTraits

if TYPE_CHECKING:
    from ..audio.ring import PcmRing
    from .sink import SinkFormat
    from .stream_callback import StreamCallback

POLL_SECONDS = 0.01  # between looks at a ring that is nearly drained; a block is taken well before it is heard
REST_SECONDS = 0.1  # the same while much is left: short enough for the heartbeat, and a wake-up costs 0.1 ms
log = logging.getLogger("oggstream.device")
OPEN_SECONDS = 10.0  # longest wait for the audio system to open the device
CLOSE_SECONDS = 2.0  # the same to close it
FADE_OUT_SECONDS = 0.25  # longest wait for a fade to be heard before the stream is closed
RETURN_SECONDS = 3.5  # longest wait for a lost device, after the 1.25 s at most until the loss is noticed
IDLE_SECONDS = 20.0  # without a ring, after which the device is closed
PAUSE_SECONDS = 0.15  # of silence ahead, in which the device may be opened again unheard
FOLLOW_SECONDS = 2.0  # between two looks at which output is the default one; a look starts a process


class DeviceSink(Closing):
    """Plays on an output device.

    ``device`` is an index, a name or part of one (see `oggstream.sinks.portaudio.devices`), or None for the system's
    default; where it is busy or refuses, the next best that ``device`` may mean is opened. ``latency`` is how far ahead
    of the converter the device is asked to run, in seconds. None: 0.02, or what its host API can hold, and more where
    the device runs dry (see `oggstream.sinks.latency_steps`): then it is opened again, in the next pause, or at once
    where gaps go on. ``blocksize`` is the samples per callback, 0 for what suits the device. ``lead_in`` is silence
    that must have been played since the device was opened before the first sample: Bluetooth swallows the first part of
    a second otherwise.

    A device that stops playing is opened again, with a `Warned` event, and playback goes on from what was heard last.
    With ``follow_default`` (and no ``device``) so is another one when it becomes the default output, on systems that
    do not move streams themselves. ``switch_interval`` (seconds) is Python's own while the device is open, restored
    afterwards: with the callback in Python, and other threads at work, 0.0003 keeps the sound whole more often.

    The stream is opened by `prepare` and plays silence until `aclose`, or until an ``async with`` is left, so that the
    next ring starts at once; but after ``idle_close`` seconds without a ring it is closed, and opened again for the
    next one, on what is the default device then. None: it stays open.

    ``callbacks`` and ``underflows`` count what the device asked for, and how often it says that it ran dry.
    """

    traits = SinkTraits(name="device")

    def __init__(
        self,
        device: str | int | None = None,
        *,
        latency: float | None = None,
        lead_in: float = 0.0,
        blocksize: int = 0,
        idle_close: float | None = IDLE_SECONDS,
        follow_default: bool = False,
        switch_interval: float | None = None,
    ) -> None:
        self.device = device
        self._stream = take(
            device, latency=latency, blocksize=blocksize, lead_in=lead_in, switch_interval=switch_interval
        )
        self._follow = follow_default and device is None
        self._idle_close = idle_close
        self._idle: asyncio.TimerHandle | None = None  # until the stream is closed
        self._let_go = False  # it was
        self._ring: PcmRing | None = None  # the one that is played, or was last
        self._heartbeat = Heartbeat()
        self._latest = Opening()  # of the stream
        self._opening: asyncio.Future[None] | None = None  # of `prepare`, until the stream is closed
        self._loss: _Loss | None = None
        self._closing: asyncio.Future[None] | None = None  # of a stream that was given up; nobody waits for it
        self._asking: asyncio.Future[str | None] | None = None  # which output is the default one
        self._ask_at = 0.0
        self._remembering: asyncio.Future[None] | None = None  # what latency the device needs; nobody waits for it
        self._default: str | None = None  # what it was

    @property
    def callback(self) -> str:
        """Which callback reads the rings, "c" or "python"; before the device is open, which one will."""
        output = self._stream.output
        return (output or self._stream.make_callback(_no_clock)).kind

    @property
    def callbacks(self) -> int:
        """How often the device asked for samples."""
        return self._stream.callbacks

    @property
    def underflows(self) -> int:
        """How often it said that it ran dry; not every system tells."""
        return self._stream.underflows

    async def prepare(self) -> SinkFormat:
        """Open the device, once, in a thread, and let it play silence; return its channels and rate.

        Cancelling it lets the opening go on, for the next `prepare` or until `aclose`. Raises `DeviceError`.
        """
        if self._opening is None:
            now, latest = asyncio.get_running_loop().time, Opening()
            self._latest = latest
            self._opening = begin(lambda: self._stream.open(latest, now))
        opening = self._opening
        try:
            async with asyncio.timeout(OPEN_SECONDS):
                await asyncio.shield(opening)
        except TimeoutError as error:
            raise DeviceError(f"the audio system did not open the device within {OPEN_SECONDS:g} s") from error
        finally:
            if opening.done() and opening.exception() is not None:
                self._opening = None  # to be tried again
        self._let_go = False
        self._count_idle()
        log.debug("device %s open: %s", self._stream.device or "by default", self._stream.format)
        return self._stream.format

    def start(self, ring: PcmRing) -> None:
        """Read ``ring`` from the next block on; one that is still playing is faded out first.

        Raises `DeviceError` for a device that is not open, or a ring of another format than `prepare` returned.
        """
        if self._opening is None and self._let_go:
            self._open_again(asyncio.get_running_loop().time(), "")
        output = self._stream.output
        if self._opening is None or (output is None and self._loss is None):
            raise DeviceError("the device is not open: await prepare() first")
        if (ring.channels, ring.rate) != self._stream.format:
            raise DeviceError(f"a ring for this device needs the format {self._stream.format}")
        self.abort()
        self._stop_counting()
        self._ring = ring
        if self._loss is None and output is not None:
            output.play(ring)

    async def drain(self) -> None:
        """Return when the last sample has been heard, by the converter's clock.

        May be awaited from the start on. Raises `DeviceError` when the device stops asking for samples and does not
        come back.
        """
        ring = self._ring
        if ring is None:
            return
        while not ring.done:
            self.check()
            await asyncio.sleep(min(max(ring.fill / ring.rate / 2, POLL_SECONDS), REST_SECONDS))
        self._count_idle()
        await self._heard(ring)
        if self._ring is ring and self._loss is None and self._opening is not None:
            self._adapted(asyncio.get_running_loop().time())

    def check(self) -> None:
        """See that the device still plays; one that does not is opened again, in a thread, while this is called.

        Raises `DeviceError` when it did not come back within 3.5 s.
        """
        now = asyncio.get_running_loop().time()
        if self._loss is None:
            if self._opening is None:
                raise DeviceError("the output device stopped playing: see that it is still there, or choose another")
            if not self._stream.active or not self._heartbeat.alive(self.callbacks, now):
                self._open_again(now, "the output device stopped playing")
            elif not self._adapted(now) and self._follow:
                self._follow_default(now)
            return
        output = self._stream.output
        if self._loss.opening.done() and output is not self._loss.output and output is not None and output.callbacks:
            self._go_on(self._loss, now)
        elif now >= self._loss.until:
            self._give_up(self._loss)

    def abort(self) -> None:
        """Fade out within the next block and stay silent; the stream stays open."""
        if self._ring is not None and not self._ring.done:
            self._ring.cut()
            self._count_idle()

    async def aclose(self) -> None:
        """Fade out what plays, then stop and close the stream, in a thread and within a time limit.

        Cancelling it closes the stream all the same.
        """
        try:
            await self._faded()
        finally:
            self._stop_counting()
            self._let_go = self._latest.wanted = False
            self._ring = self._loss = None
            if self._opening is not None:
                self._opening = None
                await self._closed()

    # Being heard.

    async def _heard(self, ring: PcmRing) -> None:
        """Wait until what ``ring`` has handed over has left the converter."""
        end = ring.time_of(ring.read)
        if end is not None:
            await asyncio.sleep(end - asyncio.get_running_loop().time())

    async def _faded(self) -> None:
        """Cut what plays and wait until its fade is heard, if the device still plays at all."""
        self.abort()
        ring = self._ring
        if ring is not None and ring.cutting and self._stream.output is not None and self._loss is None:
            with suppress(TimeoutError, DeviceError):
                async with asyncio.timeout(FADE_OUT_SECONDS):
                    await self.drain()

    async def _closed(self) -> None:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.shield(begin(self._stream.close))
        except (TimeoutError, DeviceError):
            emit(Warned, message=f"the audio system did not close the device within {CLOSE_SECONDS:g} s")

    # Being idle.

    def _count_idle(self) -> None:
        """Close the stream after a while, unless another ring comes."""
        self._stop_counting()
        if self._idle_close is not None:
            self._idle = asyncio.get_running_loop().call_later(self._idle_close, self._close_idle)

    def _stop_counting(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _close_idle(self) -> None:
        self._idle = None
        playing = self._ring is not None and not self._ring.done
        if self._loss is not None and not playing and self._loss.opening.done():
            self._loss = None
        if playing or self._loss is not None or self._opening is None or not self._opening.done():
            return
        self._opening = None
        self._let_go = True
        self._closing = begin(self._stream.close)

    # Running dry.

    def _adapted(self, now: float) -> bool:
        """Open the device again with more latency, if it runs dry and there is a pause, or gaps go on."""
        self._stream.note_underflows(now)
        steps, ring = self._stream.steps, self._ring
        if steps is None or not steps.wants_more:
            return False
        is_pause = ring is None or ring.done or ring.is_quiet(PAUSE_SECONDS)
        if not is_pause and not steps.is_urgent:
            return False
        latency = self._stream.take_step()
        self._remembering = begin(steps.remember)
        why = "" if is_pause else f"the output device ran dry: it gets {latency * 1000:.0f} ms of latency"
        self._open_again(now, why, OPEN_SECONDS)
        return True

    # Losing the device.

    def _open_again(self, now: float, why: str, patience: float = RETURN_SECONDS) -> None:
        log.debug("device %s: to be opened again%s", self._stream.device or "by default", f": {why}" if why else "")
        clock = asyncio.get_running_loop().time
        latest, output = self._latest, self._stream.output
        latest.wanted = True
        opening = self._opening = begin(lambda: self._stream.reopen(latest, clock, patience))
        self._loss = _Loss(now + patience, now, why, opening, output)

    def _go_on(self, loss: _Loss, now: float) -> None:
        """Play on from the sample that was heard last."""
        ring, output = self._ring, self._stream.output
        assert output is not None
        if ring is not None and not ring.done:
            if ring.read and loss.output is not None and loss.output.called is not None:
                ring.rewind(ring.heard_at(loss.output.called))
            output.play(ring)
        self._loss = None
        self._heartbeat = Heartbeat()
        if loss.why:
            emit(Warned, message=f"{loss.why}; it went on after {now - loss.since:.1f} s")

    def _give_up(self, loss: _Loss) -> NoReturn:
        """Close what there is, so that the next `prepare` begins anew."""
        self._latest.wanted = False
        self._loss = None
        self._opening = None
        self._closing = begin(self._stream.close)
        error = loss.opening.exception() if loss.opening.done() else None
        reason = f" ({error})" if error else ""
        why = loss.why or "the output device was not in use"
        raise DeviceError(
            f"{why} and did not come back{reason}: see that it is still there, or choose another"
        ) from error

    def _follow_default(self, now: float) -> None:
        """Look now and then which output is the default one, and move to it when that has changed."""
        from .portaudio import default_output

        if self._asking is None and now >= self._ask_at:
            self._asking = begin(default_output)
        elif self._asking is not None and self._asking.done():
            name = None if self._asking.exception() else self._asking.result()
            self._asking, self._ask_at = None, now + FOLLOW_SECONDS
            before, self._default = self._default, name or self._default
            if before is not None and self._default != before:
                self._open_again(now, f"the default output is {self._default!r} now")


class _Loss(NamedTuple):
    """A device that plays no more: how long it is waited for, since when, why, its new opening, and the callback of
    the stream that was lost.
    """

    until: float
    since: float
    why: str
    opening: asyncio.Future[None]
    output: StreamCallback | None


def _no_clock() -> float:
    return 0.0
