"""When to start, at what rate to play, and when to resume after a stall."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from oggstream.playout.habits import Habits, Utterance
from oggstream.playout.margins import MARGINS
from oggstream.playout.policy import Decision, Policy

FAST = Utterance(pace=0.2, delay=0.0, margin=0.0, characters=13.6)
JITTERY = Utterance(pace=0.2, delay=0.3, margin=0.1, characters=13.6)
SLOW = Utterance(pace=1.1, delay=0.0, margin=0.0, characters=13.6)
SLOWER = Utterance(pace=1.5, delay=0.0, margin=0.0, characters=13.6)


def familiar(like: Utterance) -> Habits:
    return Habits((like,) * 10, 10)


def speaking(policy: Policy, *, seconds: float = 30.0, first: float = 1.0) -> Policy:
    """A text of ``seconds`` is awaited, of which ``first`` arrived at 0."""
    policy.expect(round(seconds * 13.6))
    policy.arrived(0.0, first)
    return policy


def ask(policy: Policy, now: float, buffered: float, played: float = 0.0) -> Decision:
    return policy.decide(now, buffered, played)


def test_nothing_received_never_starts() -> None:
    assert not ask(Policy(), 0.0, 0.0).play


def test_a_first_page_of_an_unknown_service_starts_at_once_and_at_full_speed() -> None:
    decision = ask(speaking(Policy()), 0.0, 1.0)
    assert decision.play
    assert decision.speed == 1


def test_a_first_packet_of_an_unknown_service_is_waited_after_for_at_most_120_ms() -> None:
    policy = speaking(Policy(), first=0.02)
    assert not ask(policy, 0.0, 0.02).play
    assert ask(policy, 0.12, 0.02).play


def test_the_first_packet_starts_where_the_service_was_never_late() -> None:
    assert ask(speaking(Policy(familiar(FAST)), first=0.02), 0.0, 0.02).play


def test_jitter_is_waited_for_until_enough_is_there() -> None:
    policy = speaking(Policy(familiar(JITTERY)), first=0.02)
    waiting = ask(policy, 0.0, 0.02)
    assert not waiting.play
    assert 0 < waiting.again < 0.05
    policy.arrived(0.02, 0.1)
    assert ask(policy, 0.02, 0.12).play


def test_jitter_is_waited_for_until_it_is_over() -> None:
    policy = speaking(Policy(familiar(JITTERY)), first=0.02)
    assert not ask(policy, 0.0, 0.02).play
    assert ask(policy, 0.31, 0.02).play


def test_a_page_that_covers_the_jitter_starts_at_once() -> None:
    assert ask(speaking(Policy(familiar(JITTERY))), 0.0, 1.0).play


def test_a_delay_that_one_utterance_in_many_needed_is_waited_for_if_it_is_short() -> None:
    late = JITTERY._replace(delay=0.05, margin=0.5)
    later = JITTERY._replace(delay=2.0, margin=1.9)
    habits = Habits((FAST,) * 9)
    assert not ask(speaking(Policy(habits.with_utterance(late)), first=0.02), 0.0, 0.02).play
    assert not ask(speaking(Policy(habits.with_utterance(later)), first=0.02), 0.0, 0.02).play  # of 20 s of silence
    assert ask(speaking(Policy(Habits((FAST,) * 11).with_utterance(later)), first=1.95), 0.0, 1.95).play


def test_what_slowing_down_carries_is_not_waited_for() -> None:
    decision = ask(speaking(Policy(familiar(SLOW)), seconds=60), 0.0, 1.0)
    assert decision.play
    assert 0.87 <= decision.speed < 0.92


def test_what_slowing_down_does_not_carry_is_waited_for() -> None:
    policy = speaking(Policy(familiar(SLOWER)))
    assert ask(policy, 0.0, 1.0) == (False, 0.87, 0.5)
    for second in range(1, 9):
        policy.arrived(1.5 * second, 1.0)
    assert not ask(policy, 10.5, 8.0).play
    assert ask(policy, 12.0, 9.0).play


def test_a_short_text_of_a_slow_service_is_waited_for_less() -> None:
    policy = speaking(Policy(familiar(SLOWER)), seconds=4)
    policy.arrived(1.5, 1.0)
    assert ask(policy, 1.5, 2.0).play


def test_without_leave_to_slow_down_more_is_waited_for() -> None:
    decision = ask(speaking(Policy(familiar(SLOW), slowest=1.0), seconds=60), 0.0, 1.0)
    assert decision == (False, 1.0, 0.5)


def test_all_that_will_ever_come_starts_at_once() -> None:
    policy = speaking(Policy(familiar(SLOWER)))
    policy.ended(0.1)
    assert ask(policy, 0.1, 1.0) == (True, 1.0, 0.5)


def test_a_fast_source_is_played_as_it_is() -> None:
    policy = speaking(Policy(familiar(FAST)))
    policy.started(0.0)
    assert ask(policy, 0.1, 0.9, 0.1).speed == 1


def test_a_source_that_turns_slow_is_slowed_down_before_it_stalls() -> None:
    policy = speaking(Policy())
    policy.started(0.0)
    speeds = [ask(policy, now, 1.0 - now, now).speed for now in (0.1, 0.5, 0.8)]
    assert speeds[0] == 1
    assert speeds[2] == 0.87
    assert speeds == sorted(speeds, reverse=True)


def test_what_was_played_has_started() -> None:
    policy = speaking(Policy(familiar(SLOWER)))
    assert not ask(policy, 0.1, 1.0).play
    assert ask(policy, 0.1, 1.0, 0.05).play


def test_it_asks_to_be_asked_seldom_while_much_is_there() -> None:
    policy = speaking(Policy(familiar(FAST)))
    policy.started(0.0)
    assert ask(policy, 0.1, 0.9, 0.1).again == 0.5
    assert ask(policy, 0.8, 0.2, 0.8).again == 0.05


def stalled(policy: Policy) -> Policy:
    policy.started(0.0)
    policy.stalled(1.1)
    return policy


def test_an_empty_buffer_does_not_go_on() -> None:
    policy = stalled(speaking(Policy(familiar(FAST))))
    assert not ask(policy, 1.2, 0.0, 1.0).play


def test_a_fast_source_goes_on_with_its_next_page() -> None:
    policy = stalled(speaking(Policy(familiar(FAST))))
    policy.arrived(1.5, 1.0)
    assert ask(policy, 1.5, 1.0, 1.0).play
    policy.resumed(1.5)
    assert ask(policy, 2.4, 0.1, 1.9).play


def test_a_slow_source_waits_after_a_stall_for_what_lasts_to_the_end() -> None:
    policy = stalled(speaking(Policy(familiar(SLOWER))))
    policy.arrived(1.5, 1.0)
    assert not ask(policy, 1.5, 1.0, 1.0).play
    for second in range(2, 14):
        policy.arrived(1.5 * second, 1.0)
    assert ask(policy, 19.5, 13.0, 1.0).play


@pytest.mark.parametrize("habits", [None, familiar(SLOWER)])
def test_fixed_buffers_replace_the_rule(habits: Habits | None) -> None:
    policy = speaking(Policy(habits, start_buffer=0.5, resume_buffer=2.0), first=0.4)
    assert not ask(policy, 9.0, 0.4).play
    policy.arrived(9.1, 0.1)
    assert ask(policy, 9.1, 0.5).play
    stalled(policy).arrived(10.0, 1.9)
    assert not ask(policy, 10.0, 1.9, 0.5).play
    policy.arrived(10.0, 0.1)
    assert ask(policy, 10.0, 2.0, 0.5).play


def test_a_start_buffer_of_nothing_waits_for_something() -> None:
    assert not ask(speaking(Policy(start_buffer=0.0)), 0.0, 0.0).play
    assert ask(speaking(Policy(start_buffer=0.0), first=0.02), 0.0, 0.02).play


def test_the_wait_for_another_request_is_no_slowness() -> None:
    policy = speaking(Policy(familiar(FAST)), first=1.0)
    policy.arrived(0.2, 1.0)
    policy.more_text = True
    policy.started(0.0)
    policy.joined(0.2)
    assert ask(policy, 1.0, 1.2, 1.0).speed == 1
    policy.arrived(1.5, 1.0)
    assert ask(policy, 1.5, 1.5, 1.5).speed == 1


def test_where_no_text_is_known_some_audio_is_taken_to_come() -> None:
    policy = Policy(familiar(SLOWER))
    policy.arrived(0.0, 1.0)
    assert not ask(policy, 0.0, 1.0).play
    for second in range(1, 4):
        policy.arrived(1.5 * second, 1.0)
    assert ask(policy, 4.5, 4.0).play


def play_out(policy: Policy, pace: float, *, pages: int = 10) -> Habits:
    policy.expect(round(pages * 13.6))
    for page in range(pages):
        policy.arrived(page * pace, 1.0)
    policy.ended((pages - 1) * pace)
    return policy.learnt()


def test_an_utterance_teaches_its_pace_and_the_speed_of_the_voice() -> None:
    habits = play_out(Policy(), 0.5)
    assert habits.seen == 1
    assert habits.utterances[0].pace == pytest.approx(0.5)
    assert habits.utterances[0].characters == pytest.approx(13.6)


def test_one_that_was_broken_off_teaches_nothing() -> None:
    policy = speaking(Policy(familiar(FAST)))
    policy.arrived(3.0, 1.0)
    assert policy.learnt() == familiar(FAST)


def test_one_that_came_at_once_teaches_nothing() -> None:
    policy = speaking(Policy())
    policy.ended(0.0)
    assert policy.learnt() == Habits()


def test_ten_slow_utterances_outweigh_what_is_assumed() -> None:
    habits = Habits()
    for _ in range(10):
        habits = play_out(Policy(habits), 1.5)
    assert not ask(speaking(Policy(habits)), 0.0, 1.0).play


@given(
    st.lists(st.tuples(st.floats(0, 3), st.floats(0.0025, 3)), min_size=1, max_size=20),
    st.integers(0, 2000),
    st.floats(0.5, 1),
    st.sampled_from([Habits(), familiar(FAST), familiar(JITTERY), familiar(SLOW), familiar(SLOWER)]),
    st.booleans(),
)
def test_every_decision_is_in_its_range(
    gaps: list[tuple[float, float]], characters: int, slowest: float, habits: Habits, stall: bool
) -> None:
    policy = Policy(habits, slowest=slowest)
    policy.expect(characters)
    now = buffered = 0.0
    for gap, seconds in gaps:
        now, buffered = now + gap, buffered + seconds
        policy.arrived(now, seconds)
        if stall:
            policy.stalled(now)
        for later in (now, now + 0.5):
            decision = ask(policy, later, buffered)
            assert slowest <= decision.speed <= 1
            assert 0 < decision.again <= 0.5
            assert ask(policy, later, buffered) == decision
    policy.ended(now)
    assert policy.decide(now, buffered, 0.0).play
    for utterance in policy.learnt().utterances:
        assert all(number >= 0 for number in utterance)


def test_once_costs_are_known_the_cheapest_margin_replaces_the_delays_of_a_fast_service() -> None:
    none, half = ((9.0,) * place + (0.0,) + (9.0,) * (len(MARGINS) - 1 - place) for place in (0, MARGINS.index(0.5)))
    assert ask(speaking(Policy(familiar(JITTERY)._replace(costs=none)), first=0.02), 0.0, 0.02).play
    policy = speaking(Policy(familiar(JITTERY)._replace(costs=half)), first=0.4)
    assert not ask(policy, 0.0, 0.4).play
    assert not ask(policy, 0.35, 0.4).play  # however long it takes
    policy.arrived(0.36, 1.0)
    assert ask(policy, 0.36, 1.4).play


def test_utterances_teach_what_margins_would_have_cost() -> None:
    policy = Policy()
    for second in range(5):
        policy.arrived(0.3 * second, 1.0)
    policy.ended(1.2)
    costs = policy.learnt().costs
    assert len(costs) == len(MARGINS)
    assert costs[0] == 0 < costs[-1]
