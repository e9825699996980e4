"""The command line of tools/bench. Each row is measured in a process of its own, so that rows do not interfere."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from oggstream.files.places import cache_folder

from .machine import describe
from .row import FAILED, MISSED, Result, Row, Run, take, without_figures
from .rows import ROWS
from .table import as_json, as_table

QUICK = 0.1
LIMIT_SECONDS = 900  # for one row

EPILOG = """\
Do not use the machine meanwhile: other load distorts the figures. Both sides of a ratio are measured in turn in the
same run. Exit status: 0 if every promise that could be measured is kept, 1 if one is not, 2 for a wrong argument.

examples:
  tools/bench                       everything, which takes about ten minutes
  tools/bench --only decode --only cold
  tools/bench busy                  the same as --only busy
  tools/bench listeners             all rows whose names begin with "listeners-"
  tools/bench --quick --json
  tools/bench latency               beside other players, see tools/bench latency --help
  tools/bench start                 where each millisecond of a cold start goes
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the chosen rows and print them; return the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    with nothing_learnt():
        return _run(words)


def _run(words: list[str]) -> int:
    if words[:1] == ["latency"]:
        from .latency import main as latency

        return latency(words[1:])
    if words[:1] == ["start"]:  # also the name of a row, which --only finds
        from .start import main as start

        return start(words[1:])
    if words[:1] and (named := _named(words[0])):
        words[:1] = [word for name in named for word in ("--only", name)]
    options = _parser().parse_args(words)
    if options.list:
        print("\n".join(f"{row.name:10} {row.what}: {row.asked}" for row in ROWS))
        return 0
    chosen = [row for row in ROWS if not options.only or row.name in options.only]
    if options.measure_in:
        (row,) = chosen
        print(json.dumps(take(row, Run(options.scale, Path(options.measure_in)))._asdict()))
        return 0
    scale = QUICK if options.quick else options.scale
    with tempfile.TemporaryDirectory(prefix="oggstream-bench-") as folder:
        results = [_in_a_process(row, scale, folder) for row in chosen]
    machine = describe() | ({} if scale == 1 else {"size": f"{scale:g} of the full one: figures are rough"})
    print(as_json(results, machine) if options.json else as_table(results, machine))
    return int(any(result.verdict in (MISSED, FAILED) for result in results))


@contextmanager
def nothing_learnt() -> Iterator[None]:
    """Keep what this machine was found to need (a device's latency above all) out of the figures, and these out of it.

    The tables of voices, which are the same for all, are not made anew.
    """
    usual = Path(cache_folder())
    before = os.environ.get("XDG_CACHE_HOME")
    with tempfile.TemporaryDirectory(prefix="oggstream-bench-cache-") as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        try:
            own = Path(cache_folder())
            if own != usual:  # else this system has another place for it, which no variable moves
                own.mkdir(parents=True)
                (usual / "voices").mkdir(parents=True, exist_ok=True)
                (own / "voices").symlink_to(usual / "voices")
            yield
        finally:
            os.environ.pop("XDG_CACHE_HOME") if before is None else os.environ.update(XDG_CACHE_HOME=before)


def _named(word: str) -> list[str]:
    """The rows that ``word`` means: its own, and those whose names go on behind it."""
    return [row.name for row in ROWS if row.name == word or row.name.startswith(f"{word}-")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tools/bench",
        description="Measures what oggstream promises, and prints a table: what, asked, measured, verdict.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [row.name for row in ROWS]
    parser.add_argument("--only", action="append", metavar="NAME", choices=names, help=f"one of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work: rough figures")
    parser.add_argument("--json", action="store_true", help="print one JSON object, times in seconds")
    parser.add_argument("--list", action="store_true", help="print the rows and measure nothing")
    parser.add_argument("--scale", type=float, default=1.0, help=argparse.SUPPRESS)
    parser.add_argument("--measure-in", metavar="FOLDER", help=argparse.SUPPRESS)  # what a child process is asked for
    return parser


def _in_a_process(row: Row, scale: float, folder: str) -> Result:
    """Measure one row in a fresh process; if it crashes or hangs, the other rows are unaffected."""
    program = Path(__file__).with_name("__main__.py")
    child: list[str | Path] = [
        sys.executable,
        "-P",
        program,
        "--only",
        row.name,
        "--scale",
        str(scale),
        "--measure-in",
        folder,
    ]
    print(f"measuring {row.name} ...", end=" ", file=sys.stderr, flush=True)
    began = time.monotonic()
    try:
        done = subprocess.run(
            child, stdout=subprocess.PIPE, text=True, check=True, timeout=LIMIT_SECONDS, env=_clean(folder)
        )
        result = Result(**json.loads(done.stdout))
    except subprocess.TimeoutExpired:
        result = without_figures(row, FAILED, f"no result in {LIMIT_SECONDS} s")
    except subprocess.CalledProcessError as error:
        result = without_figures(row, FAILED, f"ended with status {error.returncode}, see above")
    print(f"{result.verdict}: {result.measured} ({time.monotonic() - began:.0f} s)", file=sys.stderr, flush=True)
    return result


def _clean(folder: str) -> dict[str, str]:
    """Return the environment without variables that redirect requests; temporary files go into ``folder``."""
    own = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    kept = {name: value for name, value in own.items() if not name.startswith(("OPENAI_", "AZURE_OPENAI_"))}
    return {**kept, "TMPDIR": folder}
