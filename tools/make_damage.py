#!/usr/bin/env python3
"""Make tests/fixtures/damage: a stream of every kind of damage and oddity, and expected.tsv, what each must give.

Run by hand from an environment with the package; the result is committed. The same libopus gives the same bytes.
What is expected follows from how a stream was made, and is written down beside that: never measured.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from oggstream.codec.library import libopus_version  # noqa: E402  # these are found by the line above
from tools.damage import foreign, headers, pages, streams  # noqa: E402
from tools.damage.build import CASES, Case  # noqa: E402

FOLDER = ROOT / "tests" / "fixtures" / "damage"


def collected() -> list[Case]:
    """Return all streams of the corpus."""
    order = [module.__name__ for module in (pages, streams, headers, foreign)]
    return [case for make in sorted(CASES, key=lambda make: order.index(make.__module__)) for case in make()]


def main() -> None:
    """Write them all, and the table."""
    found = collected()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.iterdir():
        old.unlink()
    for case in found:
        (FOLDER / f"{case.name}.opus").write_bytes(case.body)
    columns = [name for name in Case._fields if name != "body"]
    with (FOLDER / "expected.tsv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["file", *columns[1:]])
        table.writerows([f"{case.name}.opus", *(getattr(case, name) for name in columns[1:])] for case in found)
    print(f"{libopus_version()}: {len(found)} streams, {sum(len(case.body) for case in found)} bytes")


if __name__ == "__main__":
    main()
