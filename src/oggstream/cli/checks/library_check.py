"""Checks Python, the packages, libopus, PortAudio and the offline voice."""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from argparse import Namespace
from importlib import metadata

from ...errors import DeviceError, LibraryError
from . import mends
from .finding import FAIL, OK, WARN, Finding, failed

NEEDED = ("aiohttp", "numpy", "openai", "opuslib", "sounddevice", "soxr")
OLDEST, NEWEST = (3, 11), (3, 14)
SLOW_SECONDS = 1.0  # for the first audio of the offline voice: it usually takes hundredths


async def check_python(_args: Namespace) -> list[Finding]:
    """The interpreter, and whether it is one that we are tested with."""
    version = sys.version_info[:2]
    says = f"Python {platform.python_version()} on {platform.system()} {platform.machine()}, {sys.executable}"
    if OLDEST <= version <= NEWEST:
        return [Finding("python", OK, says)]
    wanted = " to ".join(".".join(map(str, end)) for end in (OLDEST, NEWEST))
    return [Finding("python", WARN, f"{says}: oggstream is tested with {wanted}", f"use Python {wanted}")]


async def check_packages(_args: Namespace) -> list[Finding]:
    """The packages that we need, and their versions."""
    there, missing = [], []
    least = _least_versions()
    for name in NEEDED:
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            missing.append(f"{name} is missing")
            continue
        there.append(f"{name} {version}")
        if _numbers(version) < _numbers(least.get(name, "0")):
            missing.append(f"{name} {version} is older than {least[name]}")
    if not missing:
        return [Finding("packages", OK, f"packages: oggstream {_own_version()}, {', '.join(there)}")]
    names = " ".join(dict.fromkeys(problem.split()[0] for problem in missing))
    mend = f"{mends.python()} -m pip install --upgrade {names}"
    return [Finding("packages", FAIL, f"packages: {', '.join(missing)}", mend)]


async def check_libopus(_args: Namespace) -> list[Finding]:
    """The codec: where it was found, and whether it codes."""
    from ...codec.library import libopus_version, library_path
    from ...threads import in_thread

    try:
        version = await in_thread(libopus_version)
        path = library_path()
        await in_thread(_code_once)
    except LibraryError as error:
        return [failed("libopus", LibraryError(_without_advice(error)), mends.install("libopus"))]
    return [Finding("libopus", OK, f"{version}, {path}")]


async def check_portaudio(_args: Namespace) -> list[Finding]:
    """The library that plays."""
    from ...sinks.portaudio import version
    from ...threads import in_thread

    try:
        called, path = await in_thread(version)
    except DeviceError as error:
        return [failed("portaudio", DeviceError(_without_advice(error)), mends.install("portaudio"))]
    called = called.partition(", revision")[0]
    return [Finding("portaudio", OK, f"{called}, {path}".rstrip(", "))]


async def check_voice(args: Namespace) -> list[Finding]:
    """The offline voice: it speaks a word. Without it something else must speak."""
    from ...voice.choice import engines_for
    from ...voice.synthesis import load

    try:
        await load()
        first = await _first_audio()
    except LibraryError as error:
        level = WARN if has_endpoint(args) else FAIL
        return [failed("voice", LibraryError(_without_advice(error)), mends.wheel("espeak-ng"), level=level)]
    names = [info.name for info in engines_for("en")]
    others = f" (then {', '.join(names[1:])})" if names[1:] else ""
    says = f"offline voice: {names[0]}{others}, first audio after {first * 1000:.1f} ms"
    level = OK if first < SLOW_SECONDS else WARN
    return [Finding("voice", level, says, figures={"first_audio": round(first, 6)})]


def has_endpoint(args: Namespace) -> bool:
    """Whether a service is set up to speak."""
    names = ("OPENAI_API_KEY", "OPENAI_BASE_URL")
    return bool(args.base_url) or any(os.environ.get(name, "").strip() for name in names)


def _code_once() -> None:
    """Encode and decode 20 ms of silence: a library that loads may still be another one."""
    from ...codec.encoder import OpusEncoder

    encoder = OpusEncoder(24000, 1)
    encoder.encode(bytes(encoder.frame_bytes))


async def _first_audio() -> float:
    """Seconds until the first page of audio, which is the third of a body."""
    from contextlib import aclosing

    from ...voice.synthesis import synthesize

    began, pages = time.perf_counter(), 0
    async with aclosing(synthesize("Hello.")) as parts:
        async for part in parts:
            pages += part.count(b"OggS")
            if pages > 2:
                break
    return time.perf_counter() - began


def _without_advice(error: Exception) -> str:
    """What is missing; how to get it here is said by the command beside it."""
    return re.split(r": (?:install|`)", str(error), maxsplit=1)[0]


def _own_version() -> str:
    from ... import __version__

    return __version__


def _least_versions() -> dict[str, str]:
    """The oldest version of each package that our distribution asks for."""
    try:
        requirements = metadata.requires("oggstream") or []
    except metadata.PackageNotFoundError:  # run from its source tree
        requirements = []
    matches = (re.match(r"([\w-]+)\s*>=\s*([\d.]+)", requirement) for requirement in requirements)
    return {match[1]: match[2] for match in matches if match}


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(map(int, found[0].split("."))) if found else ()
