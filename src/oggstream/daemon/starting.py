"""Starts a daemon in the background, and says what of an environment it may have."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

_WORDS = (
    "HOME USER LOGNAME SHELL PATH LANG LANGUAGE TZ TMPDIR LD_LIBRARY_PATH DISPLAY WAYLAND_DISPLAY XAUTHORITY "
    "SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT TEMP TMP USERPROFILE USERNAME APPDATA LOCALAPPDATA PROGRAMDATA "
    "DBUS_SESSION_BUS_ADDRESS OPENBLAS_NUM_THREADS OMP_NUM_THREADS OGGSTREAM_PYTHON_CALLBACK VIRTUAL_ENV"
)
_NAMES = frozenset(_WORDS.split())
_PREFIXES = ("LC_", "XDG_", "PULSE_", "PIPEWIRE_", "ALSA_", "JACK_", "PYTHON", "SSL_CERT_")
_SOUND = ("XDG_RUNTIME", "XDG_CONFIG", "PULSE_", "PIPEWIRE_", "ALSA_", "JACK_", "HOME", "OGGSTREAM_PYTHON")
_VOICES = ("OGGSTREAM_PIPER", "OGGSTREAM_KOKORO", "XDG_CACHE", "LOCALAPPDATA", "PYTHON", "HOME")
_CONNECTIONS = ("SSL", "OPENSSL", "RES_OPTIONS", "LOCALDOMAIN", "HOSTALIASES", "LD_")
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
"""numpy would start threads, which a fork does not have."""


def permitted(environment: Mapping[str, str]) -> dict[str, str]:
    """What a daemon keeps of an environment: what its libraries read. No key, no address of a service."""
    kept = {name: value for name, value in environment.items() if name in _NAMES or name.startswith(_PREFIXES)}
    return {**kept, **_ONE_THREAD}


def of_sound(environment: Mapping[str, str]) -> dict[str, str]:
    """The part that decides which device is opened, and how."""
    return {name: value for name, value in environment.items() if name.startswith(_SOUND)}


def of_voices(environment: Mapping[str, str]) -> dict[str, str]:
    """The part that decides what an engine of this machine finds."""
    return {name: value for name, value in environment.items() if name.startswith(_VOICES)}


def of_connections(environment: Mapping[str, str]) -> dict[str, str]:
    """The part that decides how a connection is made: proxies, trust, and how names are found."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(_CONNECTIONS) or name.lower().endswith("_proxy")
    }


def command(*options: str) -> list[str]:
    """What starts a daemon."""
    return [sys.executable, "-P", "-m", "oggstream", "daemon", *options]


def start_daemon() -> None:
    """Start one that belongs to no terminal; it will be there for the next call. Failing to is no matter."""
    if sys.platform == "win32":
        _start_by_subprocess()
        return
    try:
        nowhere = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        os.posix_spawn(sys.executable, command("--quiet"), permitted(os.environ), file_actions=nowhere, setsid=True)
    except NotImplementedError:  # older macOS has no `setsid` there
        _start_by_subprocess()
    except OSError:
        pass


def _start_by_subprocess() -> None:
    """The same by a module that takes longer to load."""
    import subprocess

    flags = 0
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    nowhere = subprocess.DEVNULL
    try:  # noqa: SIM105  # contextlib takes longer to load than all of this
        subprocess.Popen(  # noqa: S603  # ourselves
            command("--quiet"),
            stdin=nowhere,
            stdout=nowhere,
            stderr=nowhere,
            env=permitted(os.environ),
            creationflags=flags,
            start_new_session=sys.platform != "win32",
        )
    except OSError:
        pass
