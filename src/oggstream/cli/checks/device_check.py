"""Checks the output device: which one it is, whether it opens and plays, whether its clock is right."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from itertools import pairwise
from typing import Any, NamedTuple

from ...errors import DeviceError
from . import mends
from .finding import FAIL, OK, WARN, Finding, failed

SILENCE_SECONDS = 1.2
SETTLING_SECONDS = 0.3  # at the beginning, in which a device fills its buffers as fast as it can
DRIFT = 0.02  # of the device's clock against its own rate, beyond which its times mislead


class CallForSamples(NamedTuple):
    """A call for samples: PortAudio's two times, how many samples, and whether the device had run dry."""

    dac: float
    called: float
    samples: int
    underflow: bool


class Played(NamedTuple):
    """What playing silence showed."""

    channels: int
    rate: float
    blocks: list[CallForSamples]


async def check_callback(_args: Namespace) -> list[Finding]:
    """Who hands samples to the device: a callback in C, or one in Python, which other threads can hold up."""
    from ...sinks import native

    try:
        native.library()
    except native.Missing as missing:
        says = f"the audio callback is Python's ({missing}): busy threads in the same process can be heard"
        if os.environ.get(native.SWITCH):
            return [Finding("callback", OK, says)]
        return [Finding("callback", WARN, says, mends.rebuild())]
    return [Finding("callback", OK, "the audio callback is in C: other threads of the process do not hold it up")]


async def check_device(args: Namespace) -> list[Finding]:
    """The device, and its clock."""
    from ...sinks.devices import candidates
    from ...sinks.portaudio import devices
    from ...threads import in_thread

    try:
        outputs = await in_thread(devices)
        if not outputs and args.device is None:
            says = "there is no output device: `say` and `play` write speech.wav instead"
            return [Finding("device", WARN, says, mends.start_sound())]
        found = candidates(outputs, args.device)[0]
        played = await in_thread(lambda: play_silence(found.index))
    except DeviceError as error:
        return [failed("device", error, "oggstream devices" if args.device is not None else None)]
    name = f"{found.name!r} ({found.index}, {found.host_api})"
    if not played.blocks:
        says = f"output device {name} opens, and asks for no samples"
        return [Finding("device", FAIL, says, "restart the sound server, or choose another with --device")]
    says = f"output device {name} plays: {played.channels} channels, {played.rate:g} Hz"
    return [Finding("device", OK, says), check_clock(played)]


def play_silence(index: int) -> Played:
    """Play silence on a device and note what it asks for. Raises `DeviceError`; may block, so call it in a thread."""
    from ...sinks.portaudio import close_output, open_output

    blocks: list[CallForSamples] = []

    def callback(out: Any, frames: int, times: Any, status: Any) -> None:
        out[:] = bytes(len(out))
        dry = bool(status and status.output_underflow)
        blocks.append(CallForSamples(times.outputBufferDacTime, times.currentTime, frames, dry))

    stream = open_output(index, callback)
    played = Played(stream.channels, stream.samplerate, blocks)
    try:
        time.sleep(SILENCE_SECONDS)
    finally:
        close_output(stream)
    return played


def check_clock(played: Played) -> Finding:
    """Whether the times that the device tells are those of its samples."""
    blocks = [block for block in played.blocks if block.called - played.blocks[0].called >= SETTLING_SECONDS]
    if len(blocks) < 3:
        says = f"the device asked for samples {len(played.blocks)} times in {SILENCE_SECONDS:g} s"
        return Finding("clock", WARN, says, "restart the sound server, or choose another device with --device")
    leads = sorted(block.dac - block.called for block in blocks)
    lead = leads[len(leads) // 2]
    period = sum(block.samples for block in blocks) / len(blocks) / played.rate
    underflows = sum(block.underflow for block in blocks)
    figures = {"lead": round(lead, 6), "period": round(period, 6), "underflows": underflows}
    if lead <= 0 or not all(earlier.dac < later.dac for earlier, later in pairwise(blocks)):
        says = "the device does not tell when its samples are heard: times in reports are estimates"
        return Finding("clock", WARN, says, "choose another host API, see `oggstream devices`", figures)
    speed = sum(block.samples for block in blocks[:-1]) / played.rate / (blocks[-1].dac - blocks[0].dac)
    figures["rate"] = round(speed, 6)
    says = f"the device's clock: {speed:.4f} of its rate, {lead * 1000:.1f} ms lead, {period * 1000:.1f} ms a period"
    if abs(speed - 1) > DRIFT:
        return Finding("clock", WARN, f"{says}: times in reports are off by that much", None, figures)
    if underflows:
        return Finding(
            "clock", WARN, f"{says}; it ran dry {underflows} times", "close what loads this machine", figures
        )
    return Finding("clock", OK, says, None, figures)
