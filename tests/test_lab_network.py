"""Arrivals through recorded networks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from oggstream.errors import UsageError
from oggstream.lab.network import Network, Opportunities, Rates, load_network

ARRIVALS = st.lists(st.tuples(st.floats(0, 20), st.integers(0, 20_000)), max_size=12).map(sorted)
TRACES = st.lists(st.integers(0, 3000), min_size=1, max_size=30).map(sorted).filter(lambda ms: ms[-1] > 0)
STEPS = st.lists(
    st.tuples(st.floats(0.001, 5), st.one_of(st.just(0.0), st.floats(0.01, 50))), min_size=1, max_size=12
).filter(lambda steps: any(rate for _, rate in steps))


def written(folder: Path, text: str) -> Path:
    path = folder / "trace"
    path.write_text(text)
    return path


def test_each_opportunity_delivers_1500_bytes_and_what_is_missed_is_lost() -> None:
    network = Opportunities([0, 10, 20, 30, 100])
    assert network.pass_through([(0.005, 4000)]) == [(0.01, 1500), (0.02, 1500), (0.03, 1000)]
    assert network.pass_through([(0.035, 1)]) == [(0.1, 1)]


def test_a_mahimahi_trace_repeats_from_its_last_line_on() -> None:
    network = Opportunities([40, 100])
    assert network.period == 0.1
    assert network.pass_through([(0.05, 4500)]) == [(0.1, 1500), (0.14, 1500), (0.2, 1500)]
    assert network.pass_through([(1000.05, 1500)])[0][0] == pytest.approx(1000.1)


def test_what_leaves_at_one_moment_leaves_in_one_piece() -> None:
    assert Opportunities([5, 5, 5, 9]).pass_through([(0, 100), (0.001, 3000)]) == [(0.005, 3100)]


def test_small_chunks_share_an_opportunity() -> None:
    assert Opportunities([10, 20]).pass_through([(0.001, 700), (0.002, 700), (0.003, 700)]) == [
        (0.01, 1500),
        (0.02, 600),
    ]


def test_a_rate_is_held_until_the_next_line() -> None:
    network = Rates([(0, 0.012), (2, 0.12), (4, 0.0)])  # 1500, 15000 and 0 bytes a second
    assert network.pass_through([(1.0, 3000)]) == [(2.0, 1500), (2.1, 1500)]
    assert network.pass_through([(3.9, 3000)]) == [(4.0, 1500), (7.0, 1500)]  # 4 to 6 s: nothing; then from the start


def test_a_trace_of_rates_that_begins_late_begins_at_once() -> None:
    assert Rates([(180, 0.012), (185, 1.2)]).pass_through([(0, 1500)]) == [(1.0, 1500)]


def test_a_replay_may_enter_the_network_at_any_moment() -> None:
    assert Rates([(0, 0.012), (10, 0.12)]).pass_through([(1.0, 1500)], 9.5)[0][0] == pytest.approx(1.1)
    assert Opportunities([0, 10, 50]).pass_through([(0.01, 1500)], 0.03)[0][0] == pytest.approx(0.02)


def check(network: Network, arrivals: list[tuple[float, int]], start: float) -> None:
    left = network.pass_through(arrivals, start)
    assert sum(size for _, size in left) == sum(size for _, size in arrivals)
    assert all(size > 0 for _, size in left)
    assert [at for at, _ in left] == sorted(at for at, _ in left)
    for limit in [at for at, _ in left]:  # nothing leaves before it came
        entered = sum(size for at, size in arrivals if at <= limit + 1e-6)
        assert sum(size for at, size in left if at <= limit) <= entered


@given(TRACES, ARRIVALS, st.floats(0, 100))
def test_opportunities_keep_every_byte_and_the_order(
    trace: list[int], arrivals: list[tuple[float, int]], start: float
) -> None:
    check(Opportunities(trace), arrivals, start)


@given(STEPS, ARRIVALS, st.floats(0, 100))
def test_rates_keep_every_byte_and_the_order(
    steps: list[tuple[float, float]], arrivals: list[tuple[float, int]], start: float
) -> None:
    times = [sum(length for length, _ in steps[:n]) for n in range(len(steps))]
    check(Rates([(at, rate) for at, (_, rate) in zip(times, steps, strict=True)]), arrivals, start)


def test_the_number_of_columns_tells_the_kind(tmp_path: Path) -> None:
    assert isinstance(load_network(written(tmp_path, "0\n\n5\n5\n")), Opportunities)
    assert isinstance(load_network(written(tmp_path, "0.0\t1.5\n1.0 2\n")), Rates)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("0\nx\n", "damaged at line 2: it is not a number of ms"),
        ("0\n5 5\n", "damaged at line 2"),
        ("0 1 2\n", "damaged at line 1"),
        ("5\n4\n", "line 2: its time does not follow"),
        ("0\n0\n", "lasts 0 ms"),
        ("-1\n", "damaged at line 1"),
        ("nan\n", "damaged at line 1"),
        ("0 1\n0 2\n", "line 2: its time does not follow"),
        ("0 inf\n", "damaged at line 1: it is not `seconds"),
        ("0 -1\n", "damaged at line 1"),
        ("0 0\n1 0\n", "never delivers anything"),
        ("\u00e9\n", "is no text"),
    ],
)
def test_a_damaged_trace_is_refused_with_its_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        load_network(written(tmp_path, text))


def test_a_missing_trace_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*none"):
        load_network(tmp_path / "none")


@pytest.mark.skipif("OGGSTREAM_TRACES" not in os.environ, reason="OGGSTREAM_TRACES names no folder of traces")
def test_recorded_traces_can_be_used() -> None:
    paths = [path for path in Path(os.environ["OGGSTREAM_TRACES"]).iterdir() if path.suffix != ".md"]
    assert paths
    for path in paths:
        check(load_network(path), [(n / 2, 9000) for n in range(20)], 11.0)
