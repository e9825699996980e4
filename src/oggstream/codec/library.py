"""Finding libopus and handing it to opuslib.

``opuslib.api`` asks ``ctypes.util.find_library`` at import, which spawns compilers and linkers on Linux and looks past
Homebrew on macOS, and raises a bare Exception where it finds nothing. So the library is found here first (the
system's, Homebrew's, or one that a wheel carries) and the resolver answers with it for the time of that import.
Nothing is loaded before the first call.
"""

from __future__ import annotations

import ctypes
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from threading import Lock
from typing import Any

from ..errors import LibraryError

_SYSTEM_NAMES = {
    "linux": ("libopus.so.0", "libopus.so"),
    "darwin": (
        "/opt/homebrew/lib/libopus.0.dylib",  # Apple silicon: not on the default search path
        "/usr/local/lib/libopus.0.dylib",  # Intel
        "/opt/local/lib/libopus.0.dylib",  # MacPorts
        "libopus.0.dylib",
        "libopus.dylib",
    ),
    "win32": ("opus.dll", "libopus-0.dll", "libopus.dll"),
}
_WHEELS = (  # a folder of site-packages, and how the names in it begin
    ("av.libs", ("libopus-", "libopus.", "opus-")),  # PyAV on Linux and Windows
    ("av/.dylibs", ("libopus.",)),  # PyAV on macOS
    ("opuslib_next/_native", ("libopus.", "opus.dll")),  # opuslib-next-bundled
)
_INSTALL = {
    "linux": "install it with `sudo apt install libopus0` (or your system's package of that name)",
    "darwin": "install it with `brew install opus`",
}
_WHEEL_HINT = "`pip install 'oggstream[codec]'`"

_lock = Lock()
_library: Any = None


def load() -> Any:
    """The loaded libopus, as a ctypes library whose functions ``opuslib.api`` has declared; loaded at the first call.

    May be called from any thread. Raises `LibraryError`, with the command that installs it, where there is none.
    """
    global _library  # noqa: PLW0603  # loaded once per process, as C libraries are
    with _lock:
        if _library is None:
            _library = _import_opuslib()
        return _library


def api(module: str) -> Any:
    """``opuslib.api.<module>`` ("decoder", "encoder", "ctl"), with libopus loaded. Raises `LibraryError`."""
    load()
    return import_module(f"opuslib.api.{module}")


def libopus_version() -> str:
    """What libopus calls itself, such as ``libopus 1.3.1``. Raises `LibraryError`."""
    version: bytes = api("info").get_version_string()
    return version.decode("ascii", "replace")


def library_path() -> str:
    """The file that libopus was loaded from, or its name where the system does not tell. Raises `LibraryError`."""
    library = load()
    name = str(library._name)  # noqa: SLF001  # public by its documentation
    if os.path.isabs(name):
        return name
    if sys.platform == "win32":
        return _windows_path(library, name)
    return _posix_path(library, name)


def describe_error(code: int) -> str:
    """What libopus says of an error code."""
    text: bytes = api("info").strerror(code)
    return text.decode("ascii", "replace")


def _import_opuslib() -> Any:
    if "opuslib.api" not in sys.modules:
        with _resolving_opus_to(_find()), warnings.catch_warnings():
            # Its sources say `is not 0`, which is a SyntaxWarning when first compiled and an error under -W error.
            warnings.simplefilter("ignore", SyntaxWarning)
            try:
                import_module("opuslib.api.decoder")
                import_module("opuslib.api.encoder")
            except ModuleNotFoundError as error:
                raise LibraryError("opuslib is not installed: `pip install opuslib`") from error
    # The ctl functions take a variable argument after these two. Apple's arm64 passes those differently, and ctypes
    # only does so for functions whose fixed arguments are declared.
    for kind in ("decoder", "encoder"):
        module = import_module(f"opuslib.api.{kind}")
        module.libopus_ctl.argtypes = (module.libopus_create.restype, ctypes.c_int)
    return import_module("opuslib.api").libopus


@contextmanager
def _resolving_opus_to(path: str) -> Iterator[None]:
    """Let ``ctypes.util.find_library('opus')`` answer ``path``; other names, and afterwards all, as before."""
    import ctypes.util

    original = ctypes.util.find_library

    def find_library(name: str) -> str | None:
        return path if name == "opus" else original(name)

    ctypes.util.find_library = find_library
    try:
        yield
    finally:
        ctypes.util.find_library = original


def _find() -> str:
    """A name or path that loads. The system's own comes first: it gets security updates."""
    for name in _SYSTEM_NAMES.get(sys.platform, _SYSTEM_NAMES["linux"]):
        if _loads(name):
            return name
    for path in _in_wheels(sys.path):
        if _loads(path):
            return path
    install = _INSTALL.get(sys.platform)
    hint = f"{install}, or {_WHEEL_HINT}" if install else f"install it with {_WHEEL_HINT}"
    raise LibraryError(f"libopus, the Opus codec, was not found: {hint}")


def _in_wheels(folders: list[str]) -> Iterator[str]:
    """Paths of the copies of libopus inside packages below ``folders``; nothing is imported for it."""
    for folder in folders:
        for inside, prefixes in _WHEELS:
            place = os.path.join(os.path.abspath(folder), *inside.split("/"))
            try:
                names = sorted(os.listdir(place))
            except OSError:
                continue
            yield from (os.path.join(place, name) for name in names if name.startswith(prefixes))


def _loads(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _posix_path(library: Any, name: str) -> str:
    """Ask the dynamic linker which file a function of the library lies in."""
    info = (ctypes.c_void_p * 4)()  # Dl_info: file name, base, symbol name, symbol address
    address = ctypes.cast(library.opus_get_version_string, ctypes.c_void_p)
    try:
        dladdr: Callable[..., int] = ctypes.CDLL(None).dladdr
    except (OSError, AttributeError):
        return name
    file = info[0] if dladdr(address, ctypes.byref(info)) else None
    return os.path.realpath(ctypes.string_at(file).decode(errors="replace")) if file else name


def _windows_path(library: Any, name: str) -> str:
    handle = ctypes.c_void_p(library._handle)  # noqa: SLF001  # public by its documentation
    buffer = ctypes.create_unicode_buffer(32768)
    kernel: Any = ctypes.CDLL("kernel32")
    length = kernel.GetModuleFileNameW(handle, buffer, len(buffer))
    return buffer.value if length else name
