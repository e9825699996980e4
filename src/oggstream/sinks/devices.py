"""The outputs of a machine, as PortAudio lists them, and which of them a user means. Nothing here calls PortAudio."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ..errors import DeviceError

LATENCY = 0.02
"""How far ahead of the converter a device is asked to run, in seconds, where its host API can hold that."""
MME_NAME = 31  # characters that MME gives of a name

_HOSTS = {  # rank of a host API among those of its system; the others have 0
    "Windows WASAPI": 0,
    "Windows DirectSound": 1,  # on top of WASAPI, with a buffer of its own
    "MME": 2,  # the same, with larger ones
    "Windows WDM-KS": 3,  # takes the device away from all other programs
    "OSS": 1,
}
_SLOW_HOSTS = {"Windows DirectSound", "MME"}  # break up below the latency that they call their low one
_NAMES = (  # rank of a name that ALSA gives; the others have 1
    (re.compile(r"default|pipewire|pulse|jack"), 0),  # the system's choice, or a sound server
    (re.compile(r"(iec958|spdif|hdmi|front|rear|side|center_lfe|surround\d\d|modem|phoneline).*"), 2),
    (re.compile(r"hw:.*|.*\(hw:\d+,\d+\)"), 3),  # the bare hardware: one program at a time, in its own format only
)


@dataclass(frozen=True, slots=True)
class OutputDevice:
    """An output as PortAudio lists it.

    ``index`` is PortAudio's number of it, ``channels`` the most it takes, ``rate`` its own samples per second,
    ``latency`` the seconds that it calls its low latency; ``default`` says that it is the system's default output,
    ``host_default`` that it is the default output of its host API.
    """

    index: int
    name: str
    host_api: str
    channels: int
    rate: int
    latency: float
    default: bool
    host_default: bool = False


def candidates(outputs: list[OutputDevice], device: str | int | None) -> list[OutputDevice]:
    """The outputs that ``device`` means, the best first: the next is for when the one before it is busy or refuses.

    ``device`` is an index, a name, a part of a name, or None for the default one. Names are compared without regard to
    case, whole names first. A device that several host APIs list under one name is one device. Raises `DeviceError`,
    listing what there is.
    """
    if not outputs:
        raise DeviceError("there is no output device: connect or enable one, or use the sink wav:PATH")
    if device is None:
        return sorted(outputs, key=_rank)
    matches = sorted(_matches(outputs, device), key=_rank)
    if not matches:
        raise DeviceError(f"there is no output device {device!r}: choose one of {_listed(outputs)}")
    if not all(_is_same(matches[0], other) for other in matches[1:]):
        raise DeviceError(f"{device!r} may be any of {_listed(matches)}: give the index")
    return matches


def latency_for(device: OutputDevice, wanted: float | None) -> float:
    """Seconds to ask ``device`` for: ``wanted``, or for None the least that its host API can hold."""
    if wanted is not None:
        return wanted
    return max(LATENCY, device.latency) if device.host_api in _SLOW_HOSTS else LATENCY


def _rank(output: OutputDevice) -> tuple[int, ...]:
    """What comes first is least.

    The bare hardware comes last, whatever the system says; then the host API decides, then what is the default.
    """
    name = next((rank for pattern, rank in _NAMES if pattern.fullmatch(output.name)), 1)
    host = _HOSTS.get(output.host_api, 0)
    return (name == 3, host, not output.default, not output.host_default, name, output.index)


def _matches(outputs: list[OutputDevice], device: str | int) -> list[OutputDevice]:
    """By index, else by whole name (with or without the host API), else by a part of it; the first way that finds."""
    indexed = [output for output in outputs if str(output.index) == str(device)]
    if isinstance(device, int) or indexed:
        return indexed
    wanted = device.casefold()
    names = [(output, output.name.casefold(), f"{output.name}, {output.host_api}".casefold()) for output in outputs]
    whole = [output for output, name, full in names if wanted in (name, full)]
    if whole and not any(wanted == full for _, _, full in names):  # MME's name of it may be cut off
        return [output for output in outputs if any(_is_same(output, other) for other in whole)]
    return whole or [output for output, _, full in names if wanted in full]


def _is_same(one: OutputDevice, other: OutputDevice) -> bool:
    """Whether two host APIs mean one device."""
    if one.host_api == other.host_api:
        return one.index == other.index
    first, second = sorted((one.name.casefold(), other.name.casefold()), key=len)
    return first == second or (len(first) == MME_NAME and second.startswith(first))


def _listed(outputs: list[OutputDevice]) -> str:
    return ", ".join(f"{output.name!r} ({output.index}, {output.host_api})" for output in outputs)
