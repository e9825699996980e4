"""The shell commands that fix what a check found, per system."""

from __future__ import annotations

import os
import shutil
import sys

_INSTALLERS = {  # program: the command, for those who are not root behind sudo
    "apt-get": "apt install",
    "dnf": "dnf install",
    "pacman": "pacman -S",
    "zypper": "zypper install",
    "apk": "apk add",
}
_PACKAGES = {
    "libopus": {"apt-get": "libopus0", "zypper": "libopus0", "brew": "opus", "": "opus"},
    "portaudio": {"apt-get": "libportaudio2", "zypper": "libportaudio2", "": "portaudio"},
    "espeak-ng": {"apt-get": "libespeak-ng1", "zypper": "libespeak-ng1", "": "espeak-ng"},
}
_WHEELS = {
    "libopus": '"oggstream[codec]"',
    "portaudio": "--force-reinstall sounddevice",  # those for macOS and Windows carry it
    "espeak-ng": '"oggstream[espeak]"',
}
_WSLG = "/mnt/wslg/PulseServer"  # the sound server of Windows, as WSL 2 shows it
_CONTAINER = ("/.dockerenv", "/run/.containerenv")  # Docker's, Podman's
_SOUND = {  # PortAudio reaches a sound server through ALSA, which needs its plugin and a word in its configuration
    "wsl": "{root}apt install libasound2-plugins && printf 'pcm.!default pulse\\nctl.!default pulse\\n' >> ~/.asoundrc",
    "old wsl": "run `wsl --update` in PowerShell: WSL brings sound with its version 2",
    "container": "start the container with the host's sound server: -e PULSE_SERVER=unix:/tmp/pulse "
    "-v $XDG_RUNTIME_DIR/pulse/native:/tmp/pulse, with libasound2-plugins in the image",
    "conda": "conda install -c conda-forge alsa-plugins",
}


def where() -> str:
    """The surroundings that decide how sound gets out: "wsl", "old wsl", "container", "conda", or "" for others."""
    if "microsoft" in _kernel().lower():
        return "wsl" if os.path.exists(_WSLG) else "old wsl"
    if any(map(os.path.exists, _CONTAINER)):
        return "container"
    return "conda" if os.path.isdir(os.path.join(sys.prefix, "conda-meta")) else ""


def install(what: str) -> str:
    """The command that installs a library (a key of `_PACKAGES`) on this system."""
    if what == "portaudio" and where() == "conda":
        return "conda install -c conda-forge python-sounddevice"
    if sys.platform == "win32":
        return wheel(what)
    if sys.platform == "darwin":
        return f"brew install {_package(what, 'brew')}" if shutil.which("brew") else wheel(what)
    for program, command in _INSTALLERS.items():
        if shutil.which(program):
            return f"{as_root()}{command} {_package(what, program)}"
    return wheel(what)


def rebuild() -> str:
    """The command that installs oggstream anew, with the part that takes a C compiler."""
    return f"{python()} -m pip install --force-reinstall --no-deps --no-binary oggstream oggstream"


def wheel(what: str) -> str:
    """The command that installs a library, or a package, from a wheel."""
    return f"{python()} -m pip install {_WHEELS.get(what, what)}"


def set_variable(name: str, value: str) -> str:
    """The command that sets an environment variable."""
    return f'$env:{name} = "{value}"' if sys.platform == "win32" else f"export {name}={value}"


def start_sound() -> str:
    """What brings an output device to a machine that has none."""
    if sys.platform != "linux":
        return "connect or enable an output device in the system's sound settings"
    if (surroundings := where()) in _SOUND:
        return _SOUND[surroundings].format(root=as_root())
    if shutil.which("pipewire"):
        return "systemctl --user start pipewire pipewire-pulse"
    if shutil.which("pulseaudio"):
        return "pulseaudio --start"
    return "connect an output device, or start the sound server"


def python() -> str:
    """What this Python is called on a command line."""
    name = os.path.basename(sys.executable) if sys.prefix == sys.base_prefix else sys.executable
    return name or "python"


def as_root() -> str:
    """``sudo`` for those who need it."""
    geteuid = getattr(os, "geteuid", None)
    return "" if geteuid is None or geteuid() == 0 else "sudo "


def _package(what: str, installer: str) -> str:
    names = _PACKAGES[what]
    return names.get(installer, names[""])


def _kernel() -> str:
    try:
        with open("/proc/sys/kernel/osrelease", encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""
