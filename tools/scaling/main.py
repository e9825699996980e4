"""The command line of tools/scale."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ..benchmarks.machine import describe
from ..benchmarks.row import FAILED, MISSED, Run, take, without_figures
from ..benchmarks.table import as_json, as_table
from .checks import ROWS

QUICK = 0.1
FILES = 8192


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the chosen checks; return 1 if one was not passed."""
    parser = argparse.ArgumentParser(
        prog="tools/scale",
        description="Runs HAProxy, Redis and three nodes here, and shows what many askers and lost nodes do.",
    )
    names = [row.name for row in ROWS]
    parser.add_argument("--only", action="append", metavar="NAME", choices=names, help=f"one of {', '.join(names)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the askers: rough figures")
    parser.add_argument("--json", action="store_true", help="print one JSON object, times in seconds")
    options = parser.parse_args(arguments)
    allow_files()
    results = []
    for row in ROWS:
        if options.only and row.name not in options.only:
            continue
        print(f"{row.name} ...", end=" ", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="oggstream-scale-") as folder:
            try:
                result = take(row, Run(QUICK if options.quick else 1.0, Path(folder)))
            except Exception as error:  # noqa: BLE001 - the other checks go on
                result = without_figures(row, FAILED, f"{type(error).__name__}: {error}")
        print(f"{result.verdict}: {result.measured}", file=sys.stderr, flush=True)
        results.append(result)
    machine = describe()
    print(as_json(results, machine) if options.json else as_table(results, machine))
    return int(any(result.verdict in (MISSED, FAILED) for result in results))


def allow_files() -> None:
    """Let this process, and those that it starts, hold a thousand connections."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = FILES if hard == resource.RLIM_INFINITY else min(FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
