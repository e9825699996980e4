"""The test vectors at the reader's level: outcome, links, channels, lengths and holes, whatever the split."""

from __future__ import annotations

import csv
import os
import random
from pathlib import Path

import pytest

from ogg_build import Reading
from tools.fuzzing.target import frames_of

FOLDER = os.environ.get("OGGSTREAM_VECTORS", "")

pytestmark = pytest.mark.skipif(not FOLDER, reason="OGGSTREAM_VECTORS names no folder with expected.tsv")


def rows() -> list[dict[str, str]]:
    if not FOLDER:
        return []
    with (Path(FOLDER) / "expected.tsv").open(newline="", encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def per_link(cell: str) -> list[set[str]]:
    """What is right for each link: "4*2,1|2" is 2 four times, then 1 or 2."""
    cells = []
    for part in cell.split(","):
        times, _, value = part.rpartition("*")
        cells += [set(value.split("|"))] * int(times or 1)
    return cells


def matches(found: list[int], cell: str) -> bool:
    expected = per_link(cell)
    return len(found) == len(expected) and all(str(a) in b for a, b in zip(found, expected, strict=True))


@pytest.fixture(params=rows(), ids=lambda row: row["file"])
def row(request: pytest.FixtureRequest) -> dict[str, str]:
    found: dict[str, str] = request.param
    return found


def body(row: dict[str, str]) -> bytes:
    return (Path(FOLDER) / row["file"]).read_bytes()


def test_vector_gives_what_the_table_says(row: dict[str, str]) -> None:
    reading = Reading(body(row))
    if row["outcome"] == "refuse":
        words = row["says"].split("|") if row["says"] else [""]
        assert reading.error is not None
        assert any(word.lower() in str(reading.error).lower() for word in words), str(reading.error)
        return
    assert reading.error is None
    assert reading.stats.links == len(reading.heads) == int(row["links"])
    assert matches([head.channels for head in reading.heads], row["channels"])
    assert matches(reading.lengths, row["samples"])
    assert row["holes"] in ("-", str(reading.stats.holes))


@pytest.mark.parametrize("step", [1, 7, 1369])
def test_vector_gives_the_same_however_it_is_split(row: dict[str, str], step: int) -> None:
    data = body(row)
    assert Reading(data, step=step).result == Reading(data).result


@pytest.mark.parametrize(("step", "often"), [(1, 0.5), (100, 1.0), (1369, 0.9)])
def test_vector_gives_the_same_when_packets_go_before_their_page_is_complete(
    row: dict[str, str], step: int, often: float
) -> None:
    data = body(row)
    chance = random.Random(step)
    early = Reading(data, step=step, eager=lambda: chance.random() < often)
    assert early.result == Reading(data).result
    if row["outcome"] == "decode" and len(data) < 100_000:
        assert frames_of(early.items) == frames_of(Reading(data).items)
