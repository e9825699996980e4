"""Which output is chosen, and in which order several are tried: one table, on lists as host APIs return them."""

from __future__ import annotations

import re

import pytest

from oggstream.errors import DeviceError
from oggstream.sinks.devices import OutputDevice, candidates, latency_for


def output(
    index: int, name: str, host_api: str = "ALSA", *, latency: float = 0.01, default: bool = False, first: bool = False
) -> OutputDevice:
    return OutputDevice(index, name, host_api, 2, 48000, latency, default, host_default=first)


OUTPUTS = [
    output(0, "HDA Intel: HDMI 0"),
    output(3, "HDA Intel: HDMI 1"),
    output(5, "Speakers", "JACK", default=True),
    output(6, "Speakers of the TV", "JACK"),
]
ALSA = [
    output(0, "HDA Intel PCH: ALC257 Analog (hw:0,0)", default=True),
    output(1, "HDA Intel PCH: HDMI 0 (hw:0,3)"),
    output(2, "sysdefault"),
    output(3, "hdmi"),
    output(4, "surround51"),
    output(5, "pulse"),
    output(6, "dmix"),
]
LONG = "Speakers (Realtek High Definition Audio)"
WINDOWS = [
    output(0, "Microsoft Sound Mapper - Output", "MME", latency=0.09, default=True, first=True),
    output(1, LONG[:31], "MME", latency=0.09),
    output(2, "Primary Sound Driver", "Windows DirectSound", latency=0.12, first=True),
    output(3, LONG, "Windows DirectSound", latency=0.12),
    output(4, "Headset (Buds)", "Windows WASAPI", latency=0.003),
    output(5, LONG, "Windows WASAPI", latency=0.003, first=True),
    output(6, LONG, "Windows WDM-KS", latency=0.01, first=True),
]


def order(outputs: list[OutputDevice], device: str | int | None = None) -> list[int]:
    return [found.index for found in candidates(outputs, device)]


@pytest.mark.parametrize(
    ("wanted", "index"), [(None, 5), (3, 3), ("3", 3), ("hda intel: hdmi 1", 3), ("HDMI 0", 0), ("the TV", 6)]
)
def test_a_device_is_found_by(wanted: str | int | None, index: int) -> None:
    assert order(OUTPUTS, wanted)[0] == index


def test_without_a_default_the_first_output_is_taken() -> None:
    assert order(OUTPUTS[:2]) == [0, 3]


@pytest.mark.parametrize("wanted", ["loud", 1, -1, "7"])
def test_an_unknown_device_is_refused_with_those_there_are(wanted: str | int) -> None:
    message = f"there is no output device {wanted!r}: choose one of 'HDA Intel: HDMI 0' (0, ALSA), 'HDA Intel: HDMI 1'"
    with pytest.raises(DeviceError, match=re.escape(message)):
        candidates(OUTPUTS, wanted)


def test_a_part_of_several_names_is_refused_with_those() -> None:
    names = re.escape("'HDA Intel: HDMI 0' (0, ALSA), 'HDA Intel: HDMI 1' (3, ALSA): give the index")
    with pytest.raises(DeviceError, match=names):
        candidates(OUTPUTS, "hdmi")


def test_a_machine_without_outputs_is_told_what_to_do() -> None:
    with pytest.raises(DeviceError, match="there is no output device: connect or enable one, or use the sink wav:PATH"):
        candidates([], None)


def test_on_linux_a_sound_server_comes_before_plugins_and_those_before_the_bare_hardware() -> None:
    assert order(ALSA) == [5, 2, 6, 3, 4, 0, 1]


@pytest.mark.parametrize("server", ["default", "pipewire", "pulse", "jack"])
def test_on_linux_the_systems_default_comes_first_where_it_is_not_the_bare_hardware(server: str) -> None:
    outputs = [output(0, "Analog (hw:0,0)"), output(1, "pulse"), output(2, server, default=True)]
    assert order(outputs) == [2, 1, 0]


def test_on_windows_wasapi_comes_before_directsound_before_mme_and_its_default_first() -> None:
    assert order(WINDOWS) == [5, 4, 2, 3, 0, 1, 6]


@pytest.mark.parametrize("wanted", [LONG, LONG.upper(), LONG[:31]])
def test_one_name_that_stands_four_times_is_one_device(wanted: str) -> None:
    assert order(WINDOWS, wanted) == [5, 3, 1, 6]


def test_with_its_host_api_a_name_is_that_one_alone() -> None:
    assert order(WINDOWS, f"{LONG}, Windows DirectSound") == [3]
    assert order(WINDOWS, 1) == [1]


def test_two_devices_of_one_name_on_one_host_api_are_two() -> None:
    with pytest.raises(DeviceError, match="give the index"):
        candidates([output(0, "USB"), output(1, "USB")], "usb")


@pytest.mark.parametrize(("index", "latency"), [(0, 0.09), (3, 0.12), (5, 0.02), (6, 0.02)])
def test_the_latency_is_what_the_host_api_can_hold(index: int, latency: float) -> None:
    (found,) = candidates(WINDOWS, index)
    assert latency_for(found, None) == latency
    assert latency_for(found, 0.05) == 0.05  # a wish is a wish
