"""Builds the audio callback in C with the package, where there is a compiler: a hook of hatchling.

The library needs no header of Python's, so one wheel serves every version; it is tagged ``py3-none-PLATFORM``. Without
a compiler, or with ``OGGSTREAM_PURE=1`` in the environment, the wheel is a pure one, and the callback is Python's. An
editable installation gets the library beside its source.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDER = "oggstream/sinks"
COMPILERS = ("cl", "gcc", "clang") if sys.platform == "win32" else ("cc", "gcc", "clang")
LIBRARY = {"win32": "callback.dll", "darwin": "libcallback.dylib"}.get(sys.platform, "libcallback.so")
SECONDS = 120.0


class CallbackHook(BuildHookInterface[Any]):
    """Adds the library to the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and have the result packed; ``version`` is "editable" or "standard"."""
        self._scratch = tempfile.TemporaryDirectory()
        beside = Path(self.root, "src", FOLDER)
        built = compile_callback(beside / "callback.c", Path(self._scratch.name), self.app.display_warning)
        if built is None:
            return
        if version == "editable":
            part = beside / f"{LIBRARY}.{os.getpid()}"
            shutil.copyfile(built, part)
            part.replace(beside / LIBRARY)  # at once: another process may have it loaded
            return
        platform = self.build_config.builder.get_best_matching_tag().rpartition("-")[2]
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["force_include"][str(built)] = f"{FOLDER}/{LIBRARY}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002
        """Remove what was compiled; it is in the wheel."""
        self._scratch.cleanup()


def compile_callback(source: Path, folder: Path, warn: Any) -> Path | None:
    """Compile ``source`` into ``folder`` and return the library; None, with a warning, if it does not work."""
    compiler = find_compiler()
    if os.environ.get("OGGSTREAM_PURE") or sys.maxsize < 2**32 or compiler is None:
        return None
    library = folder / LIBRARY
    command = command_for(compiler, source, library)
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        warn(f"the audio callback in C was not built: {error}")
        return None
    if done.returncode or not library.exists():
        warn(f"the audio callback in C was not built: {(done.stderr or done.stdout).strip()}")
        return None
    return library


def find_compiler() -> list[str] | None:
    """The command of a C compiler: ``CC`` of the environment, or one of the usual names."""
    if named := os.environ.get("CC"):
        return shlex.split(named)
    return next(([found] for name in COMPILERS if (found := shutil.which(name))), None)


def command_for(compiler: list[str], source: Path, library: Path) -> list[str]:
    """The command that compiles and links, with the environment's own flags."""
    if Path(compiler[0]).stem.lower() == "cl":
        return [*compiler, "/nologo", "/O2", "/LD", "/MT", str(source), f"/Fe{library}"]
    flags = [flag for name in ("ARCHFLAGS", "CFLAGS", "LDFLAGS") for flag in shlex.split(os.environ.get(name, ""))]
    # No fused multiply and add: both callbacks give the same samples on every machine.
    language = ["-std=c11", "-O2", "-ffp-contract=off", "-fvisibility=hidden"]
    linking = ["-shared"] if sys.platform == "win32" else ["-shared", "-fPIC"]
    return [*compiler, *language, *linking, *flags, "-o", str(library), str(source), "-lm"]
