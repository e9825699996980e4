"""Finds the Pythons and system libraries on this machine, and installs missing libraries. Used by prepare.py.

Needs only the standard library of Python 3.11.
"""

from __future__ import annotations

import contextlib
import ctypes
import ctypes.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

SUITABLE = ((3, 11), (3, 14))
FAST_APT = ["-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300", "-o", "Dpkg::Use-Pty=0"]
OTHER_MANAGERS = {  # only suggested; apt alone is run
    "brew": "brew install portaudio opus",
    "dnf": "dnf install portaudio opus",
    "pacman": "pacman -S portaudio opus",
    "zypper": "zypper install libportaudio2 libopus0",
    "apk": "apk add portaudio opus",
}


class SetupError(Exception):
    """The set-up cannot continue; the message is one line that says what to do."""


class Python(NamedTuple):
    """An available interpreter: the real path of its program, and whether it can install pip into an environment."""

    version: tuple[int, int]
    path: str
    has_pip_bundle: bool


PROBE = """
import importlib.util, os, sys, sysconfig
import ctypes, ssl, venv
if sysconfig.get_config_var("Py_GIL_DISABLED"):
    sys.exit(1)
print(*sys.version_info[:2], importlib.util.find_spec("ensurepip") is not None,
      os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
"""


def say(message: str) -> None:
    """Tell the user on standard error."""
    print(f"oggstream: {message}", file=sys.stderr, flush=True)


# Pythons


def pythons() -> list[Python]:
    """Find the suitable Pythons, oldest first, one per minor version; only PYTHON if that is set."""
    chosen = os.environ.get("PYTHON")
    names = [chosen] if chosen else ["python3", "python", *(f"python3.{minor}" for minor in range(11, 15))]
    programs = [path for name in names if (path := shutil.which(name))]
    if not chosen:
        programs += [sys.executable, *pyenv_programs()]
    found: dict[tuple[int, int], Python] = {}
    probes = {program: start_probe(program) for program in dict.fromkeys(programs)}
    for process in probes.values():
        python = read_probe(process)
        if python and SUITABLE[0] <= python.version <= SUITABLE[1]:
            found.setdefault(python.version, python)
    if not found:
        raise SetupError("no Python 3.11 to 3.14 with ssl and ctypes found; name one: PYTHON=PATH tools/run")
    return [found[version] for version in sorted(found)]


def pyenv_programs() -> list[str]:
    """Return the Pythons installed by pyenv; its shims hide all but the selected ones."""
    if not shutil.which("pyenv"):
        return []
    root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
    return [str(path) for path in sorted(Path(root).glob("versions/3.*/bin/python3"), reverse=True)] if root else []


def start_probe(program: str) -> subprocess.Popen[str]:
    """Start a Python that prints its version and abilities."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([program, "-c", PROBE], text=True, **pipes)  # type: ignore[call-overload, no-any-return]


def read_probe(process: subprocess.Popen[str]) -> Python | None:
    """Read that output; None if the Python is unsuitable."""
    answer = process.communicate()[0].split(maxsplit=3)
    if process.returncode != 0 or len(answer) != 4:
        return None
    return Python((int(answer[0]), int(answer[1])), answer[3].strip(), answer[2] == "True")


# System packages


def loads(*names: str) -> bool:
    """Whether one of these shared libraries can be loaded."""
    for name in names:
        with contextlib.suppress(OSError):
            ctypes.CDLL(name)
            return True
    return False


def has_opus() -> bool:
    """Whether the system has libopus; if not, the extra ``codec`` brings one."""
    return loads("libopus.so.0", "libopus.0.dylib", "opus.dll") or bool(ctypes.util.find_library("opus"))


def missing_libraries(kind: str) -> list[str]:
    """Return the missing Debian packages for sound, or for the tests of sound."""
    packages = {"libportaudio2": loads("libportaudio.so.2"), "libopus0": has_opus()}
    if kind == "test":
        plugins = list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so"))
        packages["icecast2"] = bool(shutil.which("icecast2") or shutil.which("icecast"))
        packages["redis-server"] = bool(shutil.which("redis-server"))
        packages["haproxy"] = bool(shutil.which("haproxy"))
        packages["pulseaudio"] = bool(shutil.which("pulseaudio"))
        packages["pulseaudio-utils"] = bool(shutil.which("parec"))
        packages["libasound2-plugins"] = bool(plugins)
    return [package for package, there in packages.items() if not there]


def install_libraries(kind: str) -> None:
    """Install the missing system packages, or say how to, and what does not work without them."""
    if not sys.platform.startswith("linux"):
        return  # there sounddevice bundles PortAudio, and the extra `codec` libopus
    missing = missing_libraries(kind)
    if not missing or apt_install(missing):
        return
    without = (
        "speech is written to speech.wav instead of played" if kind == "run" else "tests of the device are skipped"
    )
    say(f"going on without {' '.join(missing)}: {without}. To have it, run: {manual_command(missing)}")


def manual_command(packages: list[str]) -> str:
    """Return the command that installs packages on this system, to be shown."""
    for manager, command in OTHER_MANAGERS.items():
        if not shutil.which("apt-get") and shutil.which(manager):
            return command
    return f"{'' if is_root() else 'sudo '}apt-get install {' '.join(packages)}"


def is_root() -> bool:
    """Whether this user is root, on systems that have one."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def apt_install(packages: list[str]) -> bool:
    """Install Debian packages if this user may; return whether they are installed now."""
    prefix = privilege() if shutil.which("apt-get") else None
    if prefix is None:
        return False
    say(f"installing {' '.join(packages)} with apt-get")
    apt = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    install = [*apt, "install", *FAST_APT, *packages]
    if quietly(install):
        return True
    quietly([*apt, "update", "-q"])  # a failure here need not concern these packages
    return quietly(install, show_failure=True)


def privilege() -> list[str] | None:
    """Return the prefix of a command that runs it as root, or None if this user may not."""
    if is_root():
        return []
    if not shutil.which("sudo"):
        return None
    if quietly(["sudo", "-n", "true"]):
        return ["sudo"]
    return ["sudo"] if sys.stderr.isatty() else None  # sudo asks for the password on the terminal


def quietly(command: list[str], *, show_failure: bool = False) -> bool:
    """Run a command without output, except that of a failure if ``show_failure``; return whether it succeeded."""
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0 and show_failure:
        print(done.stdout, file=sys.stderr)
    return done.returncode == 0
