"""The playout rules of other players."""

from __future__ import annotations

from tools.simulation.rivals import Constant, NetEq, exo_player
from tools.simulation.simulate import Rule


def plays(rule: Rule, buffered: float) -> bool:
    return rule.decide(0.0, buffered, 0.0).play


def test_a_constant_buffer_is_filled_first_or_the_stream_is_over() -> None:
    rule = Constant(0.2)
    rule.expect(100)
    rule.arrived(0.0, 0.1)
    assert not plays(rule, 0.1)
    assert plays(rule, 0.2)
    rule.ended(0.0)
    assert plays(rule, 0.1)
    assert not plays(rule, 0.0)


def test_exo_player_wants_more_after_a_stall() -> None:
    rule = exo_player()
    assert plays(rule, 2.5)
    rule.started(0.0)
    rule.stalled(1.0)
    assert not plays(rule, 4.9)
    rule.resumed(1.0)
    assert plays(rule, 5.0)


def test_net_eq_begins_with_80_ms() -> None:
    assert not plays(NetEq(), 0.07)
    assert plays(NetEq(), 0.08)


def test_net_eq_wants_what_95_of_100_packets_needed() -> None:
    rule = NetEq()
    for number in range(1000):
        rule.arrived(number * 0.02, 0.02)
    assert plays(rule, 0.02)
    late = NetEq(rule.delays)
    for number in range(200):
        late.arrived(number * 0.02 + (0.2 if number else 0.0), 0.02)
    late.stalled(0.0)
    assert not plays(late, 0.19)
    assert plays(late, 0.22)


def test_net_eq_forgets() -> None:
    rule = NetEq()
    for number in range(10):
        rule.arrived(number * 1.0, 0.02)
    assert not plays(rule, 1.0)
    for number in range(2000):
        rule.arrived(10 + number * 0.01, 0.02)
    assert plays(rule, 0.02)
