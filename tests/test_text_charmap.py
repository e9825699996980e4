from __future__ import annotations

from hypothesis import given, strategies as st

from oggstream.text.charmap import CharMap


def test_positions_of_what_was_kept_advance_together() -> None:
    kept = CharMap()
    kept.add(0, 5, 10, 15)
    kept.add(5, 5, 15, 20)
    assert [kept.end(at) for at in (0, 3, 7, 10)] == [10, 13, 17, 20]
    assert kept.cut(0, 10) == ((0, 10),)


def test_what_was_left_out_lies_behind_the_end_of_what_is_before_it() -> None:
    kept = CharMap()
    kept.add(0, 2, 0, 2)
    kept.add(2, 2, 6, 8)
    assert [kept.end(at) for at in (1, 2, 3)] == [1, 2, 7]


def test_a_character_that_stands_for_many_ends_where_they_end() -> None:
    kept = CharMap()
    kept.add(0, 1, 0, 1)
    kept.add(1, 1, 1, 6)
    kept.add(2, 1, 9, 10)
    assert [kept.end(at) for at in (1, 2, 3)] == [1, 6, 10]


def test_inserted_characters_stand_where_they_were_inserted() -> None:
    kept = CharMap()
    kept.add(0, 1, 0, 1)
    kept.add(1, 2, 1, 1)
    kept.add(3, 1, 1, 2)
    assert [kept.end(at) for at in range(5)] == [0, 1, 1, 1, 2]


def test_a_cut_counts_from_its_own_start() -> None:
    kept = CharMap()
    kept.add(0, 5, 0, 5)
    kept.add(5, 5, 7, 12)
    assert kept.cut(3, 8) == ((0, 3), (2, 5), (2, 7))


def test_forgetting_keeps_what_is_needed_later() -> None:
    kept = CharMap()
    for run in range(1000):
        kept.add(run, 1, 2 * run, 2 * run + 1)
        kept.forget(run)
    assert len(kept._changed) < 5
    assert kept.end(1000) == 1999


def test_nothing_stands_at_the_start() -> None:
    assert CharMap().end(0) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 3)), max_size=20))
def test_positions_never_go_back(runs: list[tuple[int, int, int]]) -> None:
    kept, at, start = CharMap(), 0, 0
    for length, original, skipped in runs:
        if length:
            kept.add(at, length, start, start + original)
        at += length
        start += original + skipped
    ends = [kept.end(position) for position in range(at + 1)]
    assert ends == sorted(ends)
    assert all(0 <= end <= start for end in ends)
