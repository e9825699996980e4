"""The command line of tools/sanitize."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

HERE = Path(__file__).resolve().parent
CALLBACK = HERE.parent.parent / "src/oggstream/sinks"
SANITIZERS = {"thread": "thread", "address": "address,undefined"}
"""What gcc and clang call them: a program has either the first or the others."""
FLAGS = ["-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-ffp-contract=off", "-fno-sanitize-recover=all"]
EPILOG = """\
A thread calls the callback as a device does; another one writes, withdraws, pauses, changes the gain, cuts, finishes,
goes back, and changes and frees rings, at random. Every sample is checked: it must be the one that was written last at
its position. A finding of a sanitizer, or a wrong sample, ends the run with status 1. Each needs gcc or clang (CC).

examples:
  tools/sanitize                               a million blocks with each
  tools/sanitize --blocks 100000000            as many as a device takes in six days
  tools/sanitize --only thread --seed 7
"""


def main(words: list[str] | None = None) -> int:
    """Build and run the harness with each sanitizer; return the exit status."""
    args = _arguments(words)
    for name in args.only or SANITIZERS:
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            program = build(name, Path(folder))
            status = _run(program, args.blocks, args.seed)
        result = "FAILED" if status else "clean"
        print(f"{SANITIZERS[name]}: {result}, {time.monotonic() - began:.0f} s", flush=True)
        if status:
            return 1
    return 0


def build(name: str, folder: Path) -> Path:
    """Compile the harness, which includes the callback, with a sanitizer; return the program."""
    program = folder / "harness"
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        _fail("there is no C compiler: install gcc or clang, or name one: CC=PATH")
    unknown = ["-Wno-tsan"] if "gcc" in Path(compiler).name else []  # a fence that only callers in Python use
    command = [compiler, *FLAGS, *unknown, f"-fsanitize={SANITIZERS[name]}", f"-I{CALLBACK}", "-o", str(program)]
    done = subprocess.run([*command, str(HERE / "harness.c"), "-lm", "-lpthread"], check=False)
    if done.returncode:
        _fail(f"{compiler} cannot build with -fsanitize={SANITIZERS[name]}")
    return program


def _run(program: Path, blocks: int, seed: int) -> int:
    environment = os.environ | {"TSAN_OPTIONS": "halt_on_error=1"}
    return subprocess.run([str(program), str(blocks), str(seed)], env=environment, check=False).returncode


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tools/sanitize",
        description="Runs the audio callback in C under ThreadSanitizer, AddressSanitizer and UBSan.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--blocks", type=int, default=1_000_000, metavar="N", help="blocks to play (default: 1000000)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the random choices (default: 1)")
    parser.add_argument("--only", action="append", choices=SANITIZERS, help="one of them only; may be repeated")
    return parser.parse_args(words)


def _fail(message: str) -> NoReturn:
    print(f"tools/sanitize: error: {message}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    sys.exit(main())
