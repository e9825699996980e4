"""Every interleaving of the protocol between the two sides of a ring."""

from __future__ import annotations

import itertools

import pytest

from withdrawal_model import State, ViolationError, search

BLOCKS = sorted({*itertools.permutations((1, 2, 4)), *itertools.product((1, 3), repeat=3), (2, 2, 2, 2)})
POSITIONS = [(0,), (3,), (5, 1), (0, 0)]


@pytest.mark.parametrize("playing", [True, False])
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("blocks", BLOCKS)
def test_whatever_the_order_each_sample_read_is_the_one_written_last(
    blocks: tuple[int, ...], positions: tuple[int, ...], playing: bool
) -> None:
    assert search(State(blocks, positions, playing=playing)) > 100


def test_the_search_finds_a_withdrawal_that_does_not_look_for_blocks_begun_meanwhile() -> None:
    with pytest.raises(ViolationError):
        search(State((2, 2, 2), (0,)), careless=True)


def test_the_search_finds_a_reader_that_looks_too_late_whether_sound_has_begun() -> None:
    assert search(State((2, 2, 2), (0,)), hasty=True) > 100
    with pytest.raises(ViolationError):
        search(State((2, 2, 2), (0,), playing=False), hasty=True)
