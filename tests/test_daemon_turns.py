from __future__ import annotations

import random
import tracemalloc

from oggstream.daemon.turns import INTERRUPT, MIX, QUEUE, Turns


def test_one_sounds_and_the_others_wait_in_their_order() -> None:
    turns: Turns[str] = Turns()
    assert turns.ask("a").granted == ["a"]
    assert turns.ask("b").granted == turns.ask("c").granted == []
    assert turns.leave("a").granted == ["b"]
    assert turns.leave("b").granted == ["c"]
    assert turns.leave("c").granted == []


def test_one_that_waits_no_more_is_passed_over() -> None:
    turns: Turns[str] = Turns()
    for key in "abc":
        turns.ask(key)
    assert turns.leave("b").granted == []
    assert turns.leave("a").granted == ["c"]


def test_one_that_interrupts_silences_all_that_sound_or_wait() -> None:
    turns: Turns[str] = Turns()
    turns.ask("a")
    turns.ask("b")
    turns.ask("m", MIX)
    change = turns.ask("i", INTERRUPT)
    assert change.granted == ["i"]
    assert sorted(change.silenced) == ["a", "b", "m"]
    assert turns.leave("a").granted == []  # its fade is over: that changes nothing
    assert turns.holder == "i"


def test_one_that_mixes_waits_for_nobody_and_holds_up_nobody() -> None:
    turns: Turns[str] = Turns()
    turns.ask("a")
    assert turns.ask("m", MIX).granted == ["m"]
    assert turns.leave("a").granted == []
    assert turns.ask("b").granted == ["b"]


def test_one_that_never_asked_may_leave() -> None:
    turns: Turns[str] = Turns()
    turns.ask("a")
    assert turns.leave("z") == ([], [])
    assert turns.holder == "a"


def test_a_day_of_clients_leaves_nothing_behind_and_never_gives_two_a_turn() -> None:
    turns: Turns[int] = Turns()
    chance = random.Random(1)
    present: list[int] = []
    grown = 0
    tracemalloc.start()
    try:
        for key in range(86_400):  # one each second; they leave in any order
            turns.ask(key, chance.choices((QUEUE, INTERRUPT, MIX), (8, 1, 1))[0])
            present.append(key)
            while len(present) > 5 or (present and chance.random() < 0.5):
                turns.leave(present.pop(chance.randrange(len(present))))
            waiting = set(turns.waiting)
            assert turns.holder not in waiting
            assert not waiting & turns.mixing
            assert turns.holder is not None or not waiting
            if key == 1000:
                grown = -tracemalloc.get_traced_memory()[0]
        grown += tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    for key in present:
        turns.leave(key)
    assert (turns.holder, list(turns.waiting), turns.mixing) == (None, [], set())
    assert grown < 20_000
