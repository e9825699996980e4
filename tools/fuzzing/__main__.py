"""The command line of tools/fuzz."""

from __future__ import annotations

import argparse
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from tools.fuzzing import memory  # noqa: E402  # found by the line above

MEGABYTES = 64
"""The most that memory may grow, in MB, while one input is read, decoded and described."""

NAMES = ("bodies", "text", "deltas", "realtime", "sockets", "endpoint", "calls", "services", "history", "capture")
"""The names of the targets; `tools.fuzzing.targets` describes them, and loads oggstream."""

WARM_UP = 100  # inputs during which libraries are loaded

EPILOG = f"""\
Each input goes through the reader (whole and in pieces), the decoder, `decode` and `inspect`. A finding is: an
undocumented exception, a different result for pieces than for the whole, more than 2 s of CPU for an input of up to
200 KB, or memory growth of more than {MEGABYTES} MB (on Linux). It ends the run with a status other than 0; the input
is kept as crash-* in --artifacts.

examples:
  tools/fuzz --seconds 1800
  tools/fuzz --corpus ~/corpus      keeps new inputs there, and continues from them
  tools/fuzz crash-0123             runs the named files, once each
  tools/fuzz --target text --seconds 600
  tools/fuzz --all --seconds 3600   each target for so long, one after the other
  tools/fuzz --worst                runs costly bodies of 200 KB, and prints their cost
"""


class Tally:
    """The figures of the run so far."""

    def __init__(self, seconds: float) -> None:
        self.began = time.monotonic()
        self.deadline = time.process_time() + seconds
        self.executions = 0
        self.slowest = (0.0, b"")
        self.grown = 0.0

    def run(self, data: bytes, examine: Callable[[bytes], float]) -> None:
        """Examine an input. Raises any finding, and `MemoryError` for growth."""
        before = memory.begin()
        taken = examine(data)
        grown = memory.peak() - before
        self.executions += 1
        if taken > self.slowest[0]:
            self.slowest = (taken, data)
        if self.executions > WARM_UP:
            self.grown = max(self.grown, grown)
            if grown > MEGABYTES:
                raise MemoryError(f"memory grew by {grown:.0f} MB")

    def summary(self) -> str:
        """One line."""
        seconds = time.monotonic() - self.began
        taken, data = self.slowest
        return (
            f"{self.executions} executions in {seconds:.0f} s ({time.process_time():.0f} s of CPU), no findings; peak "
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000:.0f} MB with libFuzzer's corpus, growth by "
            f"one input {self.grown:.0f} MB at most; slowest input {taken * 1000:.0f} ms ({len(data)} bytes)"
        )


def main() -> int:
    """Run as the arguments say; return the exit status, unless the run ends the process itself."""
    options = _parser().parse_args()
    if options.target not in NAMES:
        print(f"tools/fuzz: no target {options.target!r}: use {', '.join(NAMES)}", file=sys.stderr)
        return 2
    if options.files:
        return _run_files(options.files, options.target)
    if options.worst:
        return _run_worst()
    try:
        atheris = import_module("atheris")
    except ImportError:
        print(
            f"tools/fuzz needs atheris, which is not installed: {sys.executable} -m pip install atheris\n"
            "(Linux; wheels for Python 3.11 to 3.13. tests/test_fuzz.py looks for the same with hypothesis alone.)",
            file=sys.stderr,
        )
        return 2
    if options.all:
        return _run_all(options)
    return _fuzz(atheris, options) if options.corpus else _fuzz_in_passing()


def _fuzz_in_passing() -> int:
    """Run again, with a corpus that this process removes, for libFuzzer ends its own by itself."""
    with tempfile.TemporaryDirectory(prefix="oggstream-fuzz-") as folder:
        command = [sys.executable, *sys.orig_argv[1:], "--corpus", folder]
        return subprocess.run(command, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/fuzz",
        description="Searches for bytes that break oggstream, guided by coverage; starts from tests/fixtures.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seconds", type=float, default=60, help="CPU time of the run (default: 60)")
    parser.add_argument("--seed", type=int, default=0, help="of the search; 0 (default): a new one each time")
    parser.add_argument("--max-len", type=int, default=50_000, help="most bytes of an input (default: 50000)")
    parser.add_argument("--corpus", type=Path, help="folder for new inputs (default: a temporary one)")
    parser.add_argument("--artifacts", type=Path, default=Path(), help="folder for findings (default: here)")
    parser.add_argument("--target", default="bodies", metavar="NAME", help=f"{', '.join(NAMES)} (bodies)")
    parser.add_argument("--all", action="store_true", help="every target, one after the other, --seconds each")
    parser.add_argument("--worst", action="store_true", help="run costly bodies instead")
    parser.add_argument("files", nargs="*", type=Path, help="inputs to run once each, without a search")
    return parser


def _run_all(options: argparse.Namespace) -> int:
    """Run every target in a process of its own; its corpus is a subfolder of ``--corpus``."""
    failed = []
    for name in NAMES:
        command = [sys.executable, "-P", __file__, "--target", name, "--seconds", f"{options.seconds:g}"]
        command += ["--max-len", str(options.max_len), "--artifacts", str(options.artifacts)]
        if options.corpus is not None:
            command += ["--corpus", str(options.corpus / name)]
        print(f"== {name}", flush=True)
        if subprocess.run(command, check=False).returncode:
            failed.append(name)
    if failed:
        print(f"tools/fuzz: findings in {', '.join(failed)}: see {options.artifacts}/crash-*", file=sys.stderr)
    return int(bool(failed))


def _run_files(files: list[Path], name: str) -> int:
    from tools.fuzzing.targets import TARGETS, timed

    examine = timed(TARGETS[name])
    for file in files:
        before = memory.begin()
        taken = examine(file.read_bytes())
        print(f"{file}: {taken * 1000:.0f} ms, {memory.peak() - before:.0f} MB")
    return 0


def _run_worst() -> int:
    from tools.fuzzing.target import SECONDS
    from tools.fuzzing.worst import costs

    print("| body | bytes | s of CPU | in | growth, MB |\n|---|---|---|---|---|")
    slowest = largest = 0.0
    for cost in costs():
        slowest, largest = max(slowest, cost.seconds), max(largest, cost.megabytes)
        print(f"| {cost.name} | {cost.size} | {cost.seconds:.2f} | {cost.part} | {cost.megabytes:.0f} |", flush=True)
    print(f"| **most** | | **{slowest:.2f}** | | **{largest:.0f}** |")
    return int(slowest > SECONDS or largest > MEGABYTES)


def _fuzz(atheris: Any, options: argparse.Namespace) -> NoReturn:
    with atheris.instrument_imports(include=["oggstream"]):
        from tools.fuzzing.targets import TARGETS, timed

        examine = timed(TARGETS[options.target])
        for seed in TARGETS[options.target].seeds:
            examine(seed)  # so that late imports are instrumented too
    from tools.fuzzing.mutate import mutate

    tally = Tally(options.seconds)
    options.artifacts.mkdir(parents=True, exist_ok=True)

    def run_one(data: bytes) -> None:
        if time.process_time() > tally.deadline:
            _end(tally, options.artifacts)
        tally.run(data, examine)

    def change(data: bytes, most: int, seed: int) -> bytes:
        return mutate(data, most, random.Random(seed), atheris.Mutate)  # noqa: S311  # no secret

    corpus = options.corpus
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(TARGETS[options.target].seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    seeds = _seeds() if options.target == "bodies" else []
    arguments = [
        *(sys.argv[0], f"-max_len={options.max_len}", f"-artifact_prefix={options.artifacts}/", "-timeout=60"),
        *("-rss_limit_mb=0", "-print_final_stats=1", f"-seed={options.seed}"),
        *(str(corpus), *seeds),
    ]
    atheris.Setup(arguments, run_one, custom_mutator=change if options.target == "bodies" else None)
    atheris.Fuzz()
    raise SystemExit(1)


def _seeds() -> list[str]:
    """Return the folders of initial inputs."""
    fixtures = ROOT / "tests" / "fixtures"
    return [str(folder) for folder in (fixtures, fixtures / "damage") if folder.is_dir()]


def _end(tally: Tally, artifacts: Path) -> NoReturn:
    """Print the summary, and exit; libFuzzer would not return either."""
    (artifacts / "slowest").write_bytes(tally.slowest[1])
    print(f"\n{tally.summary()}: {artifacts / 'slowest'}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
