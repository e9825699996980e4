"""Finding espeak-ng: the library that the wheel ``espeakng-loader`` carries, else the system's."""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..errors import LibraryError

MAX_DATA_PATH = 140
"""Longest data path, in bytes, that espeak-ng is given: its buffer is 160, from which it takes room for names."""

_SYSTEM_NAMES = {
    "linux": ("libespeak-ng.so.1", "libespeak-ng.so"),
    "darwin": (
        "/opt/homebrew/lib/libespeak-ng.dylib",  # Apple silicon: not on the default search path
        "/usr/local/lib/libespeak-ng.dylib",
        "libespeak-ng.1.dylib",
    ),
    "win32": ("libespeak-ng.dll", r"C:\Program Files\eSpeak NG\libespeak-ng.dll"),
}
_INSTALL = {
    "linux": "`sudo apt install libespeak-ng1`",
    "darwin": "`brew install espeak-ng`",
}
_EXTRA = "`pip install 'oggstream[espeak]'`"


class Found(NamedTuple):
    """A loaded library, the path of its data (None: it knows), and the path or name that it was loaded from."""

    library: Any
    data: str | None
    path: str


def find() -> Found:
    """Load the first espeak-ng that there is. Raises `LibraryError`, with the commands that install one."""
    for path, data in _candidates():
        try:
            return Found(ctypes.CDLL(path), data, path)
        except OSError:
            continue
    raise LibraryError(f"espeak-ng, the offline voice, was not found: install it with {install_hint()}")


def install_hint() -> str:
    """The commands that install espeak-ng on this system, for a message."""
    system = _INSTALL.get(sys.platform)
    return f"{_EXTRA} or {system}" if system else _EXTRA


def short_path(path: str) -> str:
    """``path``, or a link to it short enough for espeak-ng, which ends with the process.

    The voices are read when they are first used, so the link has to stay until then. Raises `LibraryError` where no
    link can be made.
    """
    if len(os.fsencode(path)) <= MAX_DATA_PATH:
        return path
    import tempfile  # 8 ms, seldom needed

    folder = tempfile.mkdtemp(prefix="espeak")
    link = os.path.join(folder, "d")
    atexit.register(_remove, folder, link)
    try:
        os.symlink(path, link, target_is_directory=True)
    except OSError as error:
        raise LibraryError(f"espeak-ng cannot read its data below a path this long, move it: {path}") from error
    return link


def _candidates() -> Iterator[tuple[str, str | None]]:
    """Paths or names of libraries to try, each with the path of its data."""
    try:
        import espeakng_loader
    except ModuleNotFoundError:
        pass
    else:
        yield (
            espeakng_loader.get_library_path(),
            os.path.join(os.path.dirname(os.path.abspath(espeakng_loader.__file__)), "espeak-ng-data"),
        )
    for name in _SYSTEM_NAMES.get(sys.platform, _SYSTEM_NAMES["linux"]):
        yield name, None


def _remove(folder: str, link: str) -> None:
    for remove, path in ((os.unlink, link), (os.rmdir, folder)):
        try:
            remove(path)
        except OSError:
            continue
