"""Where the daemon listens: a socket in a folder that is this user's alone."""

from __future__ import annotations

import os
import stat

NAME = "daemon.sock"
LOCK = "daemon.lock"


class AddressError(Exception):
    """The place is not this user's alone."""


def folder() -> str:
    """``oggstream`` in XDG_RUNTIME_DIR, or else ``oggstream-UID`` in the folder for temporary files."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(runtime):
        return os.path.join(runtime, "oggstream")
    return os.path.join(os.environ.get("TMPDIR") or "/tmp", f"oggstream-{os.getuid()}")  # noqa: S108  # checked below


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


def check_socket(path: str) -> None:
    """Raise `AddressError` unless ``path`` is a socket of this user; `OSError` if it is not there."""
    _check(path, stat.S_ISSOCK, "socket")


def _check(path: str, is_kind: object, kind: str) -> None:
    told = os.lstat(path)
    if not is_kind(told.st_mode):  # type: ignore[operator]  # one of stat's functions
        raise AddressError(f"{path} is no {kind}")
    if told.st_uid != os.getuid():
        raise AddressError(f"the {kind} {path} is another user's")
    if stat.S_IMODE(told.st_mode) & 0o077:
        raise AddressError(f"the {kind} {path} is open to other users")
