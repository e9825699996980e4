"""A program: runs the command line and notes when the steps of its start begin and end.

``start_probe.py FILE ARGS...`` writes to FILE a line of JSON per step, as it ends: name, begin, end (CLOCK_MONOTONIC),
and whether it ran beside the event loop, in a thread.
"""

from __future__ import annotations

import time

BEGAN = time.monotonic()

import functools  # noqa: E402
import json  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402
from collections.abc import Callable  # noqa: E402
from importlib.machinery import ModuleSpec, PathFinder  # noqa: E402
from typing import Any, TextIO  # noqa: E402

STEPS = {  # module: {function: what it does}
    "oggstream.cli.main": {"parse": "reading the arguments", "_command": "the command"},
    "oggstream.sources.http.dialling": {"connect": "name, connection, TLS"},
    "oggstream.cli.commands.say": {"run_in_loop": "the event loop"},
    "oggstream.sources.http.connections": {"Sessions._new_session": "importing aiohttp"},
    "oggstream.engine.loading": {"_load_codec": "libopus and what decodes", "_load_resampler": "the resampler"},
    "oggstream.sinks.device_stream": {"DeviceStream.open": "opening the device"},
    "oggstream.audio.ring": {"PcmRing.begin": "playback begins"},
}


class Noter:
    """Wraps the functions of `STEPS` as their modules are imported."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lock = threading.Lock()

    def find_spec(self, name: str, path: Any = None, _target: Any = None) -> ModuleSpec | None:
        """Find the module as usual, and have its functions wrapped once it is executed."""
        if name not in STEPS:
            return None
        spec = PathFinder.find_spec(name, path)
        assert spec is not None
        loader: Any = spec.loader
        execute = loader.exec_module

        def exec_module(module: Any) -> None:
            execute(module)
            for function, what in STEPS[name].items():
                self._wrap(module, function, what)

        loader.exec_module = exec_module
        return spec

    def note(self, what: str, began: float) -> None:
        """Write that a step has ended."""
        beside = threading.current_thread() is not threading.main_thread()
        with self._lock:
            print(json.dumps([what, began, time.monotonic(), beside]), file=self._file, flush=True)

    def _wrap(self, module: Any, function: str, what: str) -> None:
        owner_name, _, name = function.rpartition(".")
        owner = getattr(module, owner_name) if owner_name else module
        inner: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(inner)
        def noted(*args: Any, **settings: Any) -> Any:
            began = time.monotonic()
            try:
                return inner(*args, **settings)
            finally:
                self.note(what, began)

        if hasattr(inner, "cache_info"):
            noted.cache_info = inner.cache_info  # type: ignore[attr-defined]
        setattr(owner, name, noted)


def main() -> None:
    """Run the command line with the arguments behind the first."""
    with open(sys.argv[1], "w", encoding="utf-8") as file:  # noqa: PTH123  # pathlib would be loaded too early
        noter = Noter(file)
        noter.note("the interpreter is there", BEGAN)
        sys.meta_path.insert(0, noter)
        from oggstream.__main__ import main as command

        sys.exit(command(sys.argv[2:]))


if __name__ == "__main__":
    main()
