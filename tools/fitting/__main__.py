"""Judges the playout policy on services and networks, and tries other values of its constants."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from oggstream.lab.network import load_network  # noqa: E402  # see the line above
from tools.fitting import cases, constants, judge  # noqa: E402  # the same
from tools.simulation.synthesis import FAMILIES  # noqa: E402  # the same

FITTING, JUDGING = 1000, 5000  # first seeds; the two ranges do not overlap
TRACE_ENDINGS = {".down", ".up", ".txt"}


def main(argv: list[str] | None = None) -> int:
    """Run; ``argv`` as in ``--help``."""
    options = _parser().parse_args(argv)
    with ExitStack() as stack:
        for name, _, value in (setting.partition("=") for setting in options.set):
            stack.enter_context(constants.changed(name, float(value)))
        if options.fit:
            _fit(options)
        else:
            _judge(options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tools/fit", description=__doc__)
    parser.add_argument("--fit", action="store_true", help="try other values of each constant on the fitting seeds")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="another value of a constant")
    parser.add_argument("--seeds", type=int, default=6, help="services per family (default %(default)s)")
    parser.add_argument("--first-seed", type=int, help=f"the first one (default {JUDGING}; with --fit {FITTING})")
    parser.add_argument("--utterances", type=int, default=20, help="of each; ten are only learnt from")
    parser.add_argument("--family", action="append", choices=list(FAMILIES), help="only this one")
    parser.add_argument(
        "--traces",
        type=Path,
        default=os.environ.get("OGGSTREAM_TRACES"),
        help="folder of recorded networks to judge behind (default: $OGGSTREAM_TRACES; none: no network)",
    )
    return parser


def _fit(options: argparse.Namespace) -> None:
    seeds = _seeds(options, FITTING)
    services = list(cases.services(seeds, options.utterances, families=options.family))
    found = constants.search(lambda: judge.judge(services, ["learnt"]).mean["learnt"], print)
    print("worth changing:", found or "nothing")


def _judge(options: argparse.Namespace) -> None:
    seeds = _seeds(options, JUDGING)
    _print("no network", cases.services(seeds, options.utterances, families=options.family))
    for path in sorted(Path(options.traces).iterdir()) if options.traces else []:
        if path.suffix in TRACE_ENDINGS:
            network = load_network(path)
            few = seeds[: max(1, len(seeds) // 3)]
            _print(path.name, cases.services(few, options.utterances, [network], options.family))


def _seeds(options: argparse.Namespace, first: int) -> range:
    begin = first if options.first_seed is None else options.first_seed
    return range(begin, begin + options.seeds)


def _print(title: str, services: Iterable[cases.Service]) -> None:
    table = judge.judge(services, judge.PLAYERS)
    print(f"\n{title}: start p50/p95 in ms, utterances that stalled; then mean cost above the clairvoyant start\n")
    print(
        f"| {'family':18} | {'cold':16} | {'learnt':16} | " + " | ".join(f"{name:>9}" for name in judge.PLAYERS) + " |"
    )
    print("|---" * (3 + len(judge.PLAYERS)) + "|")
    for (family, layout), row in table.rows.items():
        starts = " | ".join(f"{_start(row[name]):16}" for name in ("cold", "learnt"))
        costs = " | ".join(f"{row[name].regret:9.0f}" for name in judge.PLAYERS)
        print(f"| {family + ', ' + layout:18} | {starts} | {costs} |")
    print(f"| {'mean':18} | {'':16} | {'':16} | " + " | ".join(f"{cost:9.0f}" for cost in table.mean.values()) + " |")


def _start(result: judge.Result) -> str:
    return f"{result.median:.0f}/{result.late:.0f}, {result.stalled:.0f}%"


if __name__ == "__main__":
    sys.exit(main())
