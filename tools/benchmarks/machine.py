"""Describes the machine, without its name or any path on it."""

from __future__ import annotations

import datetime as dt
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path


def describe() -> dict[str, str]:
    """Return the date and the hardware and software that the figures depend on."""
    return {
        "date": dt.datetime.now(dt.UTC).strftime("%Y-%m-%d"),
        "machine": f"{_processor()}, {_cores()}, {_system()}",
        "software": ", ".join([f"Python {platform.python_version()}", *_libraries(), *_programs()]),
    }


def _processor() -> str:
    for line in _read("/proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.processor() or platform.machine()


def _cores() -> str:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return f"{count} core{'s' if count > 1 else ''}"


def _system() -> str:
    for line in _read("/etc/os-release").splitlines():
        name, _, value = line.partition("=")
        if name == "PRETTY_NAME":
            return value.strip('"')
    return f"{platform.system()} {platform.release()}"


def _libraries() -> list[str]:
    from oggstream.codec import library
    from oggstream.errors import LibraryError

    try:
        return [library.libopus_version()]
    except LibraryError:
        return ["no libopus"]


def _programs() -> list[str]:
    """Return the programs in the comparison, with their versions."""
    return [
        f"{name} {found[1]}"
        for name, option in (("ffmpeg", "-version"), ("opusdec", "--version"))
        if (found := re.search(r"(?:version|opus-tools) (\S+)", _output(name, option)))
    ]


def _output(*command: str) -> str:
    if not shutil.which(command[0]):
        return ""
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
