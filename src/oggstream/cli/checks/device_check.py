"""Checks the output device: which one it is, whether it opens and plays, whether its clock is right."""

from __future__ import annotations

import os
import time
from argparse import Namespace
from itertools import pairwise
from typing import Any, NamedTuple

from ...errors import DeviceError
from ...sinks.device_clock import held
from ...sinks.devices import LATENCY
from ...sinks.latency_steps import LatencySteps
from . import mends
from .finding import FAIL, OK, WARN, Finding, failed

SILENCE_SECONDS = 1.2
SETTLING_SECONDS = 0.3  # at the beginning, in which a device fills its buffers as fast as it can
LEAST_BLOCKS = 3  # calls, without which nothing can be said
ENOUGH_BLOCKS = 30  # the same between two underruns, where most of the time is lost to them
DRIFT = 0.02  # of the device's clock against its own rate, beyond which its times mislead


class CallForSamples(NamedTuple):
    """A call for samples: PortAudio's two times, how many samples, and whether the device had run dry."""

    dac: float
    called: float
    samples: int
    underflow: bool


class Played(NamedTuple):
    """What playing silence showed; ``latency`` is what the device was asked for, in seconds."""

    channels: int
    rate: float
    blocks: list[CallForSamples]
    latency: float = LATENCY


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
    """The device, whether it gets its samples in time, and its clock."""
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
    return [Finding("device", OK, says), *check_sound(played)]


def play_silence(index: int) -> Played:
    """Play silence on a device and note what it asks for. Raises `DeviceError`; may block, so call it in a thread."""
    from ...sinks.portaudio import close_output, open_output

    blocks: list[CallForSamples] = []

    def callback(out: Any, frames: int, times: Any, status: Any) -> None:
        out[:] = bytes(len(out))
        dry = bool(status and status.output_underflow)
        blocks.append(CallForSamples(times.outputBufferDacTime, times.currentTime, frames, dry))

    steps = LatencySteps()
    stream = open_output(index, callback, latency=steps.choose)
    played = Played(stream.channels, stream.samplerate, blocks, stream.latency)
    try:
        time.sleep(SILENCE_SECONDS)
    finally:
        close_output(stream)
    return played


def check_sound(played: Played) -> list[Finding]:
    """Whether the device got its samples in time, and whether the times that it tells are those of its samples.

    A device that runs dry stands still meanwhile, so its clock is judged by the stretches in between.
    """
    blocks = [block for block in played.blocks if block.called - played.blocks[0].called >= SETTLING_SECONDS]
    if len(blocks) < LEAST_BLOCKS:
        says = f"the device asked for samples {len(played.blocks)} times in {SILENCE_SECONDS:g} s"
        return [Finding("clock", WARN, says, "restart the sound server, or choose another device with --device")]
    stretches = _between_underruns(blocks, held(played.latency))
    dry = len(stretches) - 1
    found = [_dryness(dry, played.latency)] if dry else []
    longest = max(stretches, key=len)
    if len(longest) < LEAST_BLOCKS or (dry and len(longest) * 2 < len(blocks) and len(longest) < ENOUGH_BLOCKS):
        return found
    return [*found, check_clock(longest, played.rate, dry)]


def _between_underruns(blocks: list[CallForSamples], holds: float) -> list[list[CallForSamples]]:
    """The calls, parted where the device had run dry: it says so, or was called too late."""
    stretches: list[list[CallForSamples]] = [[blocks[0]]]
    for before, block in pairwise(blocks):
        if block.underflow or block.called - before.called > holds:
            stretches.append([])
        stretches[-1].append(block)
    return stretches


def _dryness(times: int, latency: float) -> Finding:
    load = f", load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores" if hasattr(os, "getloadavg") else ""
    says = f"the device ran dry {times} times: it got its samples late, at {latency * 1000:.0f} ms of latency{load}"
    mend = "close what loads this machine; speech that breaks up is given more latency by itself, or by --latency 0.16"
    return Finding("load", WARN, says, mend, {"underflows": times, "latency": latency})


def check_clock(blocks: list[CallForSamples], rate: float, underflows: int = 0) -> Finding:
    """Whether the times that the device tells are those of its samples; ``blocks`` without an underrun in between."""
    leads = sorted(block.dac - block.called for block in blocks)
    lead = leads[len(leads) // 2]
    period = sum(block.samples for block in blocks) / len(blocks) / rate
    figures = {"lead": round(lead, 6), "period": round(period, 6), "underflows": underflows}
    if lead <= 0 or not all(earlier.dac < later.dac for earlier, later in pairwise(blocks)):
        says = "the device does not tell when its samples are heard: times in reports are estimates"
        return Finding("clock", WARN, says, "choose another host API, see `oggstream devices`", figures)
    speed = sum(block.samples for block in blocks[:-1]) / rate / (blocks[-1].dac - blocks[0].dac)
    figures["rate"] = round(speed, 6)
    says = f"the device's clock: {speed:.4f} of its rate, {lead * 1000:.1f} ms lead, {period * 1000:.1f} ms a period"
    if abs(speed - 1) > DRIFT:
        return Finding("clock", WARN, f"{says}: times in reports are off by that much", None, figures)
    return Finding("clock", OK, says, None, figures)
