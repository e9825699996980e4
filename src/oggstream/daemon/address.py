"""Where the daemon listens: a socket in a folder that is this user's alone, or a port that a file there tells."""

from __future__ import annotations

import os
import stat
import sys

LOOPBACK = sys.platform == "win32"
"""Whether it listens at a port, for want of Unix sockets."""
NAME = "daemon.sock"
PORT = "daemon.port"
LOCK = "daemon.lock"


class AddressError(Exception):
    """The place is not this user's alone."""


def folder() -> str:
    """``oggstream`` in XDG_RUNTIME_DIR, or else ``oggstream-UID`` in the folder for temporary files.

    On Windows ``oggstream`` in LOCALAPPDATA, which no other user may enter.
    """
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA") or os.path.join(os.path.expanduser("~"), "AppData", "Local")
        return os.path.join(local, "oggstream")
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        return os.path.join(runtime, "oggstream")
    return os.path.join(os.environ.get("TMPDIR") or "/tmp", f"oggstream-{os.getuid()}")  # noqa: S108  # checked below


def find() -> str | tuple[int, bytes]:
    """The daemon's socket, or its port and token. Raises `AddressError`, and `OSError` if there is none."""
    path = folder()
    check_folder(path)
    if not LOOPBACK:
        path = os.path.join(path, NAME)
        _check(path, stat.S_ISSOCK, "socket")
        return path
    from .loopback.place import read

    path = os.path.join(path, PORT)
    _check(path, stat.S_ISREG, "file")
    try:
        return read(path)
    except ValueError:
        raise AddressError(f"{path} is damaged (`oggstream daemon` writes it anew)") from None


def make_folder() -> str:
    """The folder, made with mode 0700 if it is not there. Raises `AddressError` and `OSError`."""
    path = folder()
    try:  # noqa: SIM105  # contextlib takes longer to load than all of this
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    check_folder(path)
    return path


def check_folder(path: str) -> None:
    """Raise `AddressError` unless ``path`` is a folder that only this user can enter; `OSError` if it is not there."""
    _check(path, stat.S_ISDIR, "folder")


def _check(path: str, is_kind: object, kind: str) -> None:
    told = os.lstat(path)
    if not is_kind(told.st_mode):  # type: ignore[operator]  # one of stat's functions
        raise AddressError(f"{path} is no {kind}")
    if sys.platform == "win32":  # whoever may enter the folder is told by lists, which it has from the one above
        return
    if told.st_uid != os.getuid():
        raise AddressError(f"the {kind} {path} is another user's")
    if stat.S_IMODE(told.st_mode) & 0o077:
        raise AddressError(f"the {kind} {path} is open to other users")
