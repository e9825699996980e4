"""``devices``: lists the output devices."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from ...errors import DeviceError
from ...sinks.portaudio import devices as output_devices
from ..output.result import as_json
from ..terminal.console import Console, printable, show, show_lines

if TYPE_CHECKING:
    from ...sinks.devices import OutputDevice


def devices(args: Namespace, console: Console) -> None:
    """List the output devices. Raises `DeviceError` without PortAudio."""
    if not args.json:
        found = output_devices()
        if found:
            show_lines(_table(found))
        else:
            console.note("there is no output device; `say` and `play` write speech.wav then")
        return
    try:
        found = output_devices()
    except DeviceError as error:
        show(as_json(error, devices=[]))
        raise
    show(as_json(None, devices=[asdict(device) for device in found]))


def _table(found: list[OutputDevice]) -> list[str]:
    head = ("", "index", "channels", "rate", "name", "by way of")
    rows = [
        (
            "*" if device.default else "",
            device.index,
            device.channels,
            device.rate,
            printable(device.name),
            device.host_api,
        )
        for device in found
    ]
    name_width = max(len(str(row[4])) for row in (head, *rows))
    form = "{:1} {:>5} {:>8} {:>6}  {:<" + str(name_width) + "}  {}"
    lines = [form.format(*row).rstrip() for row in (head, *rows)]
    return [*lines, "* is the default; `--device` takes an index, a name, or a part of one"]
